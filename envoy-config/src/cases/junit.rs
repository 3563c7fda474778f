//! What came of cases as JUnit's XML, which CI systems gather.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::ask::Verdict;
use super::report::{Results, Row};
use super::text::{differs, reasons, visible};

/// A `testsuite` for each case file. Cases that take a proxy are skipped ones.
///
/// # Errors
/// When there is no more memory.
pub fn junit(results: &Results) -> io::Result<String> {
    let mut files: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in &results.cases {
        match files.last_mut() {
            Some((file, rows)) if *file == row.file => rows.push(row),
            _ => files.push((&row.file, vec![row])),
        }
    }
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all: Vec<&Row> = results.cases.iter().collect();
    counted(&mut xml, ("testsuites", "sailcloth"), &all, &|xml| {
        files.iter().try_for_each(|(file, rows)| {
            counted(xml, ("testsuite", file), rows, &|xml| rows.iter().try_for_each(|row| case(xml, row, rows)))
        })
    })?;
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    Ok(text)
}

type Xml = Writer<Vec<u8>>;

/// An element that counts what is in it.
fn counted(
    xml: &mut Xml,
    (element, name): (&str, &str),
    rows: &[&Row],
    inside: &dyn Fn(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let count = |verdict| rows.iter().filter(|row| row.result == verdict).count().to_string();
    let (name, tests) = (visible(name, false), rows.len().to_string());
    let (failures, skipped) = (count(Verdict::Failed), count(Verdict::NeedsProxy));
    let element = xml.create_element(element).with_attributes([
        ("name", name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", "0"),
        ("skipped", &skipped),
    ]);
    element.write_inner_content(inside).map(|_| ())
}

fn case(xml: &mut Xml, row: &Row, rows: &[&Row]) -> io::Result<()> {
    let mut name = visible(&row.name, false);
    // Two documents of a file may ask the same of two proxies.
    if rows.iter().filter(|other| other.name == row.name).nth(1).is_some() {
        name.push_str(&format!(" (line {})", row.line));
    }
    let (file, line) = (visible(&row.file, false), row.line.to_string());
    let attributes = [("name", name.as_str()), ("classname", &file), ("file", &file), ("line", &line)];
    let element = xml.create_element("testcase").with_attributes(attributes);
    match row.result {
        Verdict::Passed => element.write_empty().map(|_| ()),
        Verdict::NeedsProxy => {
            let why = visible(&format!("needs a proxy: {}", row.needs_proxy.join(", ")), false);
            element
                .write_inner_content(|xml| {
                    xml.create_element("skipped").with_attribute(("message", why.as_str())).write_empty().map(|_| ())
                })
                .map(|_| ())
        }
        Verdict::Failed => {
            let all = reasons(row);
            let message = visible(&row.wrong.first().map(differs).unwrap_or_default(), false);
            let text = visible(&all, true);
            element
                .write_inner_content(|xml| {
                    let failure = xml.create_element("failure");
                    let attributes = [("message", message.as_str()), ("type", "mismatch")];
                    failure.with_attributes(attributes).write_text_content(BytesText::new(&text)).map(|_| ())
                })
                .map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::{Reader, XmlVersion};

    use super::*;
    use crate::cases::ask::Wrong;

    fn row(name: &str, line: u32, result: Verdict) -> Row {
        let wrong = Wrong { what: "body".into(), got: "a\u{1}<b>\n&\"'".into(), want: "c]]>".into(), share: 1.0 };
        Row {
            file: "c & d.yaml".into(),
            line,
            name: name.into(),
            result,
            needs_proxy: vec!["`raw`".into()],
            wrong: if result == Verdict::Failed { vec![wrong] } else { Vec::new() },
            notes: Vec::new(),
            request: "GET http://a/".into(),
            proxy: None,
            virtual_host: None,
            rule: None,
            destinations: Vec::new(),
            skipped: Vec::new(),
        }
    }

    #[test]
    fn what_xml_cannot_say_is_made_visible() {
        let mut results = Results::default();
        results.push(row("bell \u{7} and \"quotes\"", 1, Verdict::Failed));
        results.push(row("twice", 5, Verdict::Passed));
        results.push(row("twice", 9, Verdict::NeedsProxy));
        let xml = junit(&results).unwrap();
        let (mut names, mut text, mut reader) = (Vec::new(), String::new(), Reader::from_str(&xml));
        loop {
            match reader.read_event().expect("well-formed XML") {
                Event::Eof => break,
                Event::Start(tag) | Event::Empty(tag) => {
                    for attribute in tag.attributes() {
                        let attribute = attribute.expect("a well-formed attribute");
                        let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap();
                        names.push(format!("{} {value}", attribute.key.as_ref()));
                    }
                }
                Event::Text(part) => text.push_str(&part),
                Event::GeneralRef(part) => text.push_str(&format!("&{};", &*part)),
                _ => {}
            }
        }
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        for expected in [
            "name sailcloth",
            "tests 3",
            "failures 1",
            "skipped 1",
            "name c & d.yaml",
            "name bell \\x07 and \"quotes\"",
            "name twice (line 5)",
            "name twice (line 9)",
            "message body: got a\\x01<b>\\x0a&\"', want c]]>",
            "message needs a proxy: `raw`",
        ] {
            assert!(all.contains(&expected), "{expected} in {all:?}");
        }
        assert!(text.contains("a\\x01&lt;b&gt;") && text.contains("c]]&gt;"), "{text}");
        assert!(xml.chars().all(|c| c >= ' ' || c == '\n'), "{xml:?}");
    }
}
