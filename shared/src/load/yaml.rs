//! YAML with the place of every value.

use super::Node;

/// Reads a stream of YAML documents.
///
/// # Errors
/// What the parser says.
pub fn yaml(_text: &str) -> Result<Vec<Node>, (super::Mark, String)> {
    Err((super::Mark::default(), String::new()))
}
