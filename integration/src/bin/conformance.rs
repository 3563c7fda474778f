//! Runs Istio's own cases through `sailcloth check`; `scripts/conformance.sh` starts it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use integration::conformance::{FOLDERS, exceptions, run};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(root) = arguments.next().map(PathBuf::from) else {
        eprintln!("conformance FOLDER [PART...]: FOLDER holds {}", FOLDERS.join(", "));
        return ExitCode::from(2);
    };
    let parts: Vec<String> = arguments.filter_map(|part| part.into_string().ok()).collect();
    let reasons = exceptions(include_str!("../../conformance/exceptions.yaml"));
    let (mut passed, mut failed, mut excepted) = (0, 0, 0);
    let mut met = BTreeSet::new();
    for folder in FOLDERS.iter().filter(|folder| root.join(folder).is_dir()) {
        if !parts.is_empty() && !parts.iter().any(|part| part == folder) {
            continue;
        }
        let mut counts = [0, 0, 0];
        for outcome in run(&root, folder) {
            let reason = reasons.get(&outcome.case);
            met.insert(outcome.case.clone());
            match (&outcome.failure, reason) {
                (None, None) => counts[0] += 1,
                (Some(_), Some(_)) => counts[2] += 1,
                (Some(why), None) => {
                    counts[1] += 1;
                    println!("failed   {}: {why}", outcome.case);
                }
                (None, Some(reason)) => {
                    counts[1] += 1;
                    println!("passes   {}, which is an exception ({reason})", outcome.case);
                }
            }
        }
        let [good, bad, out] = counts;
        println!("{folder:<15} {good:>4} passed {bad:>4} failed {out:>4} excepted");
        (passed, failed, excepted) = (passed + good, failed + bad, excepted + out);
    }
    println!("conformance: {passed} passed, {failed} failed, {excepted} excepted");
    if met.is_empty() {
        eprintln!("there is nothing to run in {}", root.display());
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(failed > 0))
}
