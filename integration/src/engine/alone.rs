//! A module without the other five, and the routes that it has around it.
//!
//! | module | routes |
//! |---|---|
//! | router, canary | the generated ones: it names the cluster itself |
//! | fault, mirror | the generated ones, which lead to the scene's `alone_to`, since nobody names a cluster |
//! | stats, circuit breaker | Envoy's own, as the [native twin](crate::native) has them |

use envoy_config::filter::{self, Struct, configuration, module_filter};
use envoy_config::{route_config, to_json};
use serde_json::{Value, json};

use super::Behaviour;
use super::proxy::Placed;
use crate::sail::for_each_object;
use crate::{native, paths};

/// Puts the module and its routes into an HTTP connection manager.
pub(super) fn put(behaviour: Behaviour, scene: &Placed<'_>, manager: &mut Value) {
    let told = Struct { value: configuration(scene.proxy, scene.set) };
    let mut filters = vec![to_json(&module_filter(behaviour.module(), &paths::modules(), told))];
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
