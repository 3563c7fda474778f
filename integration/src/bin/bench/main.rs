//! The bench: the same resources, once on Envoy's own routes and once by Sailcloth's modules, side by side in one run.
//!
//! Started by `scripts/bench.sh`, which builds everything first.

mod ask;
mod cpu;
mod http1;
mod http2;
mod judge;
mod load;
mod matcher_tree;
mod natively;
mod report;
mod resources;
mod rows;
mod run;
mod sample;
mod setup;
mod sides;
mod startup;
mod upstream;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use integration::{envoy, paths};
use serde_json::json;

use cpu::Cores;
use run::Timing;

const HELP: &str = "\
Measures Sailcloth's modules against Envoy's own routes, on the same resources in one run.

Usage: scripts/bench.sh [--quick] [--check] [--rows TEXT] [--before FOLDER] [--json FILE]

  --quick       the rows at 10, 500 and 10,000 rules, in short: less than two minutes
  --check       exits 1 where a row falls short of its bar, and names the worst
  --rows TEXT   only rows whose name holds TEXT, or the figures `size`, `start`, `plan` or `core`; may stand several
                times
  --before FOLDER
                also measures the modules of an earlier build that lie there, in the same run: no row may cost more than
                1.03 times what it costs with them
  --json FILE   also writes everything to FILE, raw samples included
  --list        says which rows there are

Examples:
  scripts/bench.sh --quick --check
  scripts/bench.sh --rows 'all behaviours' --json bench.json
  cp -r target/wasm earlier && git switch mine && scripts/bench.sh --before earlier
";

/// What the command line asks for.
#[derive(Default)]
struct Options {
    quick: bool,
    check: bool,
    list: bool,
    rows: Vec<String>,
    before: Option<PathBuf>,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match bench(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--quick" => options.quick = true,
            "--check" => options.check = true,
            "--list" => options.list = true,
            "--rows" => options.rows.push(value()?),
            "--before" => options.before = Some(value()?.into()),
            "--json" => options.json = Some(value()?.into()),
            "-h" | "--help" => return Ok(None),
            _ => return Err(format!("unknown option {word}")),
        }
    }
    Ok(Some(options))
}

/// The groups of figures that are not rows.
const FACTS: [&str; 4] = ["size", "start", "plan", "core"];

/// Whether all is as it has to be.
fn bench(options: &Options) -> Result<bool, String> {
    let mut rows = rows::rows(options.quick);
    // Rows that are asked for by name are measured in any case, with `--quick` in short.
    rows.retain(|row| match options.rows.as_slice() {
        [] => !options.quick || row.quick,
        asked => asked.iter().any(|text| row.name.contains(text)),
    });
    let wanted = |group: &str| options.rows.is_empty() || options.rows.iter().any(|text| text == group);
    if rows.is_empty() && !FACTS.iter().any(|group| wanted(group)) {
        return Err("no row has such a name; `--list` says which there are".to_owned());
    }
    if options.list {
        let names = rows.iter().map(|row| row.name.as_str()).chain(FACTS);
        names.for_each(|name| println!("{name}"));
        return Ok(true);
    }
    if let Some(folder) = &options.before {
        let suite = folder.join("suite.wasm");
        std::fs::metadata(&suite).map_err(|error| format!("{}: {error}", suite.display()))?;
        rows.iter_mut().for_each(|row| row.beside(folder));
    }
    if let Some(file) = &options.json {
        // Not to be found out after half an hour.
        std::fs::write(file, "").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let timing = if options.quick {
        Timing { window: Duration::from_millis(300), sittings: 1, rounds: 7 }
    } else {
        Timing { window: Duration::from_millis(400), sittings: 3, rounds: 4 }
    };
    let version = envoy::version(paths::envoy());
    println!("Envoy {version}; {}", timing.sentence());
    let mut kinds: Vec<u32> = rows.iter().map(|row| row.setup.workers).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for workers in kinds {
        println!("{}", Cores::choose(workers)?.sentence(workers));
    }
    report::print_head();
    let mut refused = 0;
    let (mut all, mut facts, mut short) = (Vec::new(), Vec::new(), Vec::new());
    for row in &rows {
        let cores = Cores::choose(row.setup.workers)?;
        let measured = match run::run(row, timing, &cores) {
            Ok(measured) => measured,
            Err(error) => {
                println!("{}: no figures, for {error}", row.name);
                all.push(json!({"row": row.name, "refused": error}));
                refused += 1;
                continue;
            }
        };
        let verdicts = judge::verdicts(row, &measured);
        report::print_row(row, &measured, &verdicts);
        all.push(report::row_json(row, &measured, &verdicts, &cores));
        facts.extend(startup::metrics(&row.name, &measured));
        let wrong = verdicts.iter().filter(|it| !it.holds());
        short.extend(wrong.map(|it| (it.short_by(), format!("{}: {}", row.name, report::sentence(it)))));
    }
    facts.iter().for_each(|fact| println!("{}", fact.sentence()));
    let mut found = |fact: startup::Fact| {
        println!("{}", fact.sentence());
        facts.push(fact);
    };
    let startup = startup::facts(options.quick, wanted, &mut found);
    let core = if wanted("core") { natively::facts(&mut found) } else { Ok(()) };
    for error in [startup, core].into_iter().filter_map(Result::err) {
        println!("no more of these figures, for {error}");
        refused += 1;
    }
    let wrong = facts.iter().filter(|fact| !fact.holds());
    short.extend(wrong.map(|fact| (fact.figure / fact.most.unwrap_or(f64::NAN) - 1.0, fact.sentence())));
    if let Some(file) = &options.json {
        let facts: Vec<_> = facts.iter().map(startup::Fact::json).collect();
        let mut text =
            format!("{:#}", json!({"run": report::head_json(timing, &version), "rows": all, "facts": facts}));
        text.push('\n');
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some((_, worst)) = short.iter().max_by(|one, other| one.0.total_cmp(&other.0)) {
        println!("{} of the bars are not reached; the worst is {worst}", short.len());
    }
    if refused > 0 {
        println!("{refused} times there are no figures; the reason stands in their place");
    }
    Ok(refused == 0 && (short.is_empty() || !options.check))
}
