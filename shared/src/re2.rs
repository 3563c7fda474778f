//! Placeholder until the translator is in.
use std::sync::Arc;
/// A pattern.
#[derive(Clone, Debug)]
pub struct Re2(Arc<(String, regex::bytes::Regex)>);
impl PartialEq for Re2 {
    fn eq(&self, o: &Re2) -> bool {
        self.0.0 == o.0.0
    }
}
/// An error.
#[derive(Debug)]
pub struct Re2Error(String);
impl std::fmt::Display for Re2Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl Re2 {
    /// Compiles.
    pub fn new(p: &str) -> Result<Re2, Re2Error> {
        Ok(Re2(Arc::new((
            p.into(),
            regex::bytes::Regex::new(&format!("^(?:{p})$")).map_err(|e| Re2Error(e.to_string()))?,
        ))))
    }
    /// Pattern.
    pub fn pattern(&self) -> &str {
        &self.0.0
    }
    /// Matches.
    pub fn is_full_match(&self, v: &[u8]) -> bool {
        self.0.1.is_match(v)
    }
}
/// Substitution.
#[derive(Clone, Debug)]
pub struct Substitution(regex::bytes::Regex, Vec<u8>);
impl Substitution {
    /// Compiles.
    pub fn new(p: &str, r: &str) -> Result<Self, Re2Error> {
        Ok(Substitution(regex::bytes::Regex::new(p).map_err(|e| Re2Error(e.to_string()))?, r.as_bytes().to_vec()))
    }
    /// Applies.
    pub fn apply(&self, v: &[u8]) -> Vec<u8> {
        self.0.replace_all(v, regex::bytes::NoExpand(&self.1)).into_owned()
    }
}
