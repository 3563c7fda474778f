//! What large sets cost: no more than a few times their length, in time and in memory.
//!
//! Bounds are of processor time and of memory, several times what a build without optimisation takes and far below what
//! it took when any of this was quadratic, so that a machine that is busy breaks none.

// A test all through, its helpers too.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The processor time of a run.
fn spent(args: &[&str], file: &Path, code: i32) -> Duration {
    let so_far = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds()
    };
    let before = so_far();
    let ran = Command::new(env!("CARGO_BIN_EXE_sailcloth"))
        .args(args)
        .args(["--filename".as_ref(), file.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(ran.code(), Some(code), "{args:?}");
    Duration::from_millis((so_far() - before).try_into().unwrap())
}

/// The most memory that any run so far had, in MB.
fn memory() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() / 1000
}

/// A Gateway, 200 services with two versions, and so many VirtualServices with two rules.
fn mesh(count: usize) -> String {
    let mut text = String::from(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: istio-system}\nspec:\n  \
         selector: {istio: ingressgateway}\n  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]\n",
    );
    for number in 0..200 {
        let _ = write!(
            text,
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s{number}, namespace: shop}}\n\
             spec:\n  hosts: [s{number}.shop.svc.cluster.local]\n  resolution: STATIC\n  ports:\n  - number: 80\n    \
             name: http\n    protocol: HTTP\n  endpoints:\n  - address: 10.0.0.{number}\n    labels: {{version: v1}}\n  \
             - address: 10.0.1.{number}\n    labels: {{version: v2}}\n---\napiVersion: networking.istio.io/v1\n\
             kind: DestinationRule\nmetadata: {{name: s{number}, namespace: shop}}\nspec:\n  \
             host: s{number}.shop.svc.cluster.local\n  subsets:\n  - name: v1\n    labels: {{version: v1}}\n  \
             - name: v2\n    labels: {{version: v2}}\n"
        );
    }
    for number in 0..count {
        let to = format!("host: s{}.shop.svc.cluster.local", number % 200);
        let _ = write!(
            text,
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: vs{number}\n  \
             namespace: shop\nspec:\n  hosts:\n  - h{number}.example.com\n  gateways:\n  - istio-system/gw\n  http:\n  \
             - match:\n    - uri:\n        prefix: /api/{number}\n    - headers:\n        x-user:\n          \
             exact: u{number}\n    route:\n    - destination:\n        {to}\n        subset: v1\n      weight: 90\n    \
             - destination:\n        {to}\n        subset: v2\n      weight: 10\n    timeout: 5s\n  - route:\n    \
             - destination:\n        {to}\n        subset: v1\n"
        );
    }
    text
}

#[test]
fn large_sets_cost_what_is_in_them() {
    let long = Duration::from_secs(25);
    // One line, one resource, and ten thousand findings.
    let rules: Vec<String> =
        (0..10_000).map(|n| format!("{{route: [{{destination: {{host: a.b}}}}], bad{n}: 1}}")).collect();
    let line = format!(
        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: x}}, \
         spec: {{hosts: [a.b], http: [{}]}}}}\n",
        rules.join(", ")
    );
    let took = spent(&["check"], &file("line.yaml", &line), 1);
    assert!(took < long, "one long line: {took:?}");

    // A hundred thousand hosts, in no order.
    let mut number = 1_u32;
    let hosts: Vec<String> = (0..100_000)
        .map(|at| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("h{:04}-{at}.example.com", number >> 20)
        })
        .collect();
    let hosts = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: x}}\nspec:\n  hosts: [{}]\n  \
         http: [{{directResponse: {{status: 200}}}}]\n",
        hosts.join(", ")
    );
    let took = spent(&["check"], &file("hosts.yaml", &hosts), 0);
    assert!(took < long, "a hundred thousand hosts: {took:?}");
    assert!(memory() < 200, "{} MB", memory());

    let resources = mesh(10_000);
    // Thirty thousand findings.
    let wrong =
        file("wrong.yaml", &resources.replace("    timeout: 5s\n", "    time: 5s\n    tries: 1\n    fail: 1\n"));
    let took = spent(&["check", "--output", "sarif"], &wrong, 0);
    assert!(took < long, "as SARIF: {took:?}");
    assert!(memory() < 200, "as SARIF: {} MB", memory());

    let mesh = file("mesh.yaml", &resources);
    for args in [
        &["check"][..],
        &["explain", "http://h9999.example.com/nowhere"],
        &["generate", "bootstrap", "--module-dir", "/modules"],
        &["generate", "bootstrap", "--module-dir", "/modules", "--output", "json"],
        &["generate", "filters", "--module-dir", "/modules"],
        &["generate", "filters", "--module-dir", "/modules", "--separate"],
    ] {
        let took = spent(args, &mesh, 0);
        assert!(took < long, "{args:?}: {took:?}");
        assert!(memory() < 200, "{args:?}: {} MB", memory());
    }
}
