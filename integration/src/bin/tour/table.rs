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

impl Row {
    /// A row.
    pub fn new(request: impl Into<String>, asked: impl Into<String>, came: impl Into<String>, good: bool) -> Row {
        Row { request: request.into(), asked: asked.into(), came: came.into(), good }
    }
}

/// A scene, as it is printed.
pub struct Table {
    /// What it shows, and the file that asks for it.
    pub title: &'static str,
    /// What the YAML says, in sentences.
    pub says: &'static [&'static str],
    /// The heads of the columns.
    pub heads: [&'static str; 3],
    /// The rows.
    pub rows: Vec<Row>,
}

/// Heads for rows of requests.
pub const REQUESTS: [&str; 3] = ["request", "the YAML asks", "came back"];

impl Table {
    /// Prints it and says whether all of its rows are good.
    pub fn print(&self) -> bool {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let paint =
            |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
        println!();
        println!("{}", paint("1", self.title));
        for line in self.says {
            println!("  {line}");
        }
        println!();
        let width = |column: fn(&Row) -> &str, head: &str| {
            self.rows.iter().map(|row| column(row).chars().count()).chain([head.len()]).max().unwrap_or(0)
        };
        let [request, asked, came] = self.heads;
        let (first, second) = (width(|row| &row.request, request), width(|row| &row.asked, asked));
        println!("    {}", paint("2", &format!("{request:first$}  {asked:second$}  {came}")));
        for row in &self.rows {
            let mark = if row.good { paint("32", "✓") } else { paint("31", "✗") };
            println!("  {mark} {:first$}  {:second$}  {}", row.request, row.asked, row.came);
        }
        self.rows.iter().all(|row| row.good)
    }
}
