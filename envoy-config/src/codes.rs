//! What the codes of findings mean: the page `docs/codes.md`, from which this is said, and on which tests try the
//! examples.

use shared::finding::Code;
use shared::model::read::nearest;

/// The page.
pub const PAGE: &str = include_str!("../../docs/codes.md");

/// Every code, with what it means.
pub fn list() -> String {
    let line = |code: &Code| format!("{code}  {}\n", code.meaning().trim());
    let all: String = Code::ALL.iter().map(line).collect();
    format!("{all}\n`sailcloth check --codes CODE` says more of one.\n")
}

/// What a code means, an example that gives it, and what to write.
///
/// # Errors
/// When there is no such code.
pub fn explain(code: &str) -> Result<String, String> {
    let upper = code.to_ascii_uppercase();
    let Some(known) = Code::ALL.iter().find(|known| known.as_str() == upper) else {
        let near = nearest(&upper, Code::ALL.iter().map(|code| code.as_str().to_owned()));
        let near = near.map_or(";".to_owned(), |code| format!("; did you mean `{code}`?"));
        return Err(format!("there is no code `{code}`{near} `sailcloth check --codes` lists them"));
    };
    let Some(section) = section(*known) else { return Ok(format!("{known}  {}\n", known.meaning().trim())) };
    let mut out = String::new();
    let mut inside = false;
    for line in section.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else {
            out.push_str(if inside && !line.is_empty() { "    " } else { "" });
            out.push_str(line.trim_start_matches("## "));
            out.push('\n');
        }
    }
    Ok(out)
}

/// The part of the page that is about a code, from its heading on.
pub fn section(code: Code) -> Option<&'static str> {
    let start = PAGE.find(&format!("\n## {code}\n"))? + 1;
    let rest = PAGE.get(start..)?;
    let end = rest.find("\n## ").unwrap_or(rest.len());
    rest.get(..end).map(str::trim_end)
}
