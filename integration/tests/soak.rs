//! The short forms of `scripts/soak.sh`.

use std::time::Duration;

use integration::soak::{self, Verdict, hosts};

fn assert_good(verdict: &Verdict) {
    eprintln!("{}", verdict.told.join("\n"));
    assert!(verdict.failures.is_empty(), "{}", verdict.failures.join("\n"));
}

#[test]
fn after_ten_thousand_requests_of_every_kind_nothing_is_left() {
    let plan = soak::Plan { requests: 10_000, within: Duration::from_secs(120), ..soak::Plan::default() };
    assert_good(&soak::run(&plan, &mut |line| eprintln!("{line}")));
}

#[test]
fn a_client_of_twenty_thousand_hosts_is_forgotten() {
    let plan = hosts::Plan { hosts: 20_000, within: Duration::from_secs(120), workers: 2, series: 100 };
    assert_good(&hosts::run(&plan, &mut |line| eprintln!("{line}")));
}
