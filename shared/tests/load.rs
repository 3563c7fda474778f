//! Text to located trees: what Kubernetes reads is read alike, with the place of everything, and nothing panics.

use proptest::prelude::*;
use shared::Report;
use shared::finding::Code;
use shared::load::{self, MAX_DEPTH, Mark, Node, Value};

/// The tree as compact JSON, to compare with.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(_) | Value::Later(_) => {
            let items = node.items().into_iter().flatten();
            format!("[{}]", items.map(|item| show(&item)).collect::<Vec<_>>().join(","))
        }
        Value::Map(entries) => {
            let of = |entry: &load::Entry| format!("{}:{}", entry.key, show(&entry.value));
            format!("{{{}}}", entries.iter().map(of).collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn documents_are_read_as_kubernetes_reads_them() {
    for (behaviour, text, expected) in [
        ("words of YAML 1.1 are booleans", "[yes, off, 'yes', true]", "[true,false,\"yes\",true]"),
        ("numbers in every base", "[0777, 0x1f, 1_000, 1e3, 08]", "[511,31,1000,1000.0,8.0]"),
        ("timestamps stay text", "a: 2024-01-01T00:00:00Z", "{a:\"2024-01-01T00:00:00Z\"}"),
        ("nothing is null", "a:\nb: ~\nc: null", "{a:null,b:null,c:null}"),
        ("keys become text", "1: a\nyes: b\n1.5: c", "{1:\"a\",true:\"b\",1.5:\"c\"}"),
        ("tags say what a value is", "[!!str 5, !!int '5', !!float 1, !x 5]", "[\"5\",5,1.0,\"5\"]"),
        ("base64 of text is text", "!!binary aGk=", "\"hi\""),
        ("several documents, empty ones left out", "a: 1\n---\n---\n# only this\n---\nb: 2\n...\n", "{a:1} {b:2}"),
        ("a byte order mark", "\u{feff}a: 1", "{a:1}"),
        ("lines that end as in Windows", "a:\r\n- b\r\n- c: 1\r\n", "{a:[\"b\",{c:1}]}"),
        ("aliases", "a: &x {b: 1}\nc: *x\nd: [*x]", "{a:{b:1},c:{b:1},d:[{b:1}]}"),
        ("merge keys, own entries first", "x: &x {b: 1, c: 2}\nz:\n  <<: *x\n  c: 3", "{x:{b:1,c:2},z:{c:3,b:1}}"),
        (
            "merge keys of a list",
            "x: &x {b: 1}\nw: &w {b: 2, c: 3}\nz: {<<: [*x, *w]}",
            "{x:{b:1},w:{b:2,c:3},z:{b:1,c:3}}",
        ),
        ("a quoted merge key is a key", "'<<': 1", "{<<:1}"),
        ("block scalars", "a: |\n  b\n  c\nd: >-\n  e\n  f\n", "{a:\"b\\nc\\n\",d:\"e f\"}"),
        ("JSON with tabs", "{\n\t\"a\": [1,\n\t2.5]\n}", "{a:[1,2.5]}"),
        ("JSON's escapes", r#"{"a": "\/ \ud83d\ude00 \u00e9 \n"}"#, "{a:\"/ 😀 é \\n\"}"),
        ("JSON one behind the other", "{\"a\": 1}\n{\"b\": true} [null]", "{a:1} {b:true} [null]"),
        ("flow YAML that is not JSON", "{a: 1, b: [x,]}", "{a:1,b:[\"x\"]}"),
        ("tabs in flow YAML", "{\n\ta: 1}", "{a:1}"),
        ("nothing", "", ""),
    ] {
        let (documents, errors) = load::yaml(text);
        assert_eq!(errors, [], "{behaviour}");
        assert_eq!(documents.iter().map(show).collect::<Vec<_>>().join(" "), expected, "{behaviour}");
    }
}

#[test]
fn every_value_knows_its_place() {
    for text in [
        "a: 1\n---\nspec:\n  é: ü\n  http:\n  - name: x\n    weight:   50\n",
        "# three lines\n#\n\n{\"spec\": {\"é\": \"ü\",\n\n\n\"http\": [{\"name\": \"x\",\n    \"weight\":   50}]}}",
    ] {
        let (documents, _) = load::yaml(text);
        let tree = documents.last().unwrap();
        let mark = |path: &str| tree.mark_of(path);
        let weight = tree.at("spec.http[0].weight").unwrap();
        let (key, value) = (mark("spec.http[0].weight"), weight.mark);
        let expected = if text.starts_with('a') { 7 } else { 8 };
        assert_eq!((key, value), (Mark { line: expected, column: 5 }, Mark { line: expected, column: value.column }));
        assert_eq!(weight.value, Value::Integer(50));
        assert_eq!(text.lines().nth(expected as usize - 1).unwrap().chars().nth(value.column as usize - 1), Some('5'));
    }
    let (documents, _) = load::yaml("a: ü ü\nb: {ü: 1, c: 2}\nd:\ne: 1");
    let tree = &documents[0];
    assert_eq!(tree.mark_of("b.c"), Mark { line: 2, column: 11 });
    assert_eq!(tree.at("d").unwrap().mark, Mark { line: 3, column: 1 }, "nothing stands where its key stands");
}

#[test]
fn errors_say_what_and_where() {
    for (behaviour, text, line, column, message, read) in [
        ("no YAML at all", "a: b: c", 1, 5, "mapping values are not allowed", 0),
        ("open quotes", "a: 1\nb: \"x\n", 2, 4, "quoted scalar", 0),
        ("a tab as indentation", "a:\n\tb: 1\n", 2, 1, "a tab in the indentation", 0),
        ("a key twice", "a:\n  b: 1\n  c: 2\n  b: 3", 4, 3, "the key `b` stands twice, first at line 2, column 3", 0),
        (
            "a key twice in JSON",
            "{\"b\": 1,\n \"b\": 2}",
            2,
            2,
            "the key `b` stands twice, first at line 1, column 2",
            0,
        ),
        ("a key twice in two spellings", "yes: 1\non: 2", 2, 1, "the key `true` stands twice", 0),
        ("a list as a key", "? [a]\n: b", 1, 3, "expected a key that is a string", 0),
        ("null as a key", "~: b", 1, 1, "expected a key that is a string", 0),
        ("an anchor nobody set", "a: *b", 1, 4, "unknown anchor", 0),
        ("an anchor of another document", "a: &b 1\n---\nc: *b", 3, 4, "another document", 1),
        ("an alias in itself", "a: &b [*b]", 1, 8, "holds the alias", 0),
        ("a merge of text", "<<: x", 1, 1, "behind `<<`", 0),
        ("a tag that does not fit", "a: !!int x", 1, 4, "expected a whole number behind `!!int`, found `x`", 0),
        ("bytes that are no text", "!!binary gA==", 1, 1, "base64", 0),
        ("JSON that ends early", "{\"a\": [1", 1, 9, "", 0),
        ("JSON with half a surrogate", "{\"a\": \"\\ud83d\"}", 1, 8, "expected an escape", 0),
        ("the third of four documents", "a: 1\n---\nb: 2\n---\nc: [\n---\nd: 4\n", 6, 1, "", 3),
        ("the first of two documents", "a: 'x\n---\nb: 2", 1, 4, "quoted scalar", 1),
        ("a document of Windows", "a: @\r\n---\r\nb: 2\r\n", 1, 4, "unexpected character", 1),
    ] {
        let (documents, errors) = load::yaml(text);
        assert_eq!(errors.len(), 1, "{behaviour}: {errors:?}");
        let error = &errors[0];
        assert!(error.message.contains(message), "{behaviour}: {error:?}");
        assert_eq!((error.mark.line, error.mark.column), (line, column), "{behaviour}: {error:?}");
        assert_eq!(documents.len(), read, "{behaviour}: {documents:?}");
        let lower = |c: char| !c.is_uppercase();
        assert!(error.message.starts_with(lower) && !error.message.ends_with('.'), "{behaviour}: {error:?}");
    }
}

#[test]
fn every_broken_document_is_told_and_the_lines_go_on() {
    let (documents, errors) = load::yaml("a: @\n---\nb: 1\n---\nc: @\n---\nd: 2\n---\n\ne: 'x\n");
    let lines: Vec<_> = errors.iter().map(|error| error.mark.line).collect();
    assert_eq!(lines, [1, 5, 10]);
    assert_eq!(documents.iter().map(|node| node.mark.line).collect::<Vec<_>>(), [3, 7]);
}

#[test]
fn bombs_end_early() {
    let begun = std::time::Instant::now();
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    let (_, errors) = load::yaml(&text);
    assert!(errors[0].message.contains("aliases copy more than"), "{errors:?}");
    let wide = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 10_000].join(", "));
    assert!(load::yaml(&wide).1[0].message.contains("aliases copy more than"));
    for open in ["[", "{\"a\":", "{a: ", "- ", "? "] {
        let (documents, errors) = load::yaml(&open.repeat(20_000));
        assert!(documents.is_empty() && errors.len() == 1, "{open}: {errors:?}");
    }
    let fits = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    for text in [fits.clone(), format!("# YAML\n{fits}"), format!("{}1", "- ".repeat(MAX_DEPTH))] {
        assert_eq!(load::yaml(&text).1, [], "{text}");
        let deeper = text.replace('1', "[1]");
        assert!(load::yaml(&deeper).1[0].message.contains("nested deeper than 100"), "{deeper}");
    }
    let chain: String = (1..MAX_DEPTH).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    assert!(load::yaml(&format!("a0: &a0 [1]\n{chain}")).1[0].message.contains("nested deeper"));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_syntax_error_is_a_finding_and_keeps_the_other_documents() {
    let mut report = Report::new();
    let documents = load::text("kind: A\n---\nb: c: d\n", Some("mesh/a.yaml"), &mut report);
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].0.as_deref(), Some("mesh/a.yaml"));
    let [finding] = report.findings() else { panic!("{:?}", report.findings()) };
    assert_eq!((finding.code, finding.line, finding.stops()), (Code::NotYaml, 3, true));
    assert!(finding.to_string().starts_with("mesh/a.yaml:3:5: error[SC0001]: mapping values"), "{finding}");
    assert!(finding.hint.contains("quotes"), "{finding}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = load::yaml(&text);
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", ": ", ":", "- ", "-", "? ", "\n", "\n  ", "\r\n", "\t", " ", "[", "]", "{", "}", ",", "\"", "'", "\\", "\\u", "\\ud800",
                "|", ">", "|+2\n", "&x ", "*x", "!", "!!int ", "!<", "%YAML 1.2\n", "%TAG ! x\n", "---", "\n---\n", "\n...\n", "<<: ", "#", "é",
                "\u{0}", "\u{feff}", "\u{85}", "\u{2028}", "0x", "1e9", "~", "@", "`", "null",
            ]),
            0..40,
        ),
    ) {
        let _ = load::yaml(&parts.concat());
    }

    #[test]
    fn what_serde_json_writes_is_read_alike(
        pairs in proptest::collection::btree_map("\\PC{0,8}", (any::<Option<bool>>(), any::<i64>(), "\\PC{0,16}"), 0..6),
    ) {
        let value = serde_json::json!(pairs);
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let (documents, errors) = load::yaml(&text);
            prop_assert_eq!(&errors, &[]);
            prop_assert_eq!(show(&documents[0]), show(&load::json(text.as_bytes()).unwrap()));
        }
    }
}

/// Lines of errors, what they say, and how many documents are left.
#[test]
fn templates_and_tabs_are_called_so() {
    let read = |text: &str| {
        let (documents, errors) = load::yaml(text);
        let said = |error: &load::SyntaxError| {
            let what = ["template", "tab"].into_iter().find(|word| error.message.contains(word)).unwrap_or("other");
            (error.mark.line, error.mark.column, what)
        };
        (documents.len(), errors.iter().map(said).collect::<Vec<_>>())
    };
    for (text, documents, errors) in [
        ("{{- if .Values.on }}\na: 1\n{{- end }}\n", 0, &[(1, 1, "template")][..]),
        ("a: {{ .Values.a }}\n", 0, &[(1, 4, "template")]),
        ("a: é\nb: {{ include \"x\" . }}\n---\nc: 1\n", 1, &[(2, 4, "template")]),
        ("a: '{{ .Values.a }}'\n---\nb: {{ .Values.b }}\n---\nc: 1\n", 1, &[(3, 4, "template")]),
        ("a: [\n---\nb: {{ $x }}\n", 0, &[(2, 1, "other"), (3, 4, "template")]),
        // What is YAML is what it says.
        ("a: '{{ .Values.a }}'\n", 1, &[]),
        ("a: |\n  {{ .Values.a }}\n", 1, &[]),
        ("a: |\n  {{ .Values.a }}\n\n\n\n\n---\nb: [\n", 1, &[(8, 5, "other")]),
        ("{a: {b: 1}}\n", 1, &[]),
        ("# {{ .Values.a }}\na: [\n", 0, &[(2, 5, "other")]),
        ("a:\n  b: 1\n\tc: 2\n", 0, &[(3, 1, "tab")]),
        ("a:\n  - b: 1\n  \t- c: 2\n", 0, &[(3, 3, "tab")]),
        ("a: \"b\tc\"\n", 1, &[]),
    ] {
        assert_eq!(read(text), (documents, errors.to_vec()), "{text}");
    }
}
