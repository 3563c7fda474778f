//! Files of CatCatGo's walkthrough (`legacy/`) on real Envoy, with CatCatGo's own programs behind it: each does what its
//! first line says. Faults and the mirror have tests beside theirs, with echoes behind them.

use std::fs;
use std::net::SocketAddr;

use integration::catcatgo::{self, Program};
use integration::client::{Connection, Request};
use integration::sail::{Sail, for_each_configuration};

const MISSPELT: &str = "legacy/canary-misspelt-weight.yaml";

fn program(role: &str, version: &str, more: &[&str]) -> Program {
    Program::start(role, version, more).unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(catcatgo::file(name)).unwrap()
}

/// The mesh with a file of `legacy/` in place of the resource of its name.
fn mesh(programs: &[&Program], replaced: &str, legacy: &str) -> Sail {
    let files = ["mesh/gateway.yaml", "mesh/virtual-service.yaml", "mesh/destination-rules.yaml"];
    let mesh = files.into_iter().filter(|file| *file != replaced).map(read);
    let all: Vec<String> = mesh.chain([legacy.to_owned(), catcatgo::services(programs.iter().copied())]).collect();
    Sail::new(all.join("\n---\n"))
}

/// Who answers, where all is well.
fn who(connection: &mut Connection, request: &Request) -> String {
    let answer = connection.send(request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-catcatgo-version").expect("CatCatGo answers").to_owned()
}

#[test]
fn user_agents_with_62_in_them_get_v2_and_the_others_v1() {
    let (v1, v2) = (program("ui", "v1", &[]), program("ui", "v2", &[]));
    let file = read("legacy/canary-by-user-agent.yaml");
    let envoy = mesh(&[&v1, &v2], "mesh/virtual-service.yaml", &file).start();
    let mut connection = Connection::open(envoy.listener("gateway-80"));
    for (agent, version) in [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/62.0.3202.94 Safari/537.36", "ui v2"),
        ("62", "ui v2"),
        ("x62", "ui v2"),
        ("62x", "ui v2"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/61.0.3163.100 Safari/537.36", "ui v1"),
        ("6 2", "ui v1"),
        ("", "ui v1"),
    ] {
        for path in ["/", "/index.html", "/app.jsx"] {
            let request = Request::get(path).header("user-agent", agent);
            assert_eq!(who(&mut connection, &request), version, "{path} with `{agent}`");
        }
    }
    assert_eq!(who(&mut connection, &Request::get("/")), "ui v1", "without a user agent");
    assert_eq!(envoy.vm_reloads(), 0);
}

/// The module refuses the file for the same reasons as `sailcloth check`, should somebody hand it over unchecked.
#[test]
fn a_misspelt_weight_is_refused() {
    let ui = program("ui", "v1", &[]);
    let file: serde_json::Value = serde_yaml::from_str(&read(MISSPELT)).unwrap();
    let sail = mesh(&[&ui], "", "").workers(1).adjust(move |bootstrap| {
        for_each_configuration(bootstrap, &mut |configuration| {
            let resources = configuration["resources"].as_array_mut().unwrap();
            resources.retain(|resource| resource["kind"] != "VirtualService");
            resources.push(file.clone());
        });
    });
    let Err(log) = sail.try_start() else { panic!("Envoy started") };
    for said in ["unknown field `weigth`", "did you mean `weight`?", "the weights of 2 destinations add up to 0"] {
        assert!(log.contains(said), "not in Envoy's log: {said}\n{log}");
    }
}

/// 2,000 draws of one half are within five standard deviations in all but one of 1.7 million runs.
#[test]
fn with_its_weights_spelt_right_either_version_gets_half() {
    let (v1, v2) = (program("ui", "v1", &[]), program("ui", "v2", &[]));
    let corrected = read(MISSPELT).replace("weigth:", "weight:");
    let envoy = mesh(&[&v1, &v2], "mesh/virtual-service.yaml", &corrected).start();
    let address = envoy.listener("gateway-80");
    let mut connection = Connection::open(address);
    let answers: Vec<String> = (0..2000).map(|_| who(&mut connection, &Request::get("/"))).collect();
    let new = answers.iter().filter(|who| *who == "ui v2").count();
    assert!(answers.iter().all(|who| who == "ui v1" || who == "ui v2"));
    assert!(new.abs_diff(1000) <= 111, "{new} of 2,000 are no half");
    assert_eq!(Request::get("/index.html").send(address).status, 404, "the file has a rule for `/` alone");
}

/// The statuses that so many clients get who ask time after time without a pause.
fn busy(address: SocketAddr, request: &Request) -> Vec<u16> {
    const CLIENTS: usize = 5;
    const TIMES: usize = 60;
    std::thread::scope(|scope| {
        let client = || (0..TIMES).map(|_| request.send(address).status).collect::<Vec<_>>();
        let running: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        running.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// The walkthrough's load test, on the way from the ui to the backend as well as at the mesh's listener itself.
#[test]
fn five_clients_never_meet_in_more_than_twos_at_the_backend() {
    const SEARCH: &str = "/api/v1.0/search/test";
    let backend = program("backend", "v1", &["--work", "10"]);
    let rule = read("legacy/outlier-detection-http.yaml");
    // The rule has the name of the first in the mesh's file, and takes its place.
    let all = read("mesh/destination-rules.yaml");
    let (of_backend, of_ui) = all.split_once("---").expect("two rules");
    assert!(of_backend.contains("host: backend") && of_ui.contains("host: ui"));
    let envoy = mesh(&[&backend], "mesh/destination-rules.yaml", &format!("{rule}\n---\n{of_ui}")).mesh().start();
    let listener = envoy.listener("mesh");
    let ui = program("ui", "v1", &["--backend", &format!("http://{listener}")]);

    let mut served = 0;
    for (address, request) in
        [(listener, Request::get(SEARCH).header("host", "backend")), (ui.address(), Request::get(SEARCH))]
    {
        let statuses = busy(address, &request);
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        let (fine, refused) = (count(200), count(503));
        eprintln!("{address}: {fine} fine, {refused} refused");
        assert_eq!(fine + refused, statuses.len(), "{statuses:?}");
        assert!(fine > 2 && refused > 0, "{fine} fine, {refused} refused");
        served += fine as u64;
        let stats = backend.stats().unwrap();
        assert_eq!((stats.high_water, stats.requests), (2, served));
    }
    assert_eq!(envoy.vm_reloads(), 0);
}
