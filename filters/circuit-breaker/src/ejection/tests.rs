use proptest::prelude::*;

use super::*;

const ERROR: Verdict = Verdict::Error { gateway: false };
const LATE: Verdict = Verdict::Local { connected: true };
const UNCONNECTED: Verdict = Verdict::Local { connected: false };

fn rule(endpoints: Endpoints) -> Ejection {
    Ejection {
        errors: Some(2),
        gateway_errors: None,
        local_failures: None,
        split: false,
        base_ms: 1000,
        interval_ms: 100,
        endpoints,
    }
}

/// Of endpoints that the resources list.
fn listed<const N: usize>(addresses: [&str; N]) -> Ejection {
    rule(Endpoints::Listed(addresses.map(str::to_owned).into_iter().collect()))
}

fn seen(most_percent: Option<u32>) -> Ejection {
    rule(Endpoints::Seen(most_percent))
}

/// Until when a destination is left alone; 0 where it is not.
fn out(health: &mut Health, now: u64) -> u64 {
    match health.pass(now).0 {
        Passage::Passes => 0,
        Passage::Refused(until) => until,
    }
}

fn ejected<const N: usize>(until: u64, addresses: [&str; N]) -> [Option<Turn>; 2] {
    [None, Some(Turn::Ejected(until, addresses.map(|address| address.as_bytes().to_vec()).into()))]
}

const NOTHING: [Option<Turn>; 2] = [None, None];

#[test]
fn it_goes_and_returns_at_an_interval_and_says_so_once() {
    let (mut health, rule) = (Health::default(), listed(["a"]));
    assert_eq!(health.tell(b"a", ERROR, &rule, 50), NOTHING);
    assert_eq!(health.pass(51), (Passage::Passes, None));
    // A second is over at 1051, and Envoy looks again at 1100.
    assert_eq!(health.tell(b"a", ERROR, &rule, 51), ejected(1100, ["a"]));
    assert_eq!(health.pass(1099), (Passage::Refused(1100), None));
    assert!(!health.is_fine());
    assert_eq!(health.pass(1100), (Passage::Passes, Some(Turn::Returned)));
    assert_eq!(health.pass(1101), (Passage::Passes, None));
    assert!(health.is_fine());
    // All at once, and not one as a probe; a count begins anew.
    assert_eq!(health.tell(b"a", ERROR, &rule, 1102), NOTHING);
    assert_eq!(out(&mut health, 1103), 0);
}

/// Nobody has looked meanwhile: both are said.
#[test]
fn it_may_have_returned_and_go_again_at_once() {
    let (mut health, rule) = (Health::default(), Ejection { errors: Some(1), ..listed(["a"]) });
    assert_eq!(health.tell(b"a", ERROR, &rule, 0), ejected(1000, ["a"]));
    let [_, again] = ejected(3000, ["a"]);
    assert_eq!(health.tell(b"a", ERROR, &rule, 2000), [Some(Turn::Returned), again]);
    assert_eq!(health.tell(b"z", ERROR, &rule, 9000), [Some(Turn::Returned), None]);
}

#[test]
fn each_ejection_is_longer_and_each_interval_after_a_return_forgets_one() {
    let (mut health, rule) = (Health::default(), listed(["a"]));
    let fail = |health: &mut Health, now: u64| {
        health.tell(b"a", ERROR, &rule, now);
        health.tell(b"a", ERROR, &rule, now);
        out(health, now)
    };
    assert_eq!(fail(&mut health, 0), 1000);
    // It has returned at 1000.
    assert_eq!(fail(&mut health, 1000), 3000);
    assert_eq!(fail(&mut health, 3050), 6100);
    // Two intervals: of three ejections one counts.
    assert_eq!(fail(&mut health, 6300), 8300);
    // As many as there were, and more.
    assert_eq!(fail(&mut health, 8600), 9600);
    assert_eq!(fail(&mut health, 100_000), 101_000);
    // Five minutes are the longest.
    let long = Ejection { base_ms: 200_000, ..rule };
    let mut endpoint = Endpoint::default();
    let times = [(); 4].map(|()| {
        endpoint.eject(&long, 0);
        endpoint.ejected_until
    });
    assert_eq!(times, [200_000, 300_000, 300_000, 300_000]);
    assert_eq!(endpoint.ejections, 3, "Envoy counts no further");
    let longer = Ejection { base_ms: 400_000, ..listed(["a"]) };
    let mut endpoint = Endpoint::default();
    endpoint.eject(&longer, 0);
    assert_eq!(endpoint.ejected_until, 400_000);
}

#[test]
fn all_endpoints_have_to_be_ejected() {
    let (mut health, rule) = (Health::default(), listed(["a", "b"]));
    for _ in 0..9 {
        assert_eq!(health.tell(b"a", ERROR, &rule, 0), NOTHING);
    }
    // What it answers while it is ejected does not count.
    health.tell(b"a", Verdict::Good, &rule, 100);
    assert_eq!(health.tell(b"b", ERROR, &rule, 500), NOTHING);
    assert_eq!(health.tell(b"b", ERROR, &rule, 500), ejected(1000, ["a", "b"]));
    // The first is back at 1000, and then nobody has to wait for the second.
    assert_eq!(out(&mut health, 999), 1000);
    assert_eq!(out(&mut health, 1000), 0);
    // It goes again, for two seconds, and the second is back at 1500.
    health.tell(b"a", ERROR, &rule, 1000);
    assert_eq!(health.tell(b"a", ERROR, &rule, 1000), ejected(1500, ["a", "b"]));
    assert_eq!(out(&mut health, 1500), 0);
    // One that returned before the other one goes.
    let mut health = Health::default();
    for (address, now) in [(b"a", 0), (b"a", 0), (b"b", 1000), (b"b", 1000)] {
        assert_eq!(health.tell(address, ERROR, &rule, now), NOTHING);
    }
    assert_eq!(out(&mut health, 1000), 0);
}

#[test]
fn one_who_is_not_listed_shows_that_there_are_more() {
    let (mut health, rule) = (Health::default(), listed(["a"]));
    health.tell(b"z", ERROR, &rule, 10);
    for _ in 0..9 {
        assert_eq!(health.tell(b"a", ERROR, &rule, 20), NOTHING);
    }
    assert_eq!(out(&mut health, 21), 0);
    // Nobody has seen it for five minutes.
    health.tell(b"a", ERROR, &rule, 10 + FORGET_MS);
    assert_ne!(health.tell(b"a", ERROR, &rule, 10 + FORGET_MS), NOTHING);
}

#[test]
fn a_listed_endpoint_that_does_well_leaves_nothing_behind() {
    let (mut health, rule) = (Health::default(), listed(["a", "b"]));
    health.tell(b"a", Verdict::Good, &rule, 0);
    assert_eq!(health, Health::default());
    health.tell(b"a", ERROR, &rule, 0);
    assert!(!health.is_fine());
    health.tell(b"a", Verdict::Good, &rule, 0);
    assert_eq!(health, Health::default());
}

#[test]
fn endpoints_that_are_not_listed_any_more_do_not_count() {
    let (mut health, before, rule) = (Health::default(), listed(["a", "c", "d"]), listed(["a", "b"]));
    for (address, now) in [(b"c", 0), (b"c", 0), (b"d", 0)] {
        health.tell(address, ERROR, &before, now);
    }
    for _ in 0..9 {
        assert_eq!(health.tell(b"a", ERROR, &rule, 500), NOTHING);
    }
    health.tell(b"b", ERROR, &rule, 600);
    assert_eq!(health.tell(b"b", ERROR, &rule, 600), ejected(1500, ["a", "b"]));
    health.tell(b"b", Verdict::Good, &rule, FORGET_MS);
    assert_eq!(health, Health::default());
}

/// The first alpha schema: whoever has answered.
#[test]
fn of_endpoints_that_nobody_lists_those_count_that_were_seen() {
    let rule = seen(None);
    let mut health = Health::default();
    health.tell(b"b", Verdict::Good, &rule, 0);
    for _ in 0..9 {
        health.tell(b"a", ERROR, &rule, 0);
    }
    assert_eq!(out(&mut health, 1), 0);
    health.tell(b"b", ERROR, &rule, 1);
    assert_eq!(health.tell(b"b", ERROR, &rule, 1), ejected(1000, ["a", "b"]));
    // One that has not been there for long does not count.
    let mut health = Health::default();
    health.tell(b"b", Verdict::Good, &rule, 0);
    health.tell(b"a", ERROR, &rule, FORGET_MS);
    assert_ne!(health.tell(b"a", ERROR, &rule, FORGET_MS), NOTHING);
}

#[test]
fn a_percentage_of_those_that_were_seen() {
    for (most_percent, endpoints, goes) in [
        (None, 3, true),
        (Some(100), 3, true),
        (Some(10), 1, true),
        (Some(10), 2, false),
        (Some(50), 2, false),
        (Some(51), 2, true),
    ] {
        let rule = seen(most_percent);
        let mut health = Health::default();
        for endpoint in 0..endpoints {
            health.tell(&[endpoint], Verdict::Good, &rule, 0);
        }
        for endpoint in (0..endpoints).chain(0..endpoints) {
            health.tell(&[endpoint], ERROR, &rule, 0);
        }
        assert_eq!(out(&mut health, 1) > 0, goes, "{most_percent:?} of {endpoints}");
    }
}

#[test]
fn failures_are_counted_as_the_rule_says() {
    let both = listed(["a"]);
    let gateway = Ejection { errors: None, gateway_errors: Some(2), ..both.clone() };
    let split = Ejection { split: true, local_failures: Some(2), ..both.clone() };
    let at_once = Ejection { local_failures: Some(1), ..split.clone() };
    let bad_gateway = Verdict::Error { gateway: true };
    for (name, rule, verdicts, goes) in [
        ("5xx of any kind", &both, &[ERROR, bad_gateway][..], true),
        ("an answer in between", &both, &[ERROR, Verdict::Good, ERROR], false),
        ("the connection counts as 5xx", &both, &[UNCONNECTED, LATE], true),
        ("gateway errors alone", &gateway, &[bad_gateway, bad_gateway], true),
        ("a plain 500 in between", &gateway, &[bad_gateway, ERROR, bad_gateway], false),
        ("the connection counts as a gateway error", &gateway, &[UNCONNECTED, LATE], true),
        ("the connection apart", &split, &[UNCONNECTED, UNCONNECTED], true),
        ("the connection and answers apart", &split, &[UNCONNECTED, ERROR], false),
        (
            "a connection that came up, and broke, is a failure after a success",
            &split,
            &[UNCONNECTED, LATE, LATE],
            false,
        ),
        ("and enough where one is", &at_once, &[LATE], true),
    ] {
        let mut health = Health::default();
        for verdict in verdicts {
            health.tell(b"a", *verdict, rule, 0);
        }
        assert_eq!(out(&mut health, 1) > 0, goes, "{name}");
    }
}

#[test]
fn verdicts_come_from_status_and_flags() {
    for (status, flags, expected) in [
        (200, 0, Verdict::Good),
        (200, 64, Verdict::Good),
        (404, 0, Verdict::Good),
        (500, 0, ERROR),
        (502, 0, Verdict::Error { gateway: true }),
        (503, 0, Verdict::Error { gateway: true }),
        (505, 0, ERROR),
        (600, 0, Verdict::Good),
        (503, 32, UNCONNECTED),
        (503, 64, LATE),
        (504, 4, LATE),
        (502, 1 << 23, LATE),
        // Refused here: nobody was asked.
        (503, 128, Verdict::Error { gateway: true }),
    ] {
        assert_eq!(Verdict::of(status, false, || flags), expected, "{status} {flags}");
    }
    assert_eq!(Verdict::of(200, true, || 64), LATE);
    assert_eq!(Verdict::of(200, true, || 0), Verdict::Good);
    for (grpc, status) in
        [("0", 200), ("014", 503), ("5", 404), ("14", 503), ("4", 504), ("13", 500), ("2", 500), ("12", 501)]
    {
        assert_eq!(grpc_as_http(grpc.as_bytes()), status, "{grpc}");
    }
    for none in ["", "x", "17", "-1", "99999999999999999999"] {
        assert_eq!(grpc_as_http(none.as_bytes()), 500, "{none}");
    }
}

#[test]
fn who_does_not_look_is_told_once_of_the_first_failure() {
    let (mut health, rule) = (Health::default(), listed(["a", "b"]));
    assert!(health.listen(1) && health.listen(2) && health.listen(1));
    health.tell(b"a", Verdict::Good, &rule, 0);
    assert_eq!(health.to_be_told(), [0; 0]);
    health.tell(b"a", ERROR, &rule, 1);
    assert_eq!(health.to_be_told(), [1, 2]);
    assert!(!health.listen(3), "everybody looks while something fails");
    health.tell(b"b", ERROR, &rule, 2);
    assert_eq!(health.to_be_told(), [0; 0]);
    health.tell(b"a", Verdict::Good, &rule, 3);
    health.tell(b"b", Verdict::Good, &rule, 3);
    assert!(health.listen(3));
}

#[test]
fn a_configuration_that_goes_takes_the_ejection_with_it_that_it_knows() {
    let (mut health, rule) = (Health::default(), listed(["a"]));
    assert_eq!(health.reset(u64::MAX), None);
    health.tell(b"a", ERROR, &rule, 0);
    health.tell(b"a", ERROR, &rule, 0);
    assert_eq!(health.reset(999), None);
    assert_eq!(health.reset(1000), Some(Turn::Returned));
    assert_eq!(out(&mut health, 1), 0);
}

/// VMs of different builds share what they know.
#[test]
fn golden() {
    let endpoint = Endpoint {
        address: b"a:1".to_vec(),
        errors: 1,
        gateway_errors: 2,
        local_failures: 3,
        ejected_until: 4,
        returned: 5,
        ejections: 6,
        seen: 9,
    };
    let health = Health { out_until: 7, stranger: 8, listeners: vec![258], endpoints: vec![endpoint] };
    let bytes = [
        &[3][..],
        &[7, 0, 0, 0, 0, 0, 0, 0],
        &[8, 0, 0, 0, 0, 0, 0, 0],
        &[1, 2, 1, 0, 0],
        &[3, b'a', b':', b'1'],
        &[1, 0, 0, 0],
        &[2, 0, 0, 0],
        &[3, 0, 0, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0],
        &[5, 0, 0, 0, 0, 0, 0, 0],
        &[6, 0, 0, 0],
        &[9, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(health.encode(), bytes);
    assert_eq!(Health::decode(&bytes), health);
    for cut in 0..bytes.len() {
        // Without endpoints it is whole as well.
        assert!(cut == 22 || Health::decode(&bytes[..cut]) == Health::default(), "{cut}");
    }
}

#[test]
fn memory_is_bounded() {
    let mut health = Health::default();
    for endpoint in 0..1000u32 {
        health.tell(&endpoint.to_le_bytes(), ERROR, &seen(None), endpoint.into());
        health.tell(&endpoint.to_le_bytes(), ERROR, &listed(["a"]), endpoint.into());
        health.tell(&endpoint.to_le_bytes(), ERROR, &seen(None), endpoint.into());
    }
    assert!(health.endpoints.len() <= MOST_ENDPOINTS);
    let mut health = Health::default();
    for endpoint in 0..1000u32 {
        health.tell(&endpoint.to_le_bytes(), ERROR, &seen(None), endpoint.into());
    }
    assert_eq!(health.endpoints.len(), MOST_ENDPOINTS);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_some_health(bytes: Vec<u8>) {
        let health = Health::decode(&bytes);
        prop_assert_eq!(Health::decode(&health.encode()), health);
    }
}
