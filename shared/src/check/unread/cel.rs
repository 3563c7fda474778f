//! The grammar of CEL, in which a Telemetry says what is logged: whether a text is an expression, and nothing more.

/// How deep expressions may be nested.
const MOST_DEPTH: usize = 100;

/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<(), String> {
    let mut parser = Parser { rest: text, depth: 0 };
    parser.expression()?;
    match parser.peek() {
        None => Ok(()),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

/// From the longest to the shortest where one begins another.
const BINARY: [&str; 13] = ["||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%"];

impl<'a> Parser<'a> {
    fn expression(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err("it is nested too deeply".into());
        }
        self.operands()?;
        if self.takes("?") {
            self.operands()?;
            self.expects(":")?;
            self.expression()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Operands between operators; which binds closer makes no difference to whether it is an expression.
    fn operands(&mut self) -> Result<(), String> {
        loop {
            self.operand()?;
            if !BINARY.iter().any(|operator| self.takes(operator)) && !self.takes_word("in") {
                return Ok(());
            }
        }
    }

    fn operand(&mut self) -> Result<(), String> {
        // `!!a` and `--a`, but not `!-a`.
        if self.takes("!") {
            while self.takes("!") {}
        } else {
            while self.takes("-") {}
        }
        self.primary()?;
        loop {
            if self.takes(".") {
                self.takes("?");
                if self.name().is_none() {
                    return Err(self.unexpected());
                }
                if self.takes("(") {
                    self.list(")")?;
                } else if self.takes("{") {
                    self.entries()?;
                }
            } else if self.takes("[") {
                self.takes("?");
                self.expression()?;
                self.expects("]")?;
            } else {
                return Ok(());
            }
        }
    }

    fn primary(&mut self) -> Result<(), String> {
        if self.takes("(") {
            self.expression()?;
            return self.expects(")");
        }
        if self.takes("[") {
            return self.list("]");
        }
        if self.takes("{") {
            return self.entries();
        }
        if self.number() || self.string()? {
            return Ok(());
        }
        self.takes(".");
        match self.name() {
            None | Some("in") => Err(self.unexpected()),
            Some("true" | "false" | "null") => Ok(()),
            Some(_) if self.takes("(") => self.list(")"),
            // A message is told from a mapping by its name.
            Some(_) if self.peek() == Some('{') => {
                self.takes("{");
                self.entries()
            }
            Some(_) => Ok(()),
        }
    }

    fn list(&mut self, end: &str) -> Result<(), String> {
        while !self.takes(end) {
            self.expression()?;
            if !self.takes(",") {
                return self.expects(end);
            }
        }
        Ok(())
    }

    fn entries(&mut self) -> Result<(), String> {
        while !self.takes("}") {
            self.takes("?");
            self.expression()?;
            self.expects(":")?;
            self.expression()?;
            if !self.takes(",") {
                return self.expects("}");
            }
        }
        Ok(())
    }

    fn name(&mut self) -> Option<&'a str> {
        self.skip();
        let is_first = self.rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end)?;
        is_first.then(|| {
            self.rest = rest;
            name
        })
    }

    fn number(&mut self) -> bool {
        self.skip();
        let digits = self.rest.strip_prefix('.').unwrap_or(self.rest);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let mut before = ' ';
        let end = self.rest.find(|c: char| {
            let sign = (c == '+' || c == '-') && before.eq_ignore_ascii_case(&'e');
            before = c;
            !(c.is_ascii_alphanumeric() || c == '.' || sign)
        });
        self.rest = end.and_then(|end| self.rest.get(end..)).unwrap_or_default();
        true
    }

    /// In quotes of either kind, or in three of them; `r` before them is raw, `b` is of bytes.
    fn string(&mut self) -> Result<bool, String> {
        self.skip();
        let letters = self.rest.find(['"', '\'']).and_then(|at| self.rest.get(..at)).unwrap_or("-");
        let raw = letters.contains(['r', 'R']);
        if letters.len() > 2 || !letters.chars().all(|c| "rRbB".contains(c)) {
            return Ok(false);
        }
        let Some(quoted) = self.rest.get(letters.len()..) else { return Ok(false) };
        let Some(quote) = quoted.chars().next() else { return Ok(false) };
        let three = quote.to_string().repeat(3);
        let (end, inside) = match quoted.strip_prefix(three.as_str()) {
            Some(inside) => (three, inside),
            None => (quote.to_string(), quoted.get(1..).unwrap_or_default()),
        };
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            if escaped {
                escaped = false;
            } else if c == '\\' && !raw {
                escaped = true;
            } else if inside.get(at..).is_some_and(|rest| rest.starts_with(&end)) {
                self.rest = inside.get(at + end.len()..).unwrap_or_default();
                return Ok(true);
            } else if c == '\n' && end.len() == 1 {
                break;
            }
        }
        Err("a string has no end".into())
    }

    fn takes(&mut self, symbol: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expects(&mut self, symbol: &str) -> Result<(), String> {
        if self.takes(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn peek(&mut self) -> Option<char> {
        self.skip();
        self.rest.chars().next()
    }

    fn unexpected(&mut self) -> String {
        match self.peek() {
            Some(c) => format!("`{c}` stands where nothing such can stand"),
            None => "it ends too early".into(),
        }
    }

    /// Spaces and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix("//") else { return };
            self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_as_cel_has_them() {
        for good in [
            "response.code >= 400",
            "response.code",
            "!has(request.headers['x']) && (a.b(1, 2)[0] == \"q\" || -1.5e-3 < x) ? [1, {'a': 2u}] : r'\\'",
            "a in ['b', 'c',]",
            "pkg.Message{field: 1}",
            "true // so",
            "b'''x\ny'''",
        ] {
            assert_eq!(parse(good), Ok(()), "{good}");
        }
        for bad in ["", ")++++", "a ==", "(a", "'a", "a b", "a.", "a ? b", "[1, 2", "!-a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"(".repeat(1_000)).is_err());
    }
}
