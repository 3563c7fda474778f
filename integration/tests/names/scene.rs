//! Resources whose names get in each other's way.

use envoy_config::Proxy;
use integration::random::Random;
use serde_json::{Value, json};

use crate::gateways::{gateway, virtual_service};
use crate::services::{destination_rule, one_spelling, service, service_entry};

/// Resources, and the proxy that they are looked at from.
pub struct Scene {
    pub documents: Vec<Value>,
    pub proxy: Proxy,
    number: u32,
}

/// The status of direct responses, whose body says whose they are.
pub const DIRECT: u16 = 299;

/// When resources were made; none is before them all.
const TIMES: [Option<&str>; 5] =
    [None, None, Some("2023-01-01T00:00:00Z"), Some("2024-01-01T00:00:00Z"), Some("2025-01-01T00:00:00Z")];

/// Names of one scene, which no other has: scenes share an Envoy, and its clusters.
pub struct Names {
    pub number: u32,
}

impl Names {
    pub fn namespace(&self, random: &mut Random) -> String {
        format!("n{}{}", self.number, random.pick(&["a", "b", "c"]))
    }

    /// A host without a wildcard.
    pub fn exact(&self, random: &mut Random) -> String {
        let Names { number } = self;
        let leaf = *random.pick(&["a", "b.a", "c.b.a", "d", "e.d"]);
        letters(random, &format!("{leaf}.s{number}"))
    }

    pub fn wild(&self, random: &mut Random) -> String {
        let Names { number } = self;
        let above = *random.pick(&["", "a.", "b.a.", "d."]);
        letters(random, &format!("*.{above}s{number}"))
    }

    /// The address of a service of Kubernetes.
    pub fn address(&self, index: u32) -> String {
        format!("10.{}.{}.{index}", self.number / 256, self.number % 256)
    }

    /// A service of Kubernetes, in one of its names.
    pub fn kubernetes(&self, random: &mut Random) -> String {
        let Names { number } = self;
        // Of `ext` nobody else speaks: an ExternalName beside a ServiceEntry of its host is nobody's wish.
        let name = format!("{}{number}", random.pick(&["web", "api", "web", "api", "ext"]));
        self.called(random, name)
    }

    /// The name of a service of Kubernetes.
    pub fn service(&self, random: &mut Random) -> String {
        format!("{}{}", random.pick(&["web", "api"]), self.number)
    }

    pub fn called(&self, random: &mut Random, name: String) -> String {
        let namespace = self.namespace(random);
        match random.between(0, 8) {
            0 | 1 => name,
            2 => format!("{name}.{namespace}"),
            3 => format!("{name}.{namespace}.svc"),
            _ => format!("{name}.{namespace}.svc.cluster.local"),
        }
    }
}

/// Capitals, now and then.
pub fn letters(random: &mut Random, host: &str) -> String {
    if !random.percent(12) {
        return host.to_owned();
    }
    let at = random.between(0, u32::try_from(host.len()).expect("hosts are short")) as usize;
    host.char_indices().map(|(index, c)| if index == at { c.to_ascii_uppercase() } else { c }).collect()
}

pub fn resource(random: &mut Random, kind: &str, name: &str, namespace: &str, spec: Value) -> Value {
    let mut metadata = json!({"name": name, "namespace": namespace});
    if let Some(time) = random.pick(&TIMES) {
        metadata["creationTimestamp"] = json!(time);
    }
    let version = if kind == "Service" { "v1" } else { "networking.istio.io/v1" };
    json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
}

impl Scene {
    pub fn generate(random: &mut Random, number: u32) -> Scene {
        let names = Names { number };
        let mut documents = Vec::new();
        let begin = random.between(0, 5);
        for index in 0..random.between(1, 5) {
            let mut entry = service_entry(random, &names, &format!("se{index}"));
            // Of equally old ones with one host istiod takes any.
            let age = (begin + index) % 5;
            entry["metadata"]["creationTimestamp"] = json!((age > 0).then(|| format!("202{age}-01-01T00:00:00Z")));
            if random.percent(40) {
                documents.push(destination_rule(random, &names, &entry, &format!("dr{index}")));
            }
            documents.push(entry);
        }
        for index in 0..random.between(0, 3) {
            let namespace = names.namespace(random);
            let (name, spec) = service(random, &names, &namespace, index);
            let service = resource(random, "Service", &name, &namespace, spec);
            // One of a name.
            documents.retain(|one: &Value| {
                one["kind"] != "Service"
                    || one["metadata"]["name"] != name
                    || one["metadata"]["namespace"] != *namespace
            });
            documents.push(service);
        }
        one_spelling(&mut documents);
        let gateways: Vec<(String, String)> =
            (0..random.between(1, 4)).map(|index| (names.namespace(random), format!("gw{index}"))).collect();
        for (index, (namespace, name)) in gateways.iter().enumerate() {
            let spec = gateway(random, &names, index == 0);
            documents.push(resource(random, "Gateway", name, namespace, spec));
        }
        for index in 0..random.between(2, 8) {
            documents.push(virtual_service(random, &names, &gateways, &format!("vs{index}")));
        }
        let (gateway, labels, port) = match number % 4 {
            0 => (true, vec![("g", "1"), ("app", "x")], Some(80)),
            1 => (false, vec![("app", "x")], Some(80)),
            2 => (false, Vec::new(), Some(8080)),
            _ => (false, vec![("app", "y")], None),
        };
        let proxy = Proxy {
            namespace: names.namespace(random),
            gateways: if gateway { Vec::new() } else { vec!["mesh".to_owned()] },
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            port,
        };
        Scene { documents, proxy, number }
    }

    /// A URL to ask for.
    pub fn url(&self, random: &mut Random) -> String {
        let (host, path) = (self.host(random), *random.pick(&["/", "/p", "/p/q", "/r/s"]));
        format!("http://{host}{path}")
    }

    /// A host that somebody names, most of the time.
    fn host(&self, random: &mut Random) -> String {
        let names = Names { number: self.number };
        let (below, port) = (*random.pick(&["x", "y.x", "b", "a"]), *random.pick(&[":80", ":8080", ":9090", ":1234"]));
        let mut host = match random.between(0, 10) {
            0..4 => names.exact(random),
            4..7 => names.wild(random).replace('*', below),
            7..9 => names.kubernetes(random),
            _ => names.address(random.between(0, 3)),
        };
        if random.percent(8) {
            host.push('.');
        }
        if random.percent(15) {
            host.push_str(port);
        }
        if random.percent(10) { host.to_ascii_uppercase() } else { host }
    }
}
