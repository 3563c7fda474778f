use std::collections::BTreeMap;

use shared::finding::Report;
use shared::load;
use shared::model::Resources;

use super::{Front, ListenError, fronts, unsupported};

fn set(text: &str) -> Resources {
    let mut report = Report::new();
    let documents = load::text(text, None, &mut report);
    let set = Resources::read(documents, &mut report);
    assert!(!report.stops(), "{:#?}", report.findings());
    set
}

fn gateway(name: &str, servers: &[(u16, &str)]) -> String {
    let servers: Vec<_> = servers
        .iter()
        .map(|(port, protocol)| {
            format!("{{port: {{number: {port}, name: p{port}, protocol: {protocol}}}, hosts: ['*']}}")
        })
        .collect();
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: {name}}}, spec: {{selector: {{in: {name}}}, servers: [{}]}}}}\n",
        servers.join(", ")
    )
}

fn service(gateways: &str, match_gateways: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v}}, spec: {{hosts: [a.x], gateways: {gateways}, \
         http: [{{match: [{{uri: {{prefix: /}}, gateways: {match_gateways}}}], route: [{{destination: {{host: a.x}}}}]}}]}}}}\n"
    )
}

fn plain(set: &Resources) -> Vec<Front> {
    fronts(set, None, &BTreeMap::new(), None, None).unwrap()
}

#[test]
fn one_listener_a_port_and_privileged_ones_move_up() {
    let text = gateway("b", &[(80, "HTTP"), (9000, "GRPC"), (443, "HTTPS")]) + &gateway("a", &[(80, "HTTP2")]);
    let fronts = plain(&set(&text));
    let said: Vec<_> =
        fronts.iter().map(|front| (front.name.as_str(), front.at.to_string(), front.proxy.port)).collect();
    assert_eq!(
        said,
        [("gateway-80", "0.0.0.0:8080".to_owned(), Some(80)), ("gateway-9000", "0.0.0.0:9000".to_owned(), Some(9000))]
    );
    assert_eq!(fronts[0].proxy.gateways, ["default/a", "default/b"]);
    assert_eq!(
        fronts[0].to_string(),
        "gateway default/a, default/b: port 80 listens on http://127.0.0.1:8080 and all other addresses"
    );
}

#[test]
fn listen_places_a_port_elsewhere() {
    let set = set(&gateway("a", &[(80, "HTTP")]));
    let at = "[::1]:99".parse().unwrap();
    assert_eq!(fronts(&set, None, &BTreeMap::from([(80, at)]), None, None).unwrap()[0].at, at);
    let unknown = fronts(&set, None, &BTreeMap::from([(81, at)]), None, None).unwrap_err();
    assert_eq!(unknown, ListenError::UnknownPort(81, vec![80]));
}

#[test]
fn two_at_one_place_are_refused() {
    let twice = set(&gateway("a", &[(80, "HTTP"), (8080, "HTTP")]));
    assert!(matches!(fronts(&twice, None, &BTreeMap::new(), None, None), Err(ListenError::Taken(..))));
    let at = "127.0.0.1:8080".parse().unwrap();
    let once = set(&gateway("a", &[(80, "HTTP")]));
    assert!(matches!(fronts(&once, None, &BTreeMap::new(), None, Some(at)), Err(ListenError::Taken(..))));
    let any = "127.0.0.1:0".parse().unwrap();
    assert!(fronts(&once, None, &BTreeMap::from([(80, any)]), Some(any), Some(any)).is_ok());
}

#[test]
fn the_mesh_has_a_listener_when_somebody_asks() {
    for (gateways, matches, expected) in
        [("[]", "[]", true), ("[gw]", "[]", false), ("[gw, mesh]", "[]", true), ("[gw]", "[mesh]", true)]
    {
        let fronts = plain(&set(&service(gateways, matches)));
        assert_eq!(fronts.iter().any(|front| !front.edge), expected, "{gateways} {matches}");
    }
    let at = "127.0.0.1:1".parse().unwrap();
    let asked = fronts(&Resources::default(), None, &BTreeMap::new(), Some(at), None).unwrap();
    assert_eq!((asked[0].at, asked[0].proxy.port), (at, None));
    assert_eq!(asked[0].proxy.gateways, ["mesh"]);
}

#[test]
fn servers_that_nobody_listens_for_are_named() {
    let mut report = Report::new();
    unsupported(&set(&gateway("a", &[(80, "HTTP"), (443, "HTTPS")])), &mut report);
    let [finding] = report.findings() else { panic!("{:#?}", report.findings()) };
    assert_eq!(finding.path, "spec.servers[1].port.protocol");
    assert!(!finding.stops());
}
