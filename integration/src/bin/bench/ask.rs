//! What clients ask, and what the answer has to be.

use std::time::Duration;

use crate::upstream::SERVED_BY;

/// A request and what is due to it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `GET` or another method.
    pub method: &'static str,
    /// The host.
    pub authority: String,
    /// The path.
    pub path: String,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// Bytes of body.
    pub body: usize,
    /// The status that has to come back.
    pub status: u16,
    /// The clusters that may answer; empty where the proxy itself has to.
    pub served_by: Vec<String>,
    /// Bytes of body that the answer has to have; absent where the proxy itself answers.
    pub answer: Option<usize>,
    /// A header that the answer has to have.
    pub with: Option<(&'static str, &'static str)>,
    /// The least time that the answer has to take.
    pub at_least: Duration,
}

impl Ask {
    /// Why an answer is not the right one.
    pub fn judge<'a>(&self, status: u16, header: impl Fn(&str) -> Option<&'a [u8]>) -> Result<(), String> {
        let by = header(SERVED_BY);
        let right_one = match by {
            None => self.served_by.is_empty(),
            Some(name) => self.served_by.iter().any(|cluster| cluster.as_bytes() == name),
        };
        let right_header = self.with.is_none_or(|(name, value)| header(name) == Some(value.as_bytes()));
        if right_one && right_header && status == self.status {
            return Ok(());
        }
        let due = if self.served_by.is_empty() { "the proxy".to_owned() } else { self.served_by.join(" or ") };
        let by = by.map_or_else(|| "the proxy".to_owned(), |name| String::from_utf8_lossy(name).into_owned());
        let with = self.with.map_or_else(String::new, |(name, value)| format!(" with `{name}: {value}`"));
        let got = if right_header { &with } else { "" };
        Err(format!(
            "{} {}{}: {status} by {by}{got}, not {} by {due}{with}",
            self.method, self.authority, self.path, self.status
        ))
    }

    /// Why an answer is not whole.
    pub fn judge_length(&self, bytes: usize) -> Result<(), String> {
        match self.answer {
            Some(due) if due != bytes => Err(format!("{}: the answer has {bytes} bytes, not {due}", self.path)),
            _ => Ok(()),
        }
    }

    /// Why an answer came too soon.
    pub fn judge_time(&self, took: Duration) -> Result<(), String> {
        if took >= self.at_least {
            return Ok(());
        }
        Err(format!("{}: the answer took {took:?}, not {:?}", self.path, self.at_least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged() {
        let ask = Ask {
            method: "GET",
            authority: "a".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            body: 0,
            status: 200,
            served_by: vec!["x".to_owned(), "y".to_owned()],
            with: Some(("x-a", "b")),
            answer: Some(3),
            at_least: Duration::from_millis(1),
        };
        let judged = |ask: &Ask, status, by: Option<&'static str>, a: &'static str| {
            let header = |name: &str| if name == SERVED_BY { by.map(str::as_bytes) } else { Some(a.as_bytes()) };
            ask.judge(status, header).is_ok()
        };
        assert!(judged(&ask, 200, Some("y"), "b"));
        assert!(!judged(&ask, 200, Some("z"), "b"));
        assert!(!judged(&ask, 200, None, "b"));
        assert!(!judged(&ask, 503, Some("y"), "b"));
        assert!(!judged(&ask, 200, Some("y"), "c"));
        let own = Ask { served_by: Vec::new(), ..ask.clone() };
        assert!(judged(&own, 200, None, "b") && !judged(&own, 200, Some("y"), "b"));
        assert!(ask.judge_length(3).is_ok() && ask.judge_length(2).is_err());
        assert!(Ask { answer: None, ..ask.clone() }.judge_length(2).is_ok());
        assert!(ask.judge_time(Duration::from_millis(1)).is_ok() && ask.judge_time(Duration::from_micros(9)).is_err());
    }
}
