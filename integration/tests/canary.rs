//! Canaries on real Envoy: shares, clients that stay and clients that are new, hostile keys. Which key has which version
//! is in the corpus.

use std::collections::BTreeMap;
use std::process::Command;

use integration::client::{Connection, Request, Response};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, gateway_and_echo};
use serde_json::json;

/// The two versions, each an echo of its own.
struct Versions {
    old: Echo,
    new: Echo,
}

impl Versions {
    fn start() -> Versions {
        Versions { old: Echo::named("old"), new: Echo::named("new") }
    }

    /// A split between them, sticky by the annotation's value where there is one.
    fn yaml(&self, old: u32, new: u32, sticky: &str, rest: &str) -> String {
        let annotation = match sticky {
            "" => String::new(),
            by => format!(", annotations: {{sailcloth.dev/sticky: '{by}'}}"),
        };
        let service = |name: &str, port: u16| {
            let text = gateway_and_echo(port);
            let (_, entry) = text.split_once("---\n").unwrap();
            entry
                .replace("{name: echo}", &format!("{{name: {name}}}"))
                .replace("echo.default", &format!("{name}.default"))
        };
        format!(
            "{}{}{}apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web{annotation}}}\nspec:\n  \
             hosts: ['*']\n  gateways: [gw]\n  http:\n  - {rest}\n    route:\n    \
             - {{destination: {{host: old}}, weight: {old}}}\n    - {{destination: {{host: new}}, weight: {new}}}\n",
            gateway_and_echo(self.old.port()),
            service("old", self.old.port()),
            service("new", self.new.port()),
        )
    }
}

const NAMED: &str = "name: split";

fn open(envoy: &Envoy) -> Connection {
    Connection::open(envoy.listener("gateway-80"))
}

fn server(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.echo().server
}

/// 20,000 draws of 90 and 10 %: within 4 standard deviations, which a right share leaves once in 16,000 runs.
#[test]
fn a_plain_split_lands_by_weight() {
    let versions = Versions::start();
    let envoy = Sail::new(versions.yaml(90, 10, "", NAMED)).start();
    let address = envoy.listener("gateway-80");
    let count = || {
        let mut connection = Connection::open(address);
        (0..5000).filter(|_| server(&connection.send(&Request::get("/"))) == "new").count()
    };
    let new: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let deviation = (20_000.0_f64 * 0.9 * 0.1).sqrt();
    assert!((new as f64 - 2000.0).abs() <= 4.0 * deviation, "{new} of 20,000");
}

/// Who answers each of 400 clients, asked twice.
fn of_clients(envoy: &Envoy, request: impl Fn(u32) -> Request) -> Vec<String> {
    let (mut first, mut second) = (open(envoy), open(envoy));
    (0..400)
        .map(|client| {
            let server_of = server(&first.send(&request(client)));
            assert_eq!(server(&second.send(&request(client))), server_of, "client {client}");
            server_of
        })
        .collect()
}

/// 400 clients of 10 and of 50 %; the keys are fixed, so the counts are as well.
#[test]
fn a_share_that_grows_keeps_all_its_clients() {
    type Ask = fn(u32) -> Request;
    let kinds: [(&str, Ask); 3] = [
        ("cookie=cat", |client| Request::get("/").header("cookie", format!("a=b; cat=client-{client}"))),
        ("header=X-User", |client| Request::get("/").header("x-user", format!("client-{client}"))),
        ("query=id", |client| Request::get(&format!("/?a=b&id=client-{client}"))),
    ];
    for (sticky, ask) in kinds {
        let versions = Versions::start();
        let before = of_clients(&Sail::new(versions.yaml(90, 10, sticky, NAMED)).start(), ask);
        let after = of_clients(&Sail::new(versions.yaml(50, 50, sticky, NAMED)).separate().start(), ask);
        let count = |all: &[String]| all.iter().filter(|name| *name == "new").count();
        assert!((20..=60).contains(&count(&before)), "{sticky}: {}", count(&before));
        assert!((150..=250).contains(&count(&after)), "{sticky}: {}", count(&after));
        for (client, (before, after)) in before.iter().zip(&after).enumerate() {
            assert!(before != "new" || after == "new", "{sticky}: client {client} lost the new version");
        }
    }
}

fn cookies(response: &Response) -> Vec<String> {
    let all = response.headers.iter().filter(|(name, _)| name == "set-cookie");
    all.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
}

#[test]
fn a_missing_cookie_is_drawn_used_and_set() {
    let versions = Versions::start();
    let yaml = versions.yaml(50, 50, "cookie=cat", NAMED);
    for (how, sail) in [
        ("suite", Sail::new(&*yaml)),
        ("chain", Sail::new(&*yaml).separate()),
        ("alone", Sail::new(&*yaml).module("canary")),
    ] {
        let envoy = sail.start();
        let mut connection = open(&envoy);
        let mut servers = BTreeMap::<String, u32>::new();
        for _ in 0..64 {
            let response = connection.send(&Request::get("/"));
            let chosen = server(&response);
            let set = cookies(&response);
            let [cookie] = set.as_slice() else { panic!("{how}: {set:?}") };
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax", "{how}");
            assert!(pair.starts_with("cat=") && pair.len() == 20, "{how}: {pair}");
            let again = connection.send(&Request::get("/").header("cookie", pair));
            assert_eq!(server(&again), chosen, "{how}");
            assert!(cookies(&again).is_empty(), "{how}");
            *servers.entry(chosen).or_default() += 1;
        }
        // 64 draws of one half miss one of them once in 2^63 runs.
        assert_eq!(servers.len(), 2, "{how}");
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// Without another module a client's own header leads nowhere where no rule sends the request.
#[test]
fn clients_cannot_steer_the_module_alone() {
    let versions = Versions::start();
    let envoy = Sail::new(versions.yaml(50, 50, "", "match: [{uri: {prefix: /split}}]")).module("canary").start();
    let request = Request::get("/").header("x-sailcloth-cluster", "outbound|80||new.default.svc.cluster.local");
    assert_eq!(open(&envoy).send(&request).status, 503);
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn hostile_keys() {
    let versions = Versions::start();
    for (sticky, header) in [("cookie=cat", "cookie"), ("header=x-user", "x-user")] {
        let envoy = Sail::new(versions.yaml(50, 50, sticky, NAMED)).large_headers().start();
        let mut connection = open(&envoy);
        for value in [
            b"cat=\xff\xfe\xe9".to_vec(),
            b"\xff\xfe\xe9".to_vec(),
            [&b"cat="[..], &vec![b'k'; 60_000]].concat(),
            [&b"cat=\xe9; "[..]].repeat(2000).concat(),
            vec![b';'; 10_000],
            b"=;==; cat; cat=; =cat".to_vec(),
            b"cat=".to_vec(),
            b"".to_vec(),
        ] {
            let request = Request::get("/").header(header, &value);
            let status = connection.send(&request).status;
            assert_eq!(status, 200, "{sticky}: {} bytes", value.len());
        }
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// Envoy ends TLS with the certificate in `tls/`, which is for tests alone; curl is a client that speaks it.
#[test]
fn over_tls_the_cookie_is_secure() {
    let versions = Versions::start();
    let yaml = versions.yaml(50, 50, "cookie=cat", NAMED);
    let envoy = Sail::new(yaml)
        .adjust(|bootstrap| {
            let listeners = bootstrap["static_resources"]["listeners"].as_array_mut().unwrap();
            let gateway = listeners.iter_mut().find(|listener| listener["name"] == "gateway-80").unwrap();
            gateway["filter_chains"][0]["transport_socket"] = json!({
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    "common_tls_context": {"tls_certificates": [{
                        "certificate_chain": {"inline_string": include_str!("tls/certificate.pem")},
                        "private_key": {"inline_string": include_str!("tls/key.pem")},
                    }]},
                },
            });
        })
        .start();
    let url = format!("https://{}/", envoy.listener("gateway-80"));
    let curl =
        Command::new("curl").args(["--silent", "--show-error", "--insecure", "--dump-header", "-", &url]).output();
    let output = curl.expect("curl is on PATH");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let cookie = said.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let (_, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(envoy.vm_reloads(), 0);
}
