use crate::Options;
use crate::generate::Listening;
use crate::input::{Source, loaded};

const SHOP: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [HOSTS]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web, namespace: shop}
spec:
  hosts: [web.shop.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [HOSTS]
  gateways: [gw]
  http:
  - RULE
";

/// The lines for the gateway and the mesh.
fn lines(hosts: &str, rule: &str) -> Vec<Option<String>> {
    let text = SHOP.replace("HOSTS", hosts).replace("RULE", rule);
    let loaded = loaded(vec![Source { name: "test.yaml".into(), text }]);
    assert!(!loaded.stops(), "{:#?}", loaded.findings);
    let mesh_listen = Some("127.0.0.1:15001".parse().unwrap());
    let generated = Options { mesh_listen, ..Options::default() }.generate(&loaded.set).unwrap();
    generated.listening(&loaded.set).iter().map(Listening::curl).collect()
}

#[test]
fn a_request_that_a_rule_takes_is_thought_of() {
    const ROUTE: &str = "route: [{destination: {host: web}}]";
    for (hosts, rule, curl) in [
        ("'*'", ROUTE.to_owned(), Some("curl -i http://127.0.0.1:8080/")),
        ("shop.example.com", ROUTE.to_owned(), Some("curl -i -H 'host: shop.example.com' http://127.0.0.1:8080/")),
        ("'*.example.com'", ROUTE.to_owned(), Some("curl -i -H 'host: www.example.com' http://127.0.0.1:8080/")),
        (
            "shop.example.com",
            format!("{{match: [{{uri: {{prefix: /orders}}}}], {ROUTE}}}"),
            Some("curl -i -H 'host: shop.example.com' http://127.0.0.1:8080/orders"),
        ),
        (
            "'*'",
            format!(
                "{{match: [{{uri: {{exact: /a}}, method: {{exact: POST}}, headers: {{x-user: {{exact: me}}}}, queryParams: \
                 {{q: {{exact: '1'}}}}}}], {ROUTE}}}"
            ),
            Some("curl -i -X POST -H 'x-user: me' 'http://127.0.0.1:8080/a?q=1'"),
        ),
        // Nobody thinks of a text for a regular expression; another match may be there.
        ("'*'", format!("{{match: [{{uri: {{regex: '/x.+'}}}}], {ROUTE}}}"), None),
        (
            "'*'",
            format!("{{match: [{{uri: {{regex: '/x.+'}}}}, {{uri: {{prefix: /y}}}}], {ROUTE}}}"),
            Some("curl -i http://127.0.0.1:8080/y"),
        ),
        // What a shell or curl would make something else of.
        ("'*'", format!("{{match: [{{uri: {{exact: \"/a'b\"}}}}], {ROUTE}}}"), None),
        ("'*'", "redirect: {uri: /there}".to_owned(), Some("curl -i http://127.0.0.1:8080/")),
    ] {
        assert_eq!(lines(hosts, &rule)[0].as_deref(), curl, "{hosts} {rule}");
    }
}

#[test]
fn what_has_an_endpoint_comes_first() {
    let rules = "match: [{uri: {prefix: /gone}}]\n    route: [{destination: {host: gone.shop.svc.cluster.local}}]\n  - \
                 route: [{destination: {host: web}}]";
    assert_eq!(lines("'*'", rules)[0].as_deref(), Some("curl -i http://127.0.0.1:8080/"));
}

#[test]
fn services_of_the_mesh_are_asked_by_their_short_names_and_ports() {
    let mesh = &lines("'*'", "route: [{destination: {host: web}}]")[1];
    assert_eq!(mesh.as_deref(), Some("curl -i -H 'host: web:8080' http://127.0.0.1:15001/"));
}
