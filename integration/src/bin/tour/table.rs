//! The table that a scene prints: what was sent, what the YAML asks, what came back, and whether that agrees.

use std::io::IsTerminal;

/// One row.
pub struct Row {
    /// The request, as a person would say it.
    pub request: String,
    /// What the YAML asks.
    pub asked: String,
    /// What came back.
    pub came: String,
    /// Whether the one is the other.
    pub good: bool,
}

/// Prints a scene and says whether all of its rows are good.
pub fn print(title: &str, asks: &[&str], rows: &[Row]) -> bool {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let paint = |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    println!();
    println!("{}", paint("1", title));
    for line in asks {
        println!("  {line}");
    }
    println!();
    let width = |column: fn(&Row) -> &str, head: &str| {
        rows.iter().map(|row| column(row).chars().count()).chain([head.len()]).max().unwrap_or(0)
    };
    let (first, second) = (width(|row| &row.request, "request"), width(|row| &row.asked, "the YAML asks"));
    println!("    {}", paint("2", &format!("{:first$}  {:second$}  came back", "request", "the YAML asks")));
    for row in rows {
        let mark = if row.good { paint("32", "✓") } else { paint("31", "✗") };
        println!("  {mark} {:first$}  {:second$}  {}", row.request, row.asked, row.came);
    }
    rows.iter().all(|row| row.good)
}
