use super::*;

const HEAD: &str = "resources: []\ncases:\n";
const ROW: &str = "- name: a\n  request: {url: \"http://a/\"}\n  expect: {status: 200}\n";

fn errors(text: &str) -> Vec<String> {
    match read("c.yaml", text) {
        Ok(file) => panic!("no error in {file:?}"),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// What is said of a scene with this one case.
fn of_case(case: &str) -> Vec<String> {
    errors(&format!("{HEAD}{case}"))
}

#[test]
fn a_case_is_read_with_its_place() {
    let text = format!("{HEAD}{ROW}---\nproxy: {{gateways: [mesh]}}\ncases:\n{}", ROW.replace("name: a", "name: b"));
    let file = read("c.yaml", &text).unwrap();
    let all: Vec<_> = file.scenes.iter().flat_map(|scene| &scene.cases).collect();
    assert_eq!(all.iter().map(|case| (case.name.as_str(), case.mark.line)).collect::<Vec<_>>(), [("a", 3), ("b", 9)]);
    assert_eq!(file.scenes[0].proxy, None);
    assert_eq!(file.scenes[1].proxy.as_ref().unwrap().gateways, ["mesh"]);
}

#[test]
fn null_is_as_good_as_absent_where_a_key_stands_for_itself() {
    let case = "- {name: a, why: null, request: {url: \"http://a/\", headers: null, body: ~}, \
                expect: {cluster: c, response_headers: {present: [[x-a, null]]}}}\n";
    let file = read("c.yaml", &format!("{HEAD}{case}")).unwrap();
    let case = &file.scenes[0].cases[0];
    assert!(case.request.headers.is_empty() && case.expect.response_headers.present[0].1.is_none());
}

#[test]
fn a_typo_has_its_place_and_the_nearest_key() {
    assert_eq!(
        of_case(&ROW.replace("status", "stauts")),
        ["c.yaml:5:12: unknown key `stauts` (did you mean `status`?)"]
    );
    assert_eq!(
        errors(
            &format!("recources: []\n{}", HEAD.replace("resources: []\n", ""))
                .replace("cases:\n", &format!("cases:\n{ROW}"))
        ),
        ["c.yaml:1:1: unknown key `recources` (did you mean `resources`?)"]
    );
    let far = of_case(&ROW.replace("status", "zzz"));
    assert!(far[0].starts_with("c.yaml:5:12: unknown key `zzz` (the keys here are status, "), "{far:?}");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let other = ROW.replace("name: a", "name: b").replace("request", "reqest");
    let third = ROW.replace("name: a", "name: c").replace("200", "two hundred");
    assert_eq!(
        of_case(&format!("{}{other}{third}", ROW.replace("url", "urll"))),
        [
            "c.yaml:4:13: unknown key `urll` (did you mean `url`?)",
            "c.yaml:7:3: unknown key `reqest` (did you mean `request`?)",
            "c.yaml:11:20: expected a whole number from 0 to 65535, found the string `two hundred`",
        ]
    );
}

#[test]
fn values_of_another_type_are_told_in_the_words_of_resources() {
    for (from, to, said) in [
        ("{status: 200}", "200", "c.yaml:5:11: expected a mapping, found the number `200`"),
        (
            "{status: 200}",
            "{status: -1}",
            "c.yaml:5:20: expected a whole number from 0 to 65535, found the number `-1`",
        ),
        (
            "{status: 200}",
            "{cluster: 80}",
            "c.yaml:5:21: expected a string, found the number `80` (write it in quotes; YAML reads it as another type without)",
        ),
        (
            "{status: 200}",
            "{cluster: c, mirrors: c}",
            "c.yaml:5:33: expected a list, found the string `c` (write it in brackets, `[...]`)",
        ),
        (
            "\"http://a/\"}",
            "\"http://a/\", headers: [[x-a]]}",
            "c.yaml:4:41: expected a pair `[name, value]`, found a list of 1",
        ),
        (
            "\"http://a/\"}",
            "\"http://a/\", headers: [[x-a, b, c]]}",
            "c.yaml:4:41: expected a pair `[name, value]`, found a list of 3",
        ),
        (
            "\"http://a/\"}",
            "\"http://a/\", headers: [[x-a, {latin: x}]]}",
            "c.yaml:4:48: unknown key `latin` (did you mean `latin1`?)",
        ),
        (
            "\"http://a/\"}",
            "\"http://a/\", headers: [[x-a, {latin1: \"\\u732b\"}]]}",
            "c.yaml:4:41: `猫` is not a byte in Latin-1 (write text as a string, without `latin1`)",
        ),
    ] {
        assert_eq!(of_case(&ROW.replace(from, to)), [said], "{to}");
    }
}

#[test]
fn what_is_no_case_file_says_so() {
    assert_eq!(
        errors(""),
        ["c.yaml: there are no cases here (write `cases: [{name: ..., request: {url: ...}, expect: {cluster: ...}}]`)"]
    );
    assert!(errors("cases: []\n")[0].contains("there are no cases"));
    assert_eq!(errors("proxy: {port: 80}\n"), ["c.yaml:1:1: `cases` is missing"]);
    assert_eq!(errors("just text\n"), ["c.yaml:1:1: expected a mapping, found the string `just text`"]);
    assert_eq!(errors("cases: {name: a}\n"), ["c.yaml:1:8: expected a list (begin each item with `- `)"]);
    let broken = errors(&format!("{HEAD}{ROW}  - [\n"));
    assert!(broken[0].starts_with("c.yaml:6:"), "{broken:?}");
    let service = errors("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n");
    let said = "c.yaml:1:1: this is a resource, and no case file (name resources before `--cases`, or in a case file's `resources`)";
    assert_eq!(service, [said]);
}

#[test]
fn a_request_can_be_sent() {
    let url = |url: &str| of_case(&ROW.replace("http://a/", url)).remove(0);
    assert_eq!(url("/path"), "c.yaml:4:13: `/path` is no URL (a URL begins with `http://` or `https://`)");
    assert!(url("http:///path").ends_with("(the host is missing, as in `http://shop.example/path`)"));
    assert!(url("http://a/b c").contains("`%20`"));
    assert!(url("ftp://a/").contains("begins with `http://`"));
    let request = |request: &str| of_case(&ROW.replace("{url: \"http://a/\"}", request)).remove(0);
    assert!(request("{method: GET}").starts_with("c.yaml:4:3: the `url` is missing"));
    assert!(request("{url: \"http://a/\", raw: x}").contains("either `url` or `raw`"));
    assert!(request("{url: \"http://a/\", method: \"GET IT\"}").contains("4:31: `GET IT` is no method"));
    assert!(request("{url: \"http://a/\", headers: [[\"x a\", b]]}").contains("`x a` is no header's name"));
    let long = "{url: \"http://a/\", headers: [[x, {latin1: x, times: 4000000000}]]}";
    assert!(request(long).contains("4:41: more than a MiB in one header"), "{}", request(long));
    assert!(request("{url: \"http://a/\", headers: [[\":path\", b]]}").contains("`:path` is no header's name"));
}

#[test]
fn an_expectation_can_be_met() {
    let expect = |expect: &str| of_case(&ROW.replace("{status: 200}", expect)).remove(0);
    assert!(expect("{}").starts_with("c.yaml:5:3: neither `status` nor `cluster` nor `shares`"));
    assert!(expect("{cluster: a, shares: {a: 1}}").contains("5:12: `cluster` beside `shares`"));
    assert!(expect("{shares: {a: 0.5, b: 0.4}}").contains("5:12: the shares sum up to 0.9, not to 1"));
    assert!(expect("{shares: {a: 50, b: 50}}").contains("a share is a number from 0 to 1, found `50`"));
    assert!(expect("{status_shares: {200: 0.5}}").contains("sum up to 0.5"));
    assert!(expect("{status: 404, mirrors: [a]}").contains("mirrors of a request that goes nowhere"));
    assert!(expect("{status: 200, statuses: {200: 1}}").contains("of those who ask `at_once`"));
    let twice = of_case(&format!("{ROW}{ROW}"));
    assert_eq!(twice, ["c.yaml:6:3: the case on line 3 is called `a` as well (give one of them another name)"]);
}
