//! Starts the real program, on free ports, and asks it what browsers and proxies ask.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::thread;
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use crate::support::{Program, Scratch, run};

    fn backend(version: &str, more: &[&str]) -> Program {
        Program::start(&[&["backend", "--version", version, "--listen", "127.0.0.1:0"], more].concat())
    }

    fn ui(version: &str, more: &[&str]) -> Program {
        Program::start(&[&["ui", "--version", version, "--listen", "127.0.0.1:0"], more].concat())
    }

    fn names(answer: &Value) -> Vec<&str> {
        answer["cats"].as_array().unwrap().iter().map(|cat| cat["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn the_page_needs_nothing_but_the_ui() {
        let ui = ui("v2", &[]);
        for path in ["/", "/index.html", "/?q=kitten"] {
            let page = ui.get(path);
            assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
            assert_eq!(page.header("x-catcatgo-version"), Some("ui v2"));
            assert!(page.body.contains(r#"<script type="module" src="/app.jsx">"#) && page.body.contains("ui v2"));
        }
        let script = ui.get("/app.jsx");
        assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
        assert!(script.body.contains("/api/v1.0/search/"));
        let none = ui.get("/api/v1.0/search/kitten");
        assert_eq!(none.status, 502);
        assert!(none.json()["error"].as_str().unwrap().contains("--backend"));
    }

    #[test]
    fn the_versions_of_the_backend_answer_at_once_and_differently() {
        let files = [Scratch::new("one"), Scratch::new("two")];
        let [v1, v2] =
            [("v1", &files[0]), ("v2", &files[1])].map(|(version, file)| backend(version, &["--db", file.path()]));
        let first = v1.get("/api/v1.0/search/kitten");
        assert_eq!((first.status, first.header("x-catcatgo-version")), (200, Some("backend v1")));
        let first = first.json();
        assert_eq!((first["word"].as_str(), first["version"].as_str()), (Some("kitten"), Some("v1")));
        assert!(names(&first).is_sorted() && names(&first).len() > 5, "{first}");
        assert!(first["cats"][0]["svg"].as_str().unwrap().starts_with("<svg "));
        assert!(first["cats"][0]["tags"].as_array().unwrap().contains(&"kitten".into()));
        assert!(first["cats"][0]["score"].is_null());

        let second = v2.get("/api/v1.0/search/orange").json();
        assert_eq!(second["version"], "v2");
        let scores: Vec<_> =
            second["cats"].as_array().unwrap().iter().map(|cat| cat["score"].as_u64().unwrap()).collect();
        assert!(scores.len() > 3 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        assert_eq!(names(&v1.get("/api/v1.0/search/orange").json()), [""; 0]);
        assert_eq!(names(&v1.get("/api/v1.0/search/Schr%C3%B6dinger").json()), ["Schrödinger"]);
    }

    #[test]
    fn the_ui_passes_on_what_the_backend_answers() {
        let backend = backend("v2", &[]);
        let ui = ui("v1", &["--backend", &backend.url()]);
        let path = "/api/v1.0/search/earl%20grey?x=1";
        let answer = ui.ask("GET", path, &["x-request-id: 42"]);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.header("x-catcatgo-version"), Some("ui v1, backend v2"));
        assert_eq!(answer.header("x-request-id"), Some("42"));
        assert_eq!(answer.body, backend.get(path).body);
        let refused = ui.get("/api/v1.0/search/%FF");
        assert_eq!((refused.status, &refused.json()["error"]), (400, &"the word is not UTF-8".into()));
        assert_eq!(ui.get("/api/v1.0/search/a/b").status, 404);
        assert_eq!(ui.get("/stats").status, 404, "the backend's own");

        let url = backend.url();
        assert!(backend.stop().success());
        let gone = ui.get(path);
        assert_eq!((gone.status, gone.header("x-catcatgo-version")), (502, Some("ui v1")));
        assert!(gone.json()["error"].as_str().unwrap().contains(&url));
    }

    #[test]
    fn the_ui_names_the_backend_as_told() {
        for (more, host) in [(&[][..], "backend"), (&["--backend-host", "cats.example:81"][..], "cats.example:81")] {
            // A proxy of one request, which keeps what it was asked.
            let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", proxy.local_addr().unwrap());
            let asked = thread::spawn(move || {
                let (mut stream, _) = proxy.accept().unwrap();
                let mut asked = vec![];
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    asked.push(byte[0]);
                }
                stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 8\r\n\r\noverflow").unwrap();
                String::from_utf8(asked).unwrap().to_lowercase()
            });
            let ui = ui("v1", &[&["--backend", &url], more].concat());
            let answer = ui.ask("GET", "/api/v1.0/search/a%2Fb", &["x-b3-traceid: 7", "authorization: secret"]);
            assert_eq!((answer.status, answer.body.as_str()), (503, "overflow"));
            let asked = asked.join().unwrap();
            assert!(asked.starts_with("get /api/v1.0/search/a%2fb http/1.1\r\n"), "{asked}");
            assert!(asked.contains(&format!("\r\nhost: {host}\r\n")), "{asked}");
            assert!(asked.contains("x-b3-traceid: 7") && !asked.contains("secret"), "{asked}");
        }
    }

    #[test]
    fn a_backend_that_does_not_speak_http_or_is_silent_gives_502() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let ui = ui("v1", &["--backend", &url, "--backend-timeout", "1"]);
        let answer = ui.get("/api/v1.0/search/kitten");
        assert_eq!(answer.status, 502);
        assert!(answer.json()["error"].as_str().unwrap().contains("within 1 s"));
        let babble = thread::spawn(move || {
            // The first is the connection that was given up above.
            let _first = silent.accept().unwrap();
            let (mut stream, _) = silent.accept().unwrap();
            stream.write_all(b"meow\r\n\r\n").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut vec![]);
        });
        assert_eq!(ui.get("/api/v1.0/search/kitten").status, 502);
        babble.join().unwrap();
    }

    #[test]
    fn rules_for_every_role() {
        for role in [ui("v1", &[]), backend("v1", &[])] {
            assert_eq!((role.get("/healthz").status, role.get("/healthz").body.as_str()), (200, "ok\n"));
            let none = role.get("/dog");
            assert_eq!((none.status, &none.json()["error"]), (404, &"there is nothing at /dog".into()));
            assert!(none.json()["routes"].as_array().unwrap().len() > 2);
            assert!(none.header("x-catcatgo-version").is_some());
            for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
                let refused = role.ask(method, "/healthz", &[]);
                assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")), "{method}");
            }
            let head = role.ask("HEAD", "/healthz", &["x-request-id: a"]);
            assert_eq!((head.status, head.body.as_str(), head.header("content-length")), (200, "", Some("3")));
            assert_eq!(head.header("x-request-id"), Some("a"));
        }
    }

    #[test]
    fn bad_words_are_refused() {
        let backend = backend("v1", &[]);
        for raw in ["", "%20", "%FF%FE", "%zz", &"a".repeat(65)] {
            let answer = backend.get(&format!("/api/v1.0/search/{raw}"));
            assert_eq!(answer.status, 400, "{raw}");
            assert!(!answer.json()["error"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn requests_in_flight_are_counted_and_finish_when_it_stops() {
        let backend = backend("v1", &["--work", "700"]);
        thread::scope(|scope| {
            let asking: Vec<_> = (0..3).map(|_| scope.spawn(|| backend.get("/api/v1.0/search/cat"))).collect();
            let start = Instant::now();
            while backend.get("/stats").json()["in_flight"] != 3 {
                assert!(start.elapsed() < Duration::from_secs(5), "{}", backend.get("/stats").body);
                thread::sleep(Duration::from_millis(5));
            }
            for one in asking {
                assert_eq!(one.join().unwrap().status, 200);
            }
        });
        let stats = backend.get("/stats").json();
        assert_eq!(stats, serde_json::json!({"requests": 3, "in_flight": 0, "high_water": 3}));

        let in_flight = |wanted: u32| {
            let start = Instant::now();
            while backend.get("/stats").json()["in_flight"] != wanted {
                assert!(start.elapsed() < Duration::from_secs(5), "{}", backend.get("/stats").body);
                thread::sleep(Duration::from_millis(5));
            }
        };
        let ask = || {
            let mut stream = TcpStream::connect(backend.address()).unwrap();
            stream.write_all(b"GET /api/v1.0/search/cat HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            stream
        };
        // A client that goes away is not in flight any longer.
        let gone = ask();
        in_flight(1);
        drop(gone);
        in_flight(0);
        // One that is still there gets its answer, although the program was told to stop.
        let mut last = ask();
        in_flight(1);
        assert!(backend.stop().success());
        let mut answer = String::new();
        last.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[test]
    fn both_signals_stop_it() {
        let idle = ui("v1", &[]);
        let _open = TcpStream::connect(idle.address()).unwrap();
        let start = Instant::now();
        assert!(idle.stop().success());
        assert!(backend("v1", &[]).signal("INT").success());
        assert!(start.elapsed() < Duration::from_secs(4), "idle connections hold it up");
    }

    #[test]
    fn wrong_usage_exits_with_2_and_failures_with_1() {
        let listen = ["--version", "v1", "--listen", "127.0.0.1:0"];
        let wrong: [&[&str]; 10] = [
            &[],
            &["dog"],
            &["backend", "--version", "v1"],
            &["backend", "--version", "v 1", "--listen", "127.0.0.1:0"],
            &["backend", "--version", "v1", "--listen", "nowhere"],
            &[&["ui", "--backend", "https://a"], &listen[..]].concat(),
            &[&["ui", "--backend", "http://a/path"], &listen[..]].concat(),
            &[&["ui", "--backend-host", "a b"], &listen[..]].concat(),
            &[&["ui", "--backend-timeout", "0"], &listen[..]].concat(),
            &[&["backend", "--work", "-1"], &listen[..]].concat(),
        ];
        for args in wrong {
            let (code, error) = run(args);
            assert_eq!(code, Some(2), "{args:?}: {error}");
        }
        let taken = ui("v1", &[]);
        let port = taken.address().rsplit(':').next().unwrap().to_owned();
        let (code, error) = run(&["ui", "--version", "v1", "--listen", taken.address()]);
        assert_eq!(code, Some(1));
        assert!(error.contains(&format!("port {port} is in use")), "{error}");

        let file = Scratch::new("shared");
        let _first = backend("v1", &["--db", file.path()]);
        let (code, error) = run(&[&["backend", "--db", file.path()], &listen[..]].concat());
        assert_eq!(code, Some(1));
        assert!(error.contains(file.path()) && error.contains("in use"), "{error}");
        assert_eq!(run(&["--help"]).0, Some(0));
    }
}
