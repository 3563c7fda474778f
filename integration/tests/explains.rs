//! Why a request went where it went: in the access log, at level debug in Envoy's own, and in the answer to a host that
//! nobody knows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use envoy_config::listener::{AccessLog, AccessLogFormat};
use envoy_config::{Packaging, to_json};
use integration::client::{Request, Response};
use integration::echo::Echo;
use integration::envoy::{Envoy, Options};
use integration::paths::{self, TempDir};
use serde_json::Value;
use shared::finding::Report;
use shared::model::Resources;

/// Two versions behind a gateway, and a service in another namespace.
fn shop(port: u16) -> String {
    format!(
        "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw, namespace: shop}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [shop.example]}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [web.shop.svc.cluster.local]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}, labels: {{version: v1}}}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: payments, namespace: bank}}
spec:
  hosts: [payments.bank.svc.cluster.local]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}, {{number: 8080, name: http-more, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}, http-more: {port}}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: web, namespace: shop}}
spec:
  host: web
  subsets: [{{name: v1, labels: {{version: v1}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [shop.example]
  gateways: [gw]
  http:
  - name: orders
    match: [{{uri: {{prefix: /orders}}}}]
    route:
    - {{destination: {{host: web, subset: v1}}, weight: 100}}
    - {{destination: {{host: web}}, weight: 0}}
  - match: [{{uri: {{prefix: /closed}}}}]
    directResponse: {{status: 410}}
  - name: broken
    match: [{{uri: {{prefix: /broken}}}}]
    fault: {{delay: {{fixedDelay: 2ms, percentage: {{value: 100}}}}, abort: {{httpStatus: 418, percentage: {{value: 100}}}}}}
    route: [{{destination: {{host: web}}}}]
"
    )
}

struct Shop {
    envoy: Envoy,
    folder: TempDir,
    _echo: Echo,
}

/// The shop's Envoy, with an access log in its folder where there is to be one.
fn start(packaging: Packaging, format: Option<AccessLogFormat>, wasm: &str) -> Shop {
    start_told(packaging, format, wasm, "")
}

/// The same, with more that the modules are told of who the proxy is.
fn start_told(packaging: Packaging, format: Option<AccessLogFormat>, wasm: &str, proxy: &str) -> Shop {
    let echo = Echo::start();
    let folder = TempDir::new("explains");
    let mut report = Report::new();
    let set = Resources::read(shared::load::text(&shop(echo.address().port()), None, &mut report), &mut report);
    assert!(!report.stops(), "{:#?}", report.findings());
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = envoy_config::Options {
        packaging,
        module_dir: paths::modules(),
        listen: [(80, local)].into(),
        mesh_listen: Some(local),
        admin: None,
        namespace: Some("shop".to_owned()),
        access_log: format.map(|format| AccessLog { file: Some(folder.path().join("access.log")), format }),
        ..envoy_config::Options::default()
    };
    // The modules' configuration is JSON in JSON.
    let bootstrap = to_json(&options.generate(&set).unwrap().bootstrap()).to_string();
    let told = bootstrap.replace(r#"\"proxy\": {"#, &format!(r#"\"proxy\": {{{}"#, proxy.replace('"', r#"\""#)));
    assert!(proxy.is_empty() || told.len() > bootstrap.len() + proxy.len());
    let bootstrap = serde_json::from_str(&told).unwrap();
    let options = Options { component_log_level: format!("wasm:{wasm}"), ..Options::default() };
    Shop { envoy: Envoy::start(&bootstrap, &options), folder, _echo: echo }
}

impl Shop {
    fn gateway(&self, path: &str) -> u16 {
        Request::get(&format!("http://shop.example{path}")).send(self.envoy.listener("gateway-80")).status
    }

    fn mesh(&self, host: &str) -> Response {
        Request::get("/").header("host", host).send(self.envoy.listener("mesh"))
    }

    /// The access log, once it has so many lines.
    fn log(&self, count: usize) -> Vec<String> {
        let start = Instant::now();
        loop {
            let text = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
            if text.lines().count() >= count {
                return text.lines().map(str::to_owned).collect();
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{count} lines are not there: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks everything once: path or host, status, rule, reason, version.
    fn ask_all(&self) -> Vec<[&'static str; 4]> {
        let mut expected = Vec::new();
        for (path, status, said) in [
            ("/orders/1", 200, ["/orders/1", "shop/web#orders", "weight", "v1"]),
            ("/closed", 410, ["/closed", "shop/web#1", "direct_response", ""]),
            ("/broken", 418, ["/broken", "shop/web#broken", "fault_abort+delay", ""]),
            ("/nothing", 404, ["/nothing", "", "no_rule", ""]),
        ] {
            assert_eq!(self.gateway(path), status, "{path}");
            expected.push(said);
        }
        assert_eq!(self.mesh("web").status, 200);
        expected.push(["/", "default", "route", ""]);
        assert_eq!(self.mesh("payments").status, 404);
        expected.push(["/", "", "unknown_host", ""]);
        expected
    }
}

#[test]
fn the_access_log_names_rule_reason_and_version() {
    for packaging in [Packaging::Suite, Packaging::Separate] {
        let shop = start(packaging, Some(AccessLogFormat::Json), "info");
        let expected = shop.ask_all();
        let lines: Vec<Value> =
            shop.log(expected.len()).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), expected.len());
        for [path, rule, reason, version] in expected {
            let named = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let found = lines.iter().any(|line| {
                ["path", "rule", "reason", "version"].map(|name| named(line, name)) == [path, rule, reason, version]
            });
            assert!(found, "{packaging:?}: {path} {rule} {reason} {version} is not in {lines:#?}");
        }
        let details =
            |path: &str| lines.iter().find(|line| line["reason"] == path).unwrap()["response_code_details"].clone();
        assert_eq!(details("unknown_host"), "unknown_host");
        assert_eq!(shop.envoy.vm_reloads(), 0);
    }
}

#[test]
fn a_line_of_text_is_istios_and_three_words_more() {
    let shop = start(Packaging::Suite, Some(AccessLogFormat::Text), "info");
    assert_eq!(shop.gateway("/orders/1?x=1"), 200);
    let line = shop.log(1).remove(0);
    assert!(
        line.starts_with('[') && line.contains("\"GET /orders/1?x=1 HTTP/1.1\" 200 - via_upstream - \"-\" 0 "),
        "{line}"
    );
    assert!(line.ends_with(" - plain rule=shop/web#orders reason=weight version=v1"), "{line}");
}

#[test]
fn a_debug_line_says_why_and_nothing_does_at_info() {
    for packaging in [Packaging::Suite, Packaging::Separate] {
        let shop = start(packaging, None, "info");
        let said = |count: usize| {
            let start = Instant::now();
            loop {
                let log = shop.envoy.log();
                let lines: Vec<String> =
                    log.lines().filter(|line| line.contains("reason=")).map(str::to_owned).collect();
                if lines.len() >= count {
                    return lines;
                }
                assert!(start.elapsed() < Duration::from_secs(10), "{count} lines are not there:\n{log}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        shop.ask_all();
        assert_eq!(said(0), Vec::<String>::new());
        // At any time, and at once.
        assert_eq!(Request::new("POST", "/logging?wasm=debug").send(shop.envoy.admin()).status, 200);
        let expected = shop.ask_all();
        let lines = said(expected.len());
        assert_eq!(lines.len(), expected.len(), "one line a request: {lines:#?}");
        for [path, rule, reason, version] in expected {
            let words = format!("rule={rule} reason={reason} version={version} cluster=");
            assert!(
                lines.iter().any(|line| line.contains(&words)),
                "{packaging:?}: {path} {words} is not in {lines:#?}"
            );
        }
        assert!(
            lines.iter().any(|line| line.ends_with("version=v1 cluster=outbound|80|v1|web.shop.svc.cluster.local"))
        );
    }
}

#[test]
fn a_host_that_nobody_knows_is_answered_with_what_may_have_been_meant() {
    for packaging in [Packaging::Suite, Packaging::Separate] {
        let shop = start(packaging, None, "info");
        for (host, meant) in [
            ("payments", Some("payments.bank")),
            ("PAYMENTS", Some("payments.bank")),
            ("payment.bank", Some("payments.bank")),
            ("payments.bnak", Some("payments.bank")),
            ("payments:8080", Some("payments.bank:8080")),
            ("payments.bank:9999", Some("payments.bank")),
            ("web:8080", Some("web")),
            ("wbe", Some("web")),
            ("127.0.0.1", None),
            ("example.com", None),
            ("w", None),
        ] {
            let answer = shop.mesh(host);
            let said = match meant {
                Some(meant) => format!("; did you mean `{meant}`?\n"),
                None => "; the header `host` says which one is asked for\n".to_owned(),
            };
            let expected = format!("no service `{host}` in the mesh, as seen from namespace `shop`{said}");
            assert_eq!((answer.status, answer.text()), (404, expected));
        }
        assert_eq!(shop.mesh("payments.bank").status, 200);
        assert_eq!(shop.mesh("payments.bank:8080").status, 200);
        // Counted as Istio counts what its REGISTRY_ONLY knows nothing of.
        let counted = shop.envoy.prometheus();
        let black_hole = counted.lines().filter(|line| line.starts_with("istio_requests_total{"));
        assert!(
            black_hole.clone().any(|line| line.contains("BlackHoleCluster")),
            "{:#?}",
            black_hole.collect::<Vec<_>>()
        );
        assert_eq!(shop.envoy.vm_reloads(), 0);
    }
}

/// Who carries the token is told; nobody else is, and no upstream sees the token.
#[test]
fn who_has_the_token_is_told_which_rule_it_was() {
    const TOKEN: &str = "0123456789abcdef";
    const HEADER: &str = "x-sailcloth-explain";
    for packaging in [Packaging::Suite, Packaging::Separate] {
        let told = format!(r#""explain": {{"token": "{TOKEN}"}}, "#);
        let (on, off) = (start_told(packaging, None, "info", &told), start(packaging, None, "info"));
        let ask = |shop: &Shop, path: &str, token: Option<&str>| {
            let request = Request::get(&format!("http://shop.example{path}"));
            let request = token.into_iter().fold(request, |request, token| request.header(HEADER, token));
            request.send(shop.envoy.listener("gateway-80"))
        };
        for (path, status, expected) in [
            (
                "/orders",
                200,
                "1 host=shop.example rule=shop/web#0.0 why=weight to=outbound|80|v1|web.shop.svc.cluster.local",
            ),
            ("/closed", 410, "1 host=shop.example rule=shop/web#1.0 why=direct_response skip=shop/web#0.0:0"),
            (
                "/broken",
                418,
                "1 host=shop.example rule=shop/web#2.0 why=fault_abort+delay skip=shop/web#0.0:0,shop/web#1.0:0",
            ),
            ("/nothing", 404, "1 host=shop.example why=no_rule skip=shop/web#0.0:0,shop/web#1.0:0,shop/web#2.0:0"),
        ] {
            let response = ask(&on, path, Some(TOKEN));
            assert_eq!((response.status, response.header(HEADER)), (status, Some(expected)), "{packaging:?} {path}");
            for (shop, token) in [(&on, None), (&on, Some("0123456789abcdeX")), (&off, Some(TOKEN))] {
                let response = ask(shop, path, token);
                assert_eq!((response.status, response.header(HEADER)), (status, None), "{packaging:?} {path}");
            }
        }
        for shop in [&on, &off] {
            let seen = ask(shop, "/orders", Some(TOKEN)).echo();
            assert!(!seen.headers.iter().any(|(name, _)| name.starts_with("x-sailcloth")), "{packaging:?} {seen:?}");
            assert_eq!(shop.envoy.vm_reloads(), 0);
        }
    }
}
