use super::*;
use crate::cases::{Wrong, read, text};

const MESH: &str = r#"
resources:
- apiVersion: networking.istio.io/v1
  kind: Gateway
  metadata: {name: web}
  spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
- apiVersion: networking.istio.io/v1
  kind: ServiceEntry
  metadata: {name: services}
  spec:
    hosts: [a.example, b.example]
    location: MESH_INTERNAL
    resolution: STATIC
    ports: [{number: 80, name: http, protocol: HTTP}]
    endpoints: [{address: 127.0.0.1}]
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: shop}
  spec:
    hosts: [shop.example]
    gateways: [web]
    http:
    - name: thirds
      match: [{uri: {exact: /thirds}}]
      route: [{destination: {host: a.example}, weight: 1}, {destination: {host: b.example}, weight: 2}]
    - match: [{uri: {exact: /aborted}}]
      fault: {abort: {httpStatus: 503, percentage: {value: 10}}}
      route: [{destination: {host: a.example}}]
    - match: [{uri: {exact: /hardly}}]
      fault: {abort: {httpStatus: 503, percentage: {value: 0.0001}}}
      route: [{destination: {host: a.example}}]
    - match: [{uri: {exact: /slow}}]
      fault: {delay: {fixedDelay: 2s, percentage: {value: 50}}}
      route: [{destination: {host: a.example}}]
    - match: [{uri: {exact: /copied}}]
      mirrors: [{destination: {host: b.example}, percentage: {value: 25}}]
      route: [{destination: {host: a.example}}]
    - {match: [{uri: {exact: /nowhere}}], route: [{destination: {host: nobody.example}}]}
    - match: [{uri: {prefix: /a/}, headers: {x-user: {exact: elena}}}, {uri: {prefix: /b/}}]
      route: [{destination: {host: b.example}}]
"#;

const A: &str = "outbound|80||a.example";
const B: &str = "outbound|80||b.example";

/// What comes of a case at this path, which leads to the Gateway.
fn ask(path: &str, request: &str, expect: &str) -> Row {
    let case =
        format!("cases:\n- {{name: it, request: {{url: \"http://shop.example{path}\"{request}}}, expect: {expect}}}\n");
    results(&format!("{MESH}{case}"), &Asked::default()).cases.remove(0)
}

fn results(file: &str, asked: &Asked) -> Results {
    let file = read("c.yaml", file).unwrap_or_else(|errors| panic!("{errors:?}"));
    Suite::new(vec![file], None).unwrap_or_else(|error| panic!("{error:?}")).run(asked)
}

/// What is wrong with it, in words.
fn wrong(path: &str, expect: &str) -> Vec<String> {
    let said = |Wrong { what, got, want, share }: Wrong| format!("{what}: {got}, not {want} ({share:.3})");
    ask(path, "", expect).wrong.into_iter().map(said).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn shares_are_computed() {
    for written in ["0.3333, X: 0.6667", "0.333, X: 0.667", "0.333333333, X: 0.666666667"] {
        let expect = format!("{{shares: {{'{A}': {}}}}}", written.replace('X', &format!("'{B}'")));
        assert_eq!(wrong("/thirds", &expect), NONE, "{expect}");
    }
    let half = format!("{{shares: {{'{A}': 0.5, '{B}': 0.5}}}}");
    assert_eq!(
        wrong("/thirds", &half),
        [format!("share of {A}: 0.333333, not 0.5 (1.000)"), format!("share of {B}: 0.666667, not 0.5 (1.000)")]
    );
    let other = format!("{{shares: {{'{A}': 0.333, c: 0.667}}}}");
    assert_eq!(
        wrong("/thirds", &other),
        ["share of c: 0, not 0.667 (1.000)".to_owned(), format!("share of {B}: 0.666667, not 0 (1.000)")]
    );
    assert_eq!(
        wrong("/thirds", &format!("{{cluster: '{A}'}}")),
        [format!("cluster: {A} (0.333333) and {B} (0.666667), not {A} alone; of several write `shares` (1.000)")]
    );
    let row = ask("/thirds", "", &half);
    let shares: Vec<_> = row.destinations.iter().map(|to| (to.cluster.as_str(), to.share)).collect();
    assert_eq!(shares, [(A, 1.0 / 3.0), (B, 2.0 / 3.0)]);
}

/// What is expected of all is not so of those that a fault aborts; `status_shares` tells them apart.
#[test]
fn an_abort_of_some_is_another_way() {
    let all = wrong("/aborted", &format!("{{cluster: '{A}'}}"));
    assert_eq!(all, ["status: 503, not 200 (0.100)".to_owned(), format!("cluster: none, not {A} (0.100)")]);
    let some = |shares: &str| wrong("/aborted", &format!("{{cluster: '{A}', status_shares: {{{shares}}}}}"));
    assert_eq!(some("200: 0.9, 503: 0.1"), NONE);
    assert_eq!(
        some("200: 0.8, 503: 0.2"),
        ["share of status 200: 0.9, not 0.8 (1.000)", "share of status 503: 0.1, not 0.2 (1.000)"]
    );
    let path = format!("{{cluster: '{A}', path: /other, status_shares: {{200: 0.9, 503: 0.1}}}}");
    assert_eq!(wrong("/aborted", &path), ["path: /aborted, not /other (0.900)"], "of those that are sent on");
    assert_eq!(wrong("/hardly", &format!("{{cluster: '{A}'}}")), NONE, "one in a million");
}

#[test]
fn a_delay_is_the_time_that_it_takes() {
    let slow = |limits: &str| wrong("/slow", &format!("{{cluster: '{A}', {limits}}}"));
    assert_eq!(slow("at_most_ms: 2000"), NONE);
    assert_eq!(slow("at_least_ms: 2000"), ["time: 0 ms, less than 2000, not  (0.500)"]);
    assert_eq!(slow("at_most_ms: 1000"), ["time: 2000 ms, more than 1000, not  (0.500)"]);
}

#[test]
fn a_mirror_of_some_has_a_share() {
    assert_eq!(wrong("/copied", &format!("{{cluster: '{A}', mirror_shares: {{'{B}': 0.25}}}}")), NONE);
    assert_eq!(
        wrong("/copied", &format!("{{cluster: '{A}', mirror_shares: {{'{B}': 0.5}}}}")),
        [format!("share copied to {B}: 0.25, not 0.5 (1.000)")]
    );
    assert_eq!(
        wrong("/copied", &format!("{{cluster: '{A}', mirrors: ['{B}']}}")),
        [format!("mirrors: , not {B} (0.750)")]
    );
    let none = wrong("/copied", &format!("{{cluster: '{A}'}}"));
    assert!(none.iter().any(|line| line.starts_with("attempts: 2, not 1 (0.250)")), "{none:?}");
}

#[test]
fn a_failure_says_which_rules_were_passed_over_and_why() {
    let row = ask("/a/x", ", headers: [[x-user, tom]]", &format!("{{cluster: '{B}'}}"));
    assert_eq!((row.result, row.rule), (Verdict::Failed, None));
    let skipped: Vec<_> = row.skipped.iter().map(|passed| (passed.rule.line, passed.because.as_str())).collect();
    assert_eq!(skipped.len(), 8, "one for each match block: {skipped:?}");
    assert_eq!(skipped[0], (24, "uri exact `/thirds` does not match `/a/x`"));
    assert!(skipped[6].1.contains("x-user") && skipped[6].1.contains("elena") && skipped[6].1.contains("tom"));
    assert_eq!((skipped[6].0, skipped[7].0), (39, 39), "the file that holds them is the case file itself");
    let row = ask("/thirds", "", &format!("{{cluster: '{A}'}}"));
    let rule = row.rule.unwrap();
    assert_eq!((rule.name.as_deref(), rule.index, rule.line, row.skipped.len()), (Some("thirds"), 0, 24, 0));
}

#[test]
fn a_cluster_that_is_not_there_is_said() {
    let row = ask("/nowhere", "", "{cluster: outbound|80||nobody.example}");
    assert_eq!(row.result, Verdict::Failed);
    assert!(row.notes[0].starts_with("`outbound|80||nobody.example` is not there"), "{:?}", row.notes);
    assert_eq!(wrong("/nowhere", "{status: 503}"), NONE);
}

#[test]
fn what_only_a_proxy_can_tell_is_neither_passed_nor_failed() {
    let proxy = |request: &str, expect: &str| {
        let row = ask("/b/", request, expect);
        assert_eq!((row.result, row.wrong.len()), (Verdict::NeedsProxy, 0), "{request} {expect}: {:?}", row.wrong);
        row.needs_proxy.join(", ")
    };
    let to_b = format!("{{cluster: '{B}'}}");
    assert_eq!(proxy(", headers: [[x-echo-status, '503']]", &format!("{{status: 503, cluster: '{B}'}}")), "status");
    assert_eq!(proxy("", &format!("{{cluster: '{B}', counted: {{response_code: '200'}}}}")), "counted");
    assert_eq!(proxy("", &format!("{{cluster: '{B}', body: x}}")), "body");
    let header = format!("{{cluster: '{B}', response_headers: {{absent: [server]}}}}");
    assert_eq!(proxy("", &header), "response header server");
    assert!(proxy(", after_ms: 5", &to_b).starts_with("`after_ms`"));
    assert!(proxy(", at_once: 2", &format!("{{statuses: {{200: 2}}, cluster: '{B}'}}")).starts_with("`at_once`"));
    // What can be told and is not so is a failure all the same.
    let row = ask("/b/", ", headers: [[x-echo-status, '503']]", &format!("{{status: 503, cluster: '{A}'}}"));
    assert_eq!((row.result, row.needs_proxy.as_slice()), (Verdict::Failed, &["status".to_owned()][..]));
    let grpc = ask("/none", ", headers: [[content-type, application/grpc]]", "{status: 404}");
    assert_eq!(grpc.result, Verdict::NeedsProxy, "Envoy answers 200 with grpc-status");
}

#[test]
fn a_path_is_asked_as_envoy_makes_it() {
    assert_eq!(ask("/c/../b/x", "", &format!("{{cluster: '{B}', path: /b/x}}")).result, Verdict::Passed);
    assert!(ask("/b/x#y", "", &format!("{{cluster: '{B}'}}")).needs_proxy[0].contains("fragments"));
    assert!(ask("/b/%00", "", &format!("{{cluster: '{B}'}}")).needs_proxy[0].contains("refuses"));
}

/// Envoy writes the header itself where clients are strangers, and believes other proxies in the mesh.
#[test]
fn a_client_of_a_gateway_has_no_say_in_the_scheme() {
    let case = |expect: &str| {
        format!(
            "cases: [{{name: it, request: {{url: \"http://b.example/\", headers: [[x-forwarded-proto, https]]}}, expect: {expect}}}]\n"
        )
    };
    let rule = "- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  metadata: {name: b}\n  spec: {hosts: [b.example], \
                gateways: [web, mesh], http: [{headers: {request: {set: {x-seen: \"%REQ(x-forwarded-proto)%\"}}}, \
                route: [{destination: {host: b.example}}]}]}\n";
    for (proxy, seen) in [("{gateways: [default/web], port: 80}", "http"), ("{gateways: [mesh]}", "https")] {
        let expect = format!("{{cluster: '{B}', upstream_headers: {{present: [[x-seen, {seen}]]}}}}");
        let row = results(&format!("{MESH}{rule}proxy: {proxy}\n{}", case(&expect)), &Asked::default()).cases.remove(0);
        assert_eq!(row.result, Verdict::Passed, "{proxy}: {:?}", row.wrong);
    }
}

#[test]
fn without_a_proxy_named_the_url_says_who_is_asked() {
    let row = ask("/b/", "", &format!("{{cluster: '{B}'}}"));
    let proxy = row.proxy.unwrap();
    assert!(proxy.starts_with("gateway default/web, port 80, by the URL"), "{proxy}");
    let mesh = MESH.replace("resources:", "proxy: {gateways: [mesh], namespace: shop}\nresources:");
    let case =
        format!("cases: [{{name: it, request: {{url: \"http://b.example/b/\"}}, expect: {{cluster: '{B}'}}}}]\n");
    let row = results(&format!("{mesh}{case}"), &Asked::default()).cases.remove(0);
    assert_eq!((row.result, row.proxy.as_deref()), (Verdict::Passed, Some("mesh, namespace shop")));
    assert!(row.rule.unwrap().virtual_service.is_empty(), "the service's own route");
}

#[test]
fn rules_that_no_case_meets_are_told() {
    let cases = format!(
        "cases:\n- {{name: one, request: {{url: \"http://shop.example/b/\"}}, expect: {{cluster: '{B}'}}}}\n\
         - {{name: two, request: {{url: \"http://shop.example/nowhere\"}}, expect: {{status: 503}}}}\n"
    );
    let file = format!("{MESH}{cases}");
    let asked = Asked { coverage: true, ..Asked::default() };
    let told = results(&file, &asked);
    let uncovered: Vec<_> = told.uncovered.as_ref().unwrap().iter().map(|rule| (rule.index, rule.line)).collect();
    assert_eq!(uncovered, [(0, 23), (1, 26), (2, 29), (3, 32), (4, 35)]);
    assert_eq!(told.rules, Some(7));
    assert!(text(&told, true).contains(": 5 of 7, 2 are met\n"), "{}", text(&told, true));
    let fewer = results(&file, &Asked { names: vec!["tw".to_owned()], coverage: true });
    assert_eq!((fewer.cases.len(), fewer.uncovered.map(|rules| rules.len())), (1, Some(6)));
    assert_eq!(results(&file, &Asked::default()).uncovered, None);
}

#[test]
fn resources_are_those_of_the_command_line_and_then_the_files() {
    let common =
        Texts { sources: vec![input::Source { name: "m.yaml".into(), text: String::new() }], ..Texts::default() };
    let file = |text: &str| vec![read("dir/c.yaml", text).unwrap()];
    let case = "cases: [{name: it, request: {url: \"http://x.example/\"}, expect: {status: 404}}]\n";
    assert!(Suite::new(file(case), Some(&common)).is_ok());
    let error = |text: &str, common: Option<&Texts>| match Suite::new(file(text), common) {
        Err(SuiteError::Cases(errors)) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Err(SuiteError::Resources(loaded)) => format!("{}", loaded.findings[0]),
        Ok(_) => panic!("no error"),
    };
    assert!(error(case, None).starts_with("dir/c.yaml:1:1: there are no resources to ask"));
    let missing = error(&format!("resources: [nowhere.yaml]\n{case}"), Some(&common));
    assert!(missing.starts_with("dir/c.yaml:1:13: there is no file or folder `dir/nowhere.yaml`"), "{missing}");
    let broken = error(&format!("{}{case}", MESH.replace("port: {number: 80,", "port: {number: 800000,")), None);
    assert!(broken.contains("dir/c.yaml:6:"), "the place in the case file: {broken}");
    // A VirtualService of the file takes the place of the command line's, as with apply.
    let yes = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n\
               spec: {hosts: [shop.example], gateways: [web], http: [{directResponse: {status: 299}}]}\n";
    let before = Texts { sources: vec![input::Source { name: "m.yaml".into(), text: yes.into() }], ..Texts::default() };
    let text = format!(
        "{MESH}cases: [{{name: it, request: {{url: \"http://shop.example/none\"}}, expect: {{status: 404}}}}]\n"
    );
    let suite = Suite::new(file(&text), Some(&before)).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(suite.run(&Asked::default()).passed, 1);
}
