//! An Envoy as users get it: resources in, the YAML of `sailcloth generate` out, with what a test wants otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use envoy_config::filter::StringValue;
use envoy_config::wire::Any;
use envoy_config::{Generated, Packaging};
use serde_json::Value;
use shared::finding::Report;
use shared::model::Resources;
use shared::plan::guard::Detector;

use crate::envoy::{Envoy, Options};
use crate::paths;

/// What a test asks of its Envoy.
pub struct Sail {
    yaml: String,
    packaging: Packaging,
    workers: u32,
    raise: bool,
    mesh: bool,
    detector: Detector,
    adjust: Box<dyn Fn(&mut Value)>,
}

impl Sail {
    /// An Envoy for these resources (a YAML stream), with the suite and two workers.
    pub fn new(yaml: impl Into<String>) -> Sail {
        Sail {
            yaml: yaml.into(),
            packaging: Packaging::Suite,
            workers: 2,
            raise: false,
            mesh: false,
            detector: Detector::Envoy,
            adjust: Box::new(|_| {}),
        }
    }

    /// Every module by itself.
    pub fn separate(mut self) -> Sail {
        self.packaging = Packaging::Separate;
        self
    }

    /// So many workers.
    pub fn workers(mut self, workers: u32) -> Sail {
        self.workers = workers;
        self
    }

    /// Takes 8 MiB of request headers and 4,000 of them, far above Envoy's defaults.
    pub fn large_headers(mut self) -> Sail {
        self.raise = true;
        self
    }

    /// Has the mesh's listener also where no VirtualService asks for it.
    pub fn mesh(mut self) -> Sail {
        self.mesh = true;
        self
    }

    /// Has the modules carry `outlierDetection` out, as in somebody else's Envoy: its clusters do not.
    pub fn modules_detect(mut self) -> Sail {
        self.detector = Detector::Module;
        self.adjust(|bootstrap| {
            for_each_object(bootstrap, &mut |object| {
                object.remove("outlier_detection");
            });
        })
    }

    /// Changes the bootstrap before Envoy starts.
    pub fn adjust(mut self, adjust: impl Fn(&mut Value) + 'static) -> Sail {
        let before = self.adjust;
        self.adjust = Box::new(move |bootstrap| {
            before(bootstrap);
            adjust(bootstrap);
        });
        self
    }

    /// Writes a line for every request into Envoy's log, in Envoy's format; [`accesses`] reads them.
    pub fn access_log(self, format: &'static str) -> Sail {
        self.adjust(move |bootstrap| {
            for_each_object(bootstrap, &mut |object| {
                if object.contains_key("http_filters") {
                    let config = serde_json::json!({
                        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                        "log_format": {"text_format_source": {"inline_string": format!("{ACCESS}{format}\n")}},
                    });
                    let logger = serde_json::json!({"name": "envoy.access_loggers.stderr", "typed_config": config});
                    object.insert("access_log".into(), serde_json::json!([logger]));
                }
            });
        })
    }

    /// Another module in place of the suite, with the same configuration.
    pub fn module(self, name: &'static str) -> Sail {
        self.adjust(move |bootstrap| replace(bootstrap, "suite.wasm", &format!("{name}.wasm")))
    }

    /// The bootstrap that it comes to.
    pub fn bootstrap(&self) -> Value {
        let mut report = Report::new();
        let set = Resources::read(shared::load::text(&self.yaml, Some("test.yaml"), &mut report), &mut report);
        shared::check::check(&set, &mut report);
        let findings: Vec<String> = report.findings().iter().map(ToString::to_string).collect();
        assert!(!report.stops(), "the resources of the test are not valid:\n{}", findings.join("\n"));
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = envoy_config::Options {
            packaging: self.packaging,
            module_dir: paths::modules(),
            admin: None,
            mesh_listen: self.mesh.then_some(local),
            detector: self.detector,
            ..envoy_config::Options::default()
        };
        for gateway in set.gateways.iter().flat_map(|gateway| &gateway.spec.servers) {
            options.listen.extend(gateway.port.number.0.map(|port| (port.get(), local)));
        }
        // The mesh's listener has a fixed port otherwise, which two tests at once cannot share.
        let mut generated: Generated = options.generate(&set).expect("the listeners can be placed");
        if self.raise {
            for manager in generated.listeners.iter_mut().flat_map(|listener| listener.http_mut()) {
                manager.max_request_headers_kb = Some(8192);
                manager.common_http_protocol_options.get_or_insert_default().max_headers_count = Some(4000);
            }
        }
        let mut bootstrap = envoy_config::to_json(&generated.bootstrap());
        (self.adjust)(&mut bootstrap);
        bootstrap
    }

    /// Starts it.
    pub fn start(&self) -> Envoy {
        Envoy::start(&self.bootstrap(), &self.options())
    }

    /// Starts it, or gives back the log of an Envoy that refuses.
    pub fn try_start(&self) -> Result<Envoy, String> {
        Envoy::try_start(&self.bootstrap(), &self.options())
    }

    /// Starts it from JSON, as `sailcloth run` does.
    pub fn start_from_json(&self) -> Envoy {
        Envoy::start(&self.bootstrap(), &Options { json: true, ..self.options() })
    }

    fn options(&self) -> Options {
        Options { concurrency: self.workers, free_ports: true, timeout: Duration::from_secs(60), ..Options::default() }
    }
}

/// What access log lines begin with in Envoy's log.
const ACCESS: &str = "access: ";

/// The access log of an Envoy that [`Sail::access_log`] asked for one, once there are this many lines.
pub fn accesses(envoy: &Envoy, count: usize) -> Vec<String> {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let log = envoy.log();
        let lines: Vec<String> = log.lines().filter_map(|line| line.strip_prefix(ACCESS)).map(String::from).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(std::time::Instant::now() < deadline, "{} of {count} requests are in the access log", lines.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Shows every object of a JSON value to `change`, the outer ones first.
pub fn for_each_object(value: &mut Value, change: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_object(item, change)),
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| for_each_object(value, change));
        }
        _ => {}
    }
}

/// Changes what every module of a bootstrap is told: its configuration, which is JSON in a string there.
pub fn for_each_configuration(bootstrap: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for_each_object(bootstrap, &mut |object| {
        if object.contains_key("vm_config")
            && let Some(told) = object.get_mut("configuration")
        {
            let text = told["value"].as_str().expect("a module is told a string");
            let mut configuration = serde_json::from_str(text).expect("a module is told JSON");
            change(&mut configuration);
            *told = envoy_config::to_json(&Any(StringValue::json(&configuration)));
        }
    });
}

/// Replaces text in every string of a JSON value.
pub fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(entries) => entries.values_mut().for_each(|value| replace(value, from, to)),
        _ => {}
    }
}

/// A Gateway `gw` for every host on port 80, and a service `echo` on port 80 that listens at `port`.
pub fn gateway_and_echo(port: u16) -> String {
    format!(
        "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: 80, name: http, protocol: HTTP}}
    hosts: ['*']
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: echo}}
spec:
  hosts: [echo.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]
---
"
    )
}

/// The same with a VirtualService `web` of these rules, a YAML list.
pub fn routed(port: u16, rules: &str) -> String {
    let rules: String = rules.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "{}apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web}}\nspec:\n  \
         hosts: ['*']\n  gateways: [gw]\n  http:\n{rules}",
        gateway_and_echo(port)
    )
}

/// A rule that sends everything to the echo.
pub const TO_ECHO: &str = "- route: [{destination: {host: echo}}]";
