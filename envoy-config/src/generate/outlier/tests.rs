use serde_json::Value;
use shared::finding::Report;
use shared::plan::ModuleConfig;
use shared::plan::guard::{Detector, Endpoints};
use shared::plan::proxy::NodeMetadata;

use super::super::{Generated, Options, bootstrap_yaml, parts_yaml};
use crate::input::{Source, loaded};
use crate::to_json;

/// Four services behind a gateway; of two of them all endpoints may be ejected, and of one of those DNS knows them.
const MESH: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: all}
spec:
  hosts: [all.x]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: some}
spec: {hosts: [some.x], resolution: STATIC, ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: dns}
spec: {hosts: [dns.x], resolution: DNS, ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.1}]}
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 80, name: http, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-x, labels: {kubernetes.io/service-name: api}}
endpoints: [{addresses: [10.0.0.3], targetRef: {kind: Pod, name: api-1}}, {addresses: [10.0.0.4]}]
ports: [{name: http, port: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: api-1, labels: {version: v1}}
spec: {containers: [{name: api, image: example/api, env: [{name: SECRET, value: x}], ports: [{containerPort: 8080}]}]}
status: {podIP: 10.0.0.3, phase: Running}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec: {host: all.x, trafficPolicy: {outlierDetection: {maxEjectionPercent: 100}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: some}
spec: {host: some.x, trafficPolicy: {outlierDetection: {maxEjectionPercent: 50}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: dns}
spec: {host: dns.x, trafficPolicy: {outlierDetection: {maxEjectionPercent: 100}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api}
spec:
  host: api
  subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {outlierDetection: {maxEjectionPercent: 100}}}]
";

fn generated(yaml: &str, detector: Detector) -> Generated {
    let loaded = loaded(vec![Source { name: "mesh.yaml".into(), text: yaml.into() }]);
    assert!(!loaded.stops(), "{:#?}", loaded.findings);
    Options { detector, ..Options::default() }.generate(&loaded.set).unwrap()
}

/// What the first module is told.
fn told(generated: Generated) -> Value {
    let filters = to_json(&generated.parts().remove(0).http_filters);
    let text = filters[0]["typed_config"]["config"]["configuration"]["value"].as_str().unwrap();
    serde_json::from_str(text).unwrap()
}

/// The names of those of a kind that have this field.
fn with(told: &Value, kind: &str, field: &str) -> Vec<String> {
    let all = told["resources"].as_array().unwrap().iter().filter(|it| it["kind"] == kind);
    let with = all.filter(|it| it.pointer(field).is_some_and(|it| !it.is_null()));
    with.map(|it| it["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn beside_clusters_of_ours_modules_leave_it_to_envoy() {
    let told = told(generated(MESH, Detector::Envoy));
    assert_eq!(told["outlierDetection"], "envoy");
    assert_eq!(with(&told, "ServiceEntry", "/spec/endpoints"), [""; 0]);
    assert_eq!(with(&told, "EndpointSlice", "/kind"), [""; 0]);
    assert_eq!(with(&told, "Pod", "/kind"), [""; 0]);
    let yaml = bootstrap_yaml(generated(MESH, Detector::Envoy));
    let comments: Vec<&str> = yaml.lines().take_while(|line| line.starts_with('#')).collect();
    assert!(comments.join(" ").contains("the filters leave it alone (`outlierDetection: envoy`)"), "{comments:#?}");
}

#[test]
fn elsewhere_modules_are_told_the_endpoints_that_they_need() {
    let told = told(generated(MESH, Detector::Module));
    assert_eq!(told["outlierDetection"], "module");
    assert_eq!(with(&told, "ServiceEntry", "/spec/endpoints"), ["all"]);
    assert_eq!(with(&told, "EndpointSlice", "/endpoints"), ["api-x"]);
    assert_eq!(with(&told, "Pod", "/status/podIP"), ["api-1"]);
    assert!(!told.to_string().contains("SECRET"), "{told:#}");
    let mut report = Report::new();
    let config = ModuleConfig::read(told.to_string().into_bytes(), NodeMetadata::default(), &mut report).unwrap();
    assert!(report.findings().is_empty(), "{:#?}", report.findings());
    let plan = config.plan();
    let endpoints = |cluster: &str| match &plan.guard(cluster)?.ejection?.endpoints {
        Endpoints::Listed(all) => Some(all.names().cloned().collect::<Vec<_>>().join(" ")),
        Endpoints::Seen(_) => None,
    };
    assert_eq!(endpoints("outbound|80||all.x").as_deref(), Some("10.0.0.1:80 10.0.0.2:80"));
    assert_eq!(endpoints("outbound|80|v1|api.default.svc.cluster.local").as_deref(), Some("10.0.0.3:8080"));
    for others in ["outbound|80||api.default.svc.cluster.local", "outbound|80||some.x", "outbound|80||dns.x"] {
        assert_eq!(endpoints(others), None, "{others}");
    }
    let yaml = parts_yaml(generated(MESH, Detector::Module));
    assert!(yaml.contains("for outbound|80||all.x, outbound|80|v1|api.default.svc.cluster.local.\n"), "{yaml}");
}

#[test]
fn a_workload_selector_brings_the_workload_entries() {
    let selects = MESH.replace(
        "  endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}]\n",
        "  workloadSelector: {labels: {app: all}}\n---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n\
         metadata: {name: one}\nspec: {address: 10.0.0.9, labels: {app: all}}\n",
    );
    let of = |detector| with(&told(generated(&selects, detector)), "WorkloadEntry", "/spec/address");
    assert_eq!((of(Detector::Module), of(Detector::Envoy)), (vec!["one".to_owned()], Vec::new()));
}

#[test]
fn the_first_alpha_schema_is_named() {
    let alpha = MESH.replace("outlierDetection: {maxEjectionPercent: 50}", "outlierDetection: {http: {}}");
    for detector in [Detector::Envoy, Detector::Module] {
        let remarks = generated(&alpha, detector).remarks;
        assert!(remarks.last().unwrap().starts_with("`outlierDetection.http`"), "{remarks:#?}");
        assert!(!generated(MESH, detector).remarks.join(" ").contains("alpha"));
    }
}

#[test]
fn where_nobody_asks_for_it_nothing_is_said() {
    let none = MESH.replace("outlierDetection: {maxEjectionPercent: 100}", "loadBalancer: {simple: RANDOM}");
    let some = generated(&none, Detector::Module);
    assert!(some.remarks.join(" ").contains("no destination"), "{:#?}", some.remarks);
    let none = none.replace("outlierDetection: {maxEjectionPercent: 50}", "loadBalancer: {simple: RANDOM}");
    for detector in [Detector::Envoy, Detector::Module] {
        assert_eq!(generated(&none, detector).remarks, [""; 0]);
    }
}
