//! The demo's tour tells when something is not as the walkthrough says. That all is well is told by the tour itself,
//! which `scripts/test.sh` takes last.

use std::fs;
use std::process::Command;

use integration::catcatgo;
use integration::paths::TempDir;

#[test]
fn broken_rules_get_a_cross_and_exit_1() {
    let folder = TempDir::new("broken-legacy");
    for (file, right, broken) in [
        ("canary-misspelt-weight.yaml", "subset: v2", "subset: v1"),
        ("canary-by-user-agent.yaml", ".*62.*", ".*6 2.*"),
        ("fault-abort-percent.yaml", "percent: 75", "percent: 25"),
        ("fault-delay-percent.yaml", "fixedDelay: 3s", "fixedDelay: 1s"),
        ("outlier-detection-http.yaml", "maxConnections: 2", "maxConnections: 3"),
        ("mirror.yaml", "subset: v2", "subset: v1"),
    ] {
        let text = fs::read_to_string(catcatgo::file("legacy").join(file)).unwrap();
        assert!(text.contains(right), "{file}");
        folder.write(file, text.replace(right, broken));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tour")).arg("--tour").arg("--legacy").arg(folder.path()).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for row in [
        "✗ GET /, once it says `weight`",
        "✗ GET / with Chrome 62",
        "✓ GET / with Chrome 61",
        "✗ the ui's own search, by the mesh",
        "✗ the ui's own search, 100 at once",
        "✗ GET /stats of the backend",
        "✗ copies",
    ] {
        assert!(said.lines().any(|line| line.trim_start().starts_with(row)), "no `{row}` in\n{said}");
    }
}

#[test]
fn wrong_usage_is_told() {
    for (arguments, told) in [
        (&["--legacy", "no-such-folder"][..], "there is no `no-such-folder`"),
        (&["--mesh"], "`--mesh` wants a value"),
        (&["--port", "http"], "expected a port, found `http`"),
        (&["--turn"], "unknown option `--turn`"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tour")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{arguments:?}");
    }
}
