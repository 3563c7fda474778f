//! Who answers, from every kind that says so.
#![expect(clippy::panic, reason = "a failure of the test")]

use shared::finding::Report;
use shared::model::Resources;
use shared::registry::{AppProtocol, MeshPort, MeshService, Registry};

fn registry(yaml: &str) -> Registry {
    let mut report = Report::new();
    let set = Resources::read(shared::load::text(yaml, None, &mut report), &mut report);
    shared::check::check(&set, &mut report);
    assert!(!report.stops(), "{:?}", report.findings());
    Registry::new(&set)
}

fn service<'a>(registry: &'a Registry, host: &str) -> &'a MeshService {
    registry.get(host).unwrap_or_else(|| panic!("no {host} in {registry:?}"))
}

/// Address, where it listens for each port, and the version label.
fn endpoints(service: &MeshService) -> Vec<String> {
    let shown = service.endpoints.iter().map(|it| {
        let ports: Vec<String> = it.ports.iter().map(|(port, at)| format!("{port}->{at}")).collect();
        format!("{} {} {}", it.address, ports.join(","), it.labels.get("version").map_or("-", String::as_str))
    });
    shown.collect()
}

#[test]
fn a_service_with_endpoint_slices_and_pods_in_a_list() {
    let registry = registry(
        r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
         "spec": {"clusterIP": "10.1.1.1", "ports": [
            {"port": 80, "name": "http", "targetPort": "web"}, {"port": 81, "name": "grpc-find"},
            {"port": 82, "name": "other", "appProtocol": "kubernetes.io/h2c"}, {"port": 53, "name": "dns", "protocol": "UDP"}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
         "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}, {"name": "grpc-find", "port": 9090}],
         "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "web-a"}},
            {"addresses": ["10.0.0.2"]},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": false}}]},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-a", "namespace": "shop", "labels": {"version": "v1"}}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-b", "namespace": "shop", "labels": {"version": "v2"}},
         "status": {"podIP": "10.0.0.2"}}
        ]}"#,
    );
    let web = service(&registry, "web.shop.svc.cluster.local");
    assert_eq!(endpoints(web), ["10.0.0.1 80->8080,81->9090 v1", "10.0.0.2 80->8080,81->9090 v2"]);
    let protocols: Vec<_> = web.ports.iter().map(|port| (port.number.get(), port.protocol)).collect();
    assert_eq!(protocols, [(80, AppProtocol::Http), (81, AppProtocol::Http2), (82, AppProtocol::Http2)]);
}

#[test]
fn a_service_without_slices_takes_its_pods() {
    let registry = registry(
        "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: named}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-a, labels: {app: web, version: v1}}
spec: {containers: [{name: c, ports: [{name: named, containerPort: 8080}]}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: other, labels: {app: other}}
status: {podIP: 10.0.0.9}
---
apiVersion: v1
kind: Service
metadata: {name: away}
spec: {type: ExternalName, externalName: cats.example, ports: [{port: 443}]}
",
    );
    assert_eq!(endpoints(service(&registry, "web.default.svc.cluster.local")), ["10.0.0.1 80->8080 v1"]);
    let away = service(&registry, "away.default.svc.cluster.local");
    assert_eq!(away.external_name.as_deref(), Some("cats.example"));
}

#[test]
fn a_service_entry_selects_workloads_and_pods_of_its_namespace() {
    let registry = registry(
        "
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: cats, namespace: zoo}
spec:
  hosts: [cats.example, '*.cats.example']
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8000}]
  workloadSelector: {labels: {app: cats}}
---
apiVersion: networking.istio.io/v1alpha3
kind: WorkloadEntry
metadata: {name: one, namespace: zoo}
spec: {address: 10.0.0.1, labels: {app: cats, version: v1}, ports: {http: 8001}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: elsewhere, namespace: farm}
spec: {address: 10.0.0.7, labels: {app: cats}}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: zoo, labels: {app: cats, version: v2}}
status: {podIP: 10.0.0.2}
",
    );
    let expected = ["10.0.0.1 80->8001 v1", "10.0.0.2 80->8000 v2"];
    assert_eq!(endpoints(service(&registry, "cats.example")), expected);
    assert_eq!(endpoints(registry.answering("tom.cats.example").unwrap_or_else(|| panic!("nobody"))), expected);
    assert_eq!(registry.answering("cats.org"), None);
}

#[test]
fn other_names_lead_to_the_end_and_not_in_circles() {
    let alias = |name: &str, namespace: &str, to: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{type: ExternalName, externalName: {to}}}\n---\n"
        )
    };
    let text = [
        alias("b", "two", "real.one.svc.cluster.local"),
        alias("a", "two", "b.two.svc.cluster.local"),
        alias("z", "one", "a.two.svc.cluster.local"),
        alias("c1", "one", "c2.one.svc.cluster.local"),
        alias("c2", "one", "c1.one.svc.cluster.local"),
        alias("c3", "one", "c1.one.svc.cluster.local"),
        alias("out", "one", "example.org"),
    ];
    let real = "apiVersion: v1\nkind: Service\nmetadata: {name: real, namespace: one}\n\
                spec: {type: ClusterIP, externalName: example.org, ports: [{port: 80}]}";
    let registry = registry(&(text.concat() + real));
    let real = service(&registry, "real.one.svc.cluster.local");
    assert_eq!(real.aliases, ["a.two.svc.cluster.local", "b.two.svc.cluster.local", "z.one.svc.cluster.local"]);
    let others = registry.iter().filter(|service| service.host != real.host);
    others.for_each(|service| assert!(service.aliases.is_empty(), "{service:?}"));
    assert_eq!(real.external_name, None, "the type says what counts");
}

#[test]
fn service_entries_of_one_host_belong_together() {
    let entry = |name: &str, rest: &str, port: u16, address: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec:\n  hosts: [a.b, A.b]\n  \
             {rest}\n  ports: [{{number: {port}, name: p{port}, protocol: HTTP}}]\n  endpoints: [{{address: {address}}}]\n"
        )
    };
    let all = [
        entry("c, creationTimestamp: '2024-01-01T00:00:00Z'", "resolution: DNS", 83, "other.test"),
        entry("b, creationTimestamp: '2023-01-01T00:00:00Z'", "resolution: STATIC", 82, "10.0.0.2"),
        entry("a, namespace: z", "resolution: STATIC", 81, "10.0.0.1"),
        entry("d, creationTimestamp: '2022-01-01T00:00:00Z'", "resolution: STATIC", 84, "10.0.0.4"),
    ];
    let older = registry(&all.concat());
    let ports = |registry: &Registry, host: &str| {
        let service = service(registry, host);
        let numbers = |ports: &[_]| ports.iter().map(|port: &MeshPort| port.number.get()).collect::<Vec<_>>();
        (numbers(&service.ports), numbers(&service.unreached))
    };
    assert_eq!(ports(&older, "a.b"), (vec![81], vec![]), "the oldest, and nothing of other namespaces");
    let own = registry(&[&all[0], &all[1], &all[3]].map(String::as_str).concat());
    for host in ["a.b", "A.b"] {
        assert_eq!(ports(&own, host), (vec![84, 82], vec![83]), "those that are alike, and routes alone for the other");
        assert_eq!(
            endpoints(service(&own, host)),
            ["10.0.0.4 84->84 -", "10.0.0.2 82->82 -", "other.test 83->83 -"],
            "each with its own ports"
        );
    }
}
