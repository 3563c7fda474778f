//! The parser's events, put together to located trees.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{MOST_ERRORS, SyntaxError, scalar};
use crate::load::{Entry, MAX_DEPTH, Mark, Node, Value};
use crate::model::read::shorten;

/// What aliases may copy in one text, in values and pieces of [`PIECE`] bytes: enough for any honest use, and a bomb of
/// nested aliases ends here.
const COPIES: usize = 1_000_000;

/// Bytes of text that count as much as a value.
const PIECE: usize = 32;

/// Reads all documents that can be read.
pub(super) fn read(text: &str) -> (Vec<Node>, Vec<SyntaxError>) {
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    let (mut rest, mut line, mut copies) = (text, 0, COPIES);
    loop {
        let mut stream = Stream { parser: Parser::new_from_str(rest), line, copies, anchors: BTreeMap::new() };
        let Err(error) = stream.documents(&mut documents) else { break };
        copies = stream.copies;
        let Mark { line: at, column } = error.mark;
        errors.push(error);
        // An error on the very `---` that ends a document does not concern the one that begins there.
        let from = if column == 1 { at } else { at.saturating_add(1) };
        match next_document(rest, from.saturating_sub(line)) {
            Some((next, skipped)) if errors.len() < MOST_ERRORS => (rest, line) = (next, line + skipped),
            _ => break,
        }
    }
    (documents, errors)
}

/// The text from the first `---` that begins a line at or behind line `from` (from 1) and is not the first line, and
/// how many lines come before it. Such a `---` always begins a document, even inside quotes.
fn next_document(text: &str, from: u32) -> Option<(&str, u32)> {
    let mut line = 1u32;
    let mut chars = text.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        let ends = match c {
            '\n' => true,
            '\r' => chars.peek().is_none_or(|(_, next)| *next != '\n'),
            _ => false,
        };
        if !ends {
            continue;
        }
        line = line.saturating_add(1);
        let rest = chars.peek().and_then(|(at, _)| text.get(*at..))?;
        let begins =
            rest.strip_prefix("---").is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace));
        if begins && line >= from {
            return Some((rest, line - 1));
        }
    }
    None
}

/// A key that a mapping already has.
pub(super) fn twice(key: &str, mark: Mark, first: Mark) -> SyntaxError {
    let message =
        format!("the key `{}` stands twice, first at line {}, column {}", shorten(key), first.line, first.column);
    SyntaxError::new(mark, message).hint("keep one of them")
}

struct Stream<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Lines before this text.
    line: u32,
    copies: usize,
    /// By the parser's number; nothing while the anchored value is still being read.
    anchors: BTreeMap<usize, Option<Node>>,
}

/// A key, or the sign that what follows is merged.
enum Key {
    Text(String),
    Merge,
}

impl<'a> Stream<'a> {
    fn mark(&self, marker: Marker) -> Mark {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Mark { line: number(marker.line()).saturating_add(self.line), column: number(marker.col()).saturating_add(1) }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let message = error.info().replace('\'', "`").replace("``", "`");
                Err(SyntaxError::new(self.mark(*error.marker()), message).hint(hint(error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn documents(&mut self, documents: &mut Vec<Node>) -> Result<(), SyntaxError> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), _) => {
                    self.anchors.clear();
                    let (event, span) = self.next()?;
                    let node = self.node(event, span, 0)?;
                    if node.value != Value::Null {
                        documents.push(node);
                    }
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        let mark = self.mark(span.start);
        if depth > MAX_DEPTH {
            return Err(SyntaxError::new(mark, format!("nested deeper than {MAX_DEPTH}")));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (resolve(&text, style, tag.as_deref(), mark)?, anchor),
            Event::SequenceStart(anchor, _) => {
                self.begin(anchor);
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.node(event, span, depth + 1)?);
                }
                (Value::List(items), anchor)
            }
            Event::MappingStart(anchor, _) => {
                self.begin(anchor);
                (Value::Map(self.entries(depth)?), anchor)
            }
            Event::Alias(id) => return self.copy(id, mark, depth),
            _ => return Err(SyntaxError::new(mark, "expected a value")),
        };
        let node = Node { value, mark };
        if anchor != 0 {
            self.charge(measure(&node).0, mark)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn begin(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn charge(&mut self, cost: usize, mark: Mark) -> Result<(), SyntaxError> {
        match self.copies.checked_sub(cost) {
            Some(left) => {
                self.copies = left;
                Ok(())
            }
            None => Err(SyntaxError::new(mark, format!("aliases copy more than {COPIES} values"))
                .hint("write the values out, or split the file")),
        }
    }

    fn copy(&mut self, id: usize, mark: Mark, depth: usize) -> Result<Node, SyntaxError> {
        let (cost, height) = match self.anchors.get(&id) {
            Some(Some(node)) => measure(node),
            Some(None) => return Err(SyntaxError::new(mark, "this alias stands for something that holds the alias")),
            None => return Err(SyntaxError::new(mark, "this alias refers to an anchor of another document")),
        };
        if depth + height > MAX_DEPTH {
            return Err(SyntaxError::new(mark, format!("nested deeper than {MAX_DEPTH}")));
        }
        self.charge(cost, mark)?;
        let value = self.anchors.get(&id).and_then(Option::as_ref).map_or(Value::Null, |node| node.value.clone());
        Ok(Node { value, mark })
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        let (mut entries, mut merged, mut seen) = (Vec::new(), Vec::new(), BTreeMap::new());
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let mark = self.mark(span.start);
            let key = self.key(event, span)?;
            let (event, span) = self.next()?;
            // Nothing behind the colon: the parser puts that where the next thing stands.
            let nothing = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, 0, None) if text.is_empty());
            let mut value = self.node(event, span, depth + 1)?;
            if nothing {
                value.mark = mark;
            }
            match key {
                Key::Merge => merged.push((mark, value)),
                Key::Text(key) => {
                    if let Some(first) = seen.insert(key.clone(), mark) {
                        return Err(twice(&key, mark, first));
                    }
                    entries.push(Entry { key, mark, value });
                }
            }
        }
        for (mark, value) in merged {
            merge(value, mark, &mut |entry| {
                if seen.insert(entry.key.clone(), entry.mark).is_none() {
                    entries.push(entry);
                }
            })?;
        }
        Ok(entries)
    }

    /// A key is text in the end, as in JSON: numbers and booleans become theirs (`sigs.k8s.io/yaml`).
    fn key(&mut self, event: Event<'a>, span: Span) -> Result<Key, SyntaxError> {
        let mark = self.mark(span.start);
        if matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<") {
            return Ok(Key::Merge);
        }
        if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
            return Err(SyntaxError::new(mark, "expected a key that is a string, found a list or mapping"));
        }
        Ok(Key::Text(match self.node(event, span, 0)?.value {
            Value::Text(text) => text,
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Null | Value::List(_) | Value::Later(_) | Value::Map(_) => {
                return Err(SyntaxError::new(mark, "expected a key that is a string"));
            }
        }))
    }
}

/// `<<`: the entries of a mapping, or of a list of them; what the mapping itself says wins, then the first.
fn merge(value: Node, mark: Mark, take: &mut impl FnMut(Entry)) -> Result<(), SyntaxError> {
    let sources = match value.value {
        Value::List(items) => items,
        value => vec![Node { value, mark }],
    };
    for source in sources {
        let Value::Map(entries) = source.value else {
            return Err(SyntaxError::new(mark, "expected a mapping or a list of mappings behind `<<`"));
        };
        entries.into_iter().for_each(&mut *take);
    }
    Ok(())
}

fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Result<Value, SyntaxError> {
    match tag {
        None if style == ScalarStyle::Plain => Ok(scalar::plain(text)),
        None => Ok(Value::Text(text.to_owned())),
        Some(tag) if !tag.is_yaml_core_schema() => Ok(Value::Text(text.to_owned())),
        Some(tag) if tag.suffix == "binary" => {
            let decoded = crate::model::http_route::decode_base64(&text.split_whitespace().collect::<String>());
            let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.map(Value::Text).ok_or_else(|| SyntaxError::new(mark, "expected text in base64 behind `!!binary`"))
        }
        Some(tag) => scalar::tagged(text, &tag.suffix).map_err(|what| {
            SyntaxError::new(mark, format!("expected {what} behind `!!{}`, found `{}`", tag.suffix, shorten(text)))
        }),
    }
}

/// What a copy costs, and how deep it is nested.
fn measure(node: &Node) -> (usize, usize) {
    let add = |(cost, height): (usize, usize), (more, deep): (usize, usize)| (cost + more, height.max(deep));
    match &node.value {
        Value::Text(text) => (1 + text.len() / PIECE, 0),
        Value::List(items) => {
            let (cost, height) = items.iter().map(measure).fold((1, 0), add);
            (cost, height + 1)
        }
        Value::Map(entries) => {
            let of = |entry: &Entry| {
                let (cost, height) = measure(&entry.value);
                (cost + 1 + entry.key.len() / PIECE, height)
            };
            let (cost, height) = entries.iter().map(of).fold((1, 0), add);
            (cost, height + 1)
        }
        _ => (1, 0),
    }
}

/// What usually is behind what the parser says.
fn hint(info: &str) -> &'static str {
    if info.contains("tab") {
        "indent with spaces"
    } else if info.contains("mapping values are not allowed") {
        "put quotes around a value that holds `: `, or look at the indentation"
    } else if info.contains("did not find expected key") || info.contains("block collection") {
        "look at the indentation, and at what stands on the line before"
    } else if info.contains("unexpected character") {
        "put quotes around the value"
    } else if info.contains("quoted scalar, found unexpected end") {
        "close the quotes"
    } else if info.contains("valid YAML whitespace") {
        "write a space behind the `:`, and no tab"
    } else if info.contains("unknown anchor") {
        "a value that begins with `*` needs quotes; an alias needs its anchor before it"
    } else {
        ""
    }
}
