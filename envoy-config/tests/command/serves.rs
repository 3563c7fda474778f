//! `sailcloth run` on real Envoy: what it prints works, and what was under way comes to its end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use envoy_config::Packaging;

use crate::common::{folder, hang_up_is_ignored, root, sailcloth};
use crate::validate::envoy;

/// Answers every request with 200 after this long, and closes.
fn upstream(delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                thread::sleep(delay);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhere\n");
            });
        }
    });
    at
}

/// A gateway with a host of its own and a rule for one path, and the same service in the mesh.
fn resources(folder: &Path, at: SocketAddr) -> PathBuf {
    let text = format!(
        "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw, namespace: shop}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [shop.example.com]}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [web.shop.svc.cluster.local]
  resolution: STATIC
  ports: [{{number: 8080, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {}}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [shop.example.com]
  gateways: [gw]
  http:
  - name: orders
    match: [{{uri: {{prefix: /orders}}, headers: {{x-user: {{exact: me}}}}}}]
    rewrite: {{uri: /}}
    route: [{{destination: {{host: web}}}}]
",
        at.port()
    );
    let path = folder.join("shop.yaml");
    fs::write(&path, text).unwrap();
    path
}

/// A run that is ready.
struct Running {
    child: Child,
    /// What it said until then.
    said: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it and waits until it is ready; nothing where the modules are not built.
fn start(folder: &Path, resources: &Path, more: &[&str]) -> Option<Running> {
    let modules = root().join("target/wasm");
    if !Packaging::Suite.files(&modules).all(|(_, there)| there) {
        return None;
    }
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command =
        sailcloth(&["run", "--listen", "80=127.0.0.1:0", "--mesh-listen", "127.0.0.1:0", "--concurrency", "1"]);
    command.arg("--module-dir").arg(modules).arg("-f").arg(resources).arg("--envoy").arg(envoy()).args(more);
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut running = Running { child, said: Vec::new() };
    for line in lines {
        let line = line.unwrap();
        let last = line.starts_with("edits of the files");
        running.said.push(line);
        if last {
            return Some(running);
        }
    }
    panic!("it ended before it was ready: {}", fs::read_to_string(folder.join("log")).unwrap());
}

impl Running {
    fn kill(&self, signal: &str) {
        let status =
            Command::new("/bin/sh").args(["-c", "kill -s $0 $1", signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    fn end(&mut self) -> (i32, Duration) {
        let start = Instant::now();
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), start.elapsed())
    }

    /// What comes after this in a line that it said.
    fn after(&self, words: &str) -> Vec<&str> {
        self.said.iter().filter_map(|line| Some(line.split_once(words)?.1)).collect()
    }

    fn mesh(&self) -> SocketAddr {
        let line =
            self.said.iter().find(|line| line.starts_with("mesh, as seen from namespace shop: listens on ")).unwrap();
        line.rsplit_once("http://").unwrap().1.parse().unwrap()
    }
}

/// The answer to `GET /` at a host, read to its end.
fn ask(at: SocketAddr, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn what_it_prints_works() {
    let folder = folder("serves");
    let log = folder.join("access.log");
    let resources = resources(&folder, upstream(Duration::ZERO));
    let access_log = ["--admin", "none", "--access-log", log.to_str().unwrap(), "--access-log-format", "json"];
    let Some(mut running) = start(&folder, &resources, &access_log) else { return };
    assert!(
        running.said[0].starts_with("Envoy 1.") && running.said[0].contains(" is ready after "),
        "{:#?}",
        running.said
    );
    let curls = running.after("try: ");
    assert_eq!(curls.len(), 2, "{:#?}", running.said);
    assert!(curls[0].contains("-H 'host: shop.example.com' -H 'x-user: me' http://127.0.0.1:"), "{}", curls[0]);
    assert!(curls[1].contains("-H 'host: web:8080' http://127.0.0.1:"), "{}", curls[1]);
    for curl in curls {
        let output = Command::new("/bin/sh").args(["-c", curl]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("HTTP/1.1 200 OK") && said.ends_with("here\n"), "{curl}: {said}");
    }
    let start = Instant::now();
    let logged = || fs::read_to_string(&log).unwrap();
    while logged().lines().count() < 2 {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", logged());
        thread::sleep(Duration::from_millis(20));
    }
    assert!(logged().contains("\"rule\":\"shop/web#orders\""), "{}", logged());
    running.kill("HUP");
    running.kill("TERM");
    assert_eq!(running.end().0, 0);
    let said = fs::read_to_string(folder.join("log")).unwrap();
    let due = if hang_up_is_ignored() { "" } else { "note: HUP: nothing is reloaded; restart to apply edits\n" };
    assert_eq!(said, due, "nothing else is to be said");
}

#[test]
fn what_is_under_way_comes_to_its_end() {
    for signal in ["TERM", "INT"] {
        let folder = folder(&format!("serves-{signal}"));
        let resources = resources(&folder, upstream(Duration::from_secs(2)));
        let Some(mut running) = start(&folder, &resources, &["--admin", "none", "--drain", "20s"]) else { return };
        let mesh = running.mesh();
        let slow = ask(mesh, "web:8080");
        thread::sleep(Duration::from_millis(500));
        running.kill(signal);
        // Nobody new is accepted, and who is there is told to go.
        let start = Instant::now();
        while TcpStream::connect(mesh).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(10));
        }
        let said = answer(slow);
        assert!(
            said.starts_with("HTTP/1.1 200 OK") && said.contains("connection: close") && said.ends_with("here\n"),
            "{said}"
        );
        let (code, took) = running.end();
        assert_eq!(code, 0);
        assert!(took < Duration::from_secs(5), "it waits for nothing else: {took:?}");
        let log = fs::read_to_string(folder.join("log")).unwrap();
        assert_eq!(log, "note: 1 request is under way: waiting for it, at most 20 s; a second signal does not wait\n");
    }
}

#[test]
fn a_second_signal_does_not_wait_and_neither_does_time() {
    let folder = folder("serves-twice");
    let resources = resources(&folder, upstream(Duration::from_secs(60)));
    let Some(mut running) = start(&folder, &resources, &["--admin", "none", "--drain", "1h"]) else { return };
    let slow = ask(running.mesh(), "web:8080");
    thread::sleep(Duration::from_millis(500));
    running.kill("INT");
    thread::sleep(Duration::from_millis(300));
    running.kill("INT");
    let (code, took) = running.end();
    assert_eq!((code, answer(slow).as_str()), (0, ""));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let Some(mut running) = start(&folder, &resources, &["--admin", "none", "--drain", "1s"]) else { return };
    let slow = ask(running.mesh(), "web:8080");
    thread::sleep(Duration::from_millis(500));
    running.kill("TERM");
    let (code, took) = running.end();
    assert_eq!((code, answer(slow).as_str()), (0, ""));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let log = fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.ends_with("warning: 1 request is still under way after 1 s (`--drain`), and cut off\n"), "{log}");
}

#[test]
fn at_level_debug_the_log_names_the_rule_with_its_place() {
    let folder = folder("serves-debug");
    let resources = resources(&folder, upstream(Duration::ZERO));
    let debug = ["--admin", "none", "--", "--component-log-level", "wasm:debug"];
    let Some(mut running) = start(&folder, &resources, &debug) else { return };
    let curl = running.after("try: ")[0].to_owned();
    assert!(Command::new("/bin/sh").args(["-c", &curl]).output().unwrap().status.success());
    running.kill("TERM");
    assert_eq!(running.end().0, 0);
    let log = fs::read_to_string(folder.join("log")).unwrap();
    let line = log.lines().find(|line| line.starts_with("note: module suite, ")).unwrap_or_default();
    let said = format!(
        "rule=shop/web#orders ({}:24) reason=route version= cluster=outbound|8080||web.shop",
        resources.display()
    );
    assert!(line.contains(&said), "{said}\n{log}");
}
