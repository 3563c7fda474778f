//! What an engine is in Envoy: a listener with its filters and routes.
//!
//! A module without the other five has routes around it that let its own work show:
//!
//! | module | routes |
//! |---|---|
//! | router, canary | the generated ones: it names the cluster itself |
//! | fault, mirror | the generated ones, which lead to the scene's `alone_to`, since nobody names a cluster |
//! | stats, circuit breaker | Envoy's own, as the [native twin](crate::native) has them |

use std::net::{Ipv4Addr, SocketAddr};

use envoy_config::filter::{self, StringValue, configuration, module_filter};
use envoy_config::listener::{Front, Listener, STREAM_IDLE_TIMEOUT};
use envoy_config::{Packaging, http_filters, route_config, to_json};
use serde_json::{Value, json};
use shared::plan::guard::Detector;

use super::proxy::Placed;
use super::{Behaviour, Kind, module};
use crate::sail::for_each_object;
use crate::{native, paths};

/// Its name in Envoy.
pub(super) fn name(scene: usize, engine: Kind) -> String {
    format!("{engine}-{scene}").replace(' ', "-")
}

/// A listener of Envoy for one engine and one scene.
pub(super) fn listener(index: usize, engine: Kind, scene: &Placed<'_>) -> Value {
    let front = Front {
        name: name(index, engine),
        at: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
        edge: !native::gateways(scene.set, scene.proxy).iter().any(|gateway| gateway == "mesh"),
        proxy: scene.proxy.clone(),
    };
    let of_modules = |packaging| {
        let filters = http_filters(scene.proxy, scene.set, Detector::Envoy, packaging, &paths::modules());
        to_json(&Listener::new(
            &front,
            scene.set.mesh.path_normalization,
            STREAM_IDLE_TIMEOUT,
            route_config(scene.proxy, scene.set),
            filters,
        ))
    };
    match engine {
        Kind::Suite => of_modules(Packaging::Suite),
        Kind::Modules => of_modules(Packaging::Separate),
        Kind::Native | Kind::Core | Kind::Istiod | Kind::Alone(_) => {
            let routes = route_config(scene.proxy, scene.set);
            let plain = Listener::new(
                &front,
                scene.set.mesh.path_normalization,
                STREAM_IDLE_TIMEOUT,
                routes,
                vec![filter::router()],
            );
            let mut listener = to_json(&plain);
            let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config");
            let manager = manager.expect("a listener has an HTTP connection manager");
            match engine {
                Kind::Alone(behaviour) => put_alone(behaviour, scene, manager),
                _ => {
                    manager["route_config"] = native::route_config(scene.set, scene.proxy);
                    manager["http_filters"] = json!(native::http_filters());
                }
            }
            listener
        }
    }
}

/// Puts the module and its routes into an HTTP connection manager.
fn put_alone(behaviour: Behaviour, scene: &Placed<'_>, manager: &mut Value) {
    let told = StringValue::json(&configuration(scene.proxy, scene.set, Detector::Envoy));
    let mut filters = vec![to_json(&module_filter(module(behaviour), &paths::modules(), told))];
    match behaviour {
        Behaviour::Stats | Behaviour::CircuitBreaker => {
            manager["route_config"] = native::route_config(scene.set, scene.proxy);
            filters.extend(native::http_filters());
        }
        Behaviour::Router | Behaviour::Canary => {
            manager["route_config"] = to_json(&route_config(scene.proxy, scene.set));
            filters.push(to_json(&filter::router()));
        }
        Behaviour::Fault | Behaviour::Mirror => {
            let mut routes = to_json(&route_config(scene.proxy, scene.set));
            for_each_object(&mut routes, &mut |object| {
                if object.remove("cluster_header").is_some() {
                    object.insert("cluster".to_owned(), json!(scene.alone_to));
                }
            });
            manager["route_config"] = routes;
            filters.push(to_json(&filter::router()));
        }
    }
    manager["http_filters"] = json!(filters);
}
