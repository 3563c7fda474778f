use super::*;

const ISTIO: &str = r#"[2024-05-01T10:00:00.123Z] "GET /api/a?x=1 HTTP/1.1" 200 - via_upstream - "-" 0 12 3 2 "10.0.0.1" "Mozilla/5.0 ("x") like" "1-2" "shop.example" "10.1.0.3:8080" outbound|80|v1|reviews.shop.svc.cluster.local 10.1.0.2:5000 10.1.0.2:8080 10.0.0.1:443 - default"#;
const ENVOY: &str =
    r#"[2024-05-01T10:00:00.123Z] "POST /b HTTP/2" 503 UH 0 19 0 - "-" "curl/8" "-" "a.example:8080" "-""#;
const JSON: &str = r#"{"start_time":"2024","method":"GET","path":"/api/a?x=1","authority":"shop.example","user_agent":"Mozilla/5.0 (\"x\") like","x_forwarded_for":"10.0.0.1","upstream_cluster":"outbound|80|v1|reviews","response_code":200,"downstream_local_address":"10.1.0.2:8080","requested_server_name":null}"#;

fn read_of(text: &str, wanted: &[&str]) -> Result<Log, LogError> {
    let wanted: Vec<String> = wanted.iter().map(|it| (*it).to_owned()).collect();
    read(text.as_bytes(), &wanted)
}

fn one(text: &str, wanted: &[&str]) -> Counted {
    let log = read_of(text, wanted).unwrap();
    assert_eq!((log.requests.len(), log.strays), (1, 0), "{log:?}");
    log.requests[0].clone()
}

#[test]
fn every_form_says_the_same_of_a_request() {
    let wanted = ["user-agent", "x-other"];
    let agent = Logged::Value("Mozilla/5.0 (\"x\") like");
    let expected = Entry {
        method: "GET",
        authority: "shop.example",
        path: "/api/a?x=1",
        scheme: None,
        port: Some(8080),
        headers: vec![agent, Logged::Unknown],
    };
    assert_eq!(one(ISTIO, &wanted).entry(), expected);
    assert_eq!(one(&format!("pod/gateway {ISTIO} rule=shop/web#0 reason=route version=v1"), &wanted).entry(), expected);
    assert_eq!(one(JSON, &wanted).entry(), expected);
    let two = read_of(&format!("{ISTIO}\n\n{JSON}\r\n{JSON}"), &wanted).unwrap();
    let [counted] = two.requests.as_slice() else { panic!("{two:?}") };
    assert_eq!((counted.entry(), counted.count, counted.line), (expected, 3, 1));
}

#[test]
fn envoys_text_and_names_of_others() {
    let counted = one(ENVOY, &["user-agent"]);
    let entry = counted.entry();
    assert_eq!((entry.method, entry.authority, entry.path), ("POST", "a.example:8080", "/b"));
    assert_eq!((entry.headers[0], entry.port), (Logged::Value("curl/8"), None));
    for (text, path) in [
        (r#"{":method":"GET",":authority":"h","x-envoy-origin-path":"/a"}"#, "/a"),
        (r#"{"req_method":"GET","host":"h","path":"/b","x_envoy_original_path":"/a"}"#, "/a"),
        (r#"{"request":{"request_method":"GET","authority":"h","path":"/a"},"response":{"x":[1,{}]}}"#, "/a"),
        (r#"{"method":"GET","authority":"h","path":"/a\"b"}"#, "/a\"b"),
    ] {
        let counted = one(text, &[]);
        let entry = counted.entry();
        assert_eq!((entry.method, entry.authority, entry.path), ("GET", "h", path), "{text}");
    }
}

#[test]
fn a_header_is_known_where_the_log_has_its_name() {
    let line = |more: &str| format!(r#"{{"method":"GET","authority":"h","path":"/"{more}}}"#);
    for (more, expected) in [
        ("", Logged::Unknown),
        (r#","x_user":"a""#, Logged::Value("a")),
        (r#","x-user":"-""#, Logged::Absent),
        (r#","X-User":null"#, Logged::Absent),
        (r#","req_x_user":7"#, Logged::Value("7")),
    ] {
        assert_eq!(one(&line(more), &["x-user"]).entry().headers, [expected], "{more}");
    }
    assert_eq!(one(&line(r#","requested_server_name":"h""#), &[]).entry().scheme, Some("https"));
}

#[test]
fn what_is_no_request_is_counted_and_the_first_are_shown() {
    let inbound = JSON.replace("outbound|80|v1|reviews", "inbound|8080||");
    let tcp =
        r#"{"method":null,"path":null,"authority":null,"upstream_cluster":"outbound|3306||db","response_code":0}"#;
    let text = format!("what\n{JSON}\n{inbound}\n{{\"a\":1\n{tcp}\n{{}}\n{{\"method\":\"GET\"}}\n");
    let log = read_of(&text, &[]).unwrap();
    assert_eq!((log.count, log.inbound, log.connections, log.strays), (1, 1, 1, 4));
    let shown: Vec<_> = log.shown.iter().map(|stray| (stray.line, stray.why.as_str())).collect();
    assert_eq!(shown[0], (1, "neither JSON nor `[START] \"METHOD PATH PROTOCOL\" CODE ...`"));
    assert!(shown[1].0 == 4 && shown[1].1.starts_with("no JSON (EOF"), "{shown:?}");
    assert_eq!(shown[2], (6, "without `method`, `path`, `authority`"));
}

#[test]
fn what_is_no_log_says_what_was_found() {
    assert!(matches!(read_of("", &[]), Err(LogError::Empty)));
    assert!(matches!(read_of("\n \n", &[]), Err(LogError::Empty)));
    let error = read_of("10.0.0.1 - - [01/May/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n", &[]).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("line 1: ") && said.contains("10.0.0.1 - -") && said.contains("`authority`"), "{said}");
}

#[test]
fn blocks_end_with_lines() {
    let line = format!("{JSON}\n");
    let many = 3 * BLOCK / line.len();
    let log = read_of(&line.repeat(many), &[]).unwrap();
    assert_eq!((log.count, log.requests.len()), (many as u64, 1));
    let broken = format!("{}nonsense\n{line}", line.repeat(many));
    let log = read_of(&broken, &[]).unwrap();
    assert_eq!((log.count, log.shown[0].line), (many as u64 + 1, many as u64 + 1));
}
