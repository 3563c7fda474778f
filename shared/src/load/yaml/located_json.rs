//! JSON with the place of every value: documents one behind the other, as Kubernetes reads them.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use super::SyntaxError;
use crate::load::{Entry, MAX_DEPTH, Mark, Node, Value};

/// Reads all of them.
pub(super) fn read(text: &str) -> Result<Vec<Node>, SyntaxError> {
    let mut reader = Reader { chars: text.chars().peekable(), mark: Mark { line: 1, column: 1 } };
    let mut documents = Vec::new();
    reader.skip_space();
    while reader.chars.peek().is_some() {
        documents.push(reader.value(0)?);
        reader.skip_space();
    }
    Ok(documents)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    mark: Mark,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.mark = Mark { line: self.mark.line.saturating_add(1), column: 1 };
        } else {
            self.mark.column = self.mark.column.saturating_add(1);
        }
        Some(c)
    }

    fn next_if(&mut self, wanted: char) -> bool {
        let is = self.chars.peek() == Some(&wanted);
        if is {
            self.next();
        }
        is
    }

    fn skip_space(&mut self) {
        while self.chars.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn expected<T>(&mut self, what: &str) -> Result<T, SyntaxError> {
        let found = match self.chars.peek() {
            Some(c) => format!("`{}`", c.escape_debug()),
            None => "the end".to_owned(),
        };
        Err(SyntaxError::new(self.mark, format!("expected {what}, found {found}")))
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let mark = self.mark;
        let value = match self.chars.peek() {
            Some('{' | '[') if depth >= MAX_DEPTH => {
                return Err(SyntaxError::new(mark, format!("nested deeper than {MAX_DEPTH}")));
            }
            Some('{') => self.map(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('a'..='z') => self.word()?,
            _ => return self.expected("a value"),
        };
        Ok(Node { value, mark })
    }

    fn map(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.next();
        let (mut entries, mut seen) = (Vec::new(), BTreeMap::new());
        self.skip_space();
        if self.next_if('}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_space();
            let mark = self.mark;
            if self.chars.peek() != Some(&'"') {
                return self.expected("a key in double quotes");
            }
            let key = self.string()?;
            if let Some(first) = seen.insert(key.clone(), mark) {
                return Err(super::stream::twice(&key, mark, first));
            }
            self.skip_space();
            if !self.next_if(':') {
                return self.expected("`:` behind a key");
            }
            self.skip_space();
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, mark, value });
            self.skip_space();
            if self.next_if('}') {
                return Ok(Value::Map(entries));
            }
            if !self.next_if(',') {
                return self.expected("`,` or `}`");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.next();
        let mut items = Vec::new();
        self.skip_space();
        if self.next_if(']') {
            return Ok(Value::List(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.next_if(']') {
                return Ok(Value::List(items));
            }
            if !self.next_if(',') {
                return self.expected("`,` or `]`");
            }
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let begin = self.mark;
        self.next();
        let mut out = String::new();
        loop {
            match self.chars.peek() {
                Some('"') => {
                    self.next();
                    return Ok(out);
                }
                Some('\\') => out.push(self.escape()?),
                Some(c) if *c >= ' ' => out.extend(self.next()),
                Some(_) => return self.expected("a printable character or an escape"),
                None => return Err(SyntaxError::new(begin, "a string without its closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        let mark = self.mark;
        self.next();
        let c = match self.next() {
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.unicode(),
            _ => None,
        };
        c.ok_or_else(|| SyntaxError::new(mark, "expected an escape such as `\\n`, `\\\"` or `\\u00e9`"))
    }

    /// Four hexadecimal digits, or two times four that are a surrogate pair.
    fn unicode(&mut self) -> Option<char> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        if self.next()? != '\\' || self.next()? != 'u' {
            return None;
        }
        let low = self.hex().filter(|low| (0xdc00..0xe000).contains(low))?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            value = value * 16 + self.next()?.to_digit(16)?;
        }
        Some(value)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let mark = self.mark;
        let mut text = String::new();
        while self.chars.peek().is_some_and(|c| matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')) {
            text.extend(self.next());
        }
        // serde_json knows the grammar (no leading zero, no lone point).
        match serde_json::from_str::<serde_json::Number>(&text) {
            Ok(number) => {
                let integer = number.as_i64().map(Value::Integer);
                Ok(integer.unwrap_or_else(|| Value::Float(number.as_f64().unwrap_or_default())))
            }
            Err(_) => Err(SyntaxError::new(mark, format!("`{}` is not a number", crate::model::read::shorten(&text)))),
        }
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let mark = self.mark;
        let mut text = String::new();
        while self.chars.peek().is_some_and(char::is_ascii_alphanumeric) {
            text.extend(self.next());
        }
        match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            _ => Err(SyntaxError::new(mark, "expected a value")),
        }
    }
}
