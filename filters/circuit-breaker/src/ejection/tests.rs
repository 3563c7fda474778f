use proptest::prelude::*;

use super::*;

const RULE: Ejection = Ejection {
    errors: Some(2),
    gateway_errors: None,
    local_failures: None,
    split: false,
    base_ms: 1000,
    interval_ms: 100,
    most_percent: None,
};
const ERROR: Verdict = Verdict::Error { gateway: false };

#[test]
fn it_opens_probes_and_closes() {
    let mut health = Health::default();
    health.tell(b"a", ERROR, false, &RULE, 0);
    assert_eq!(health.pass(1), Passage::Passes);
    health.tell(b"a", ERROR, false, &RULE, 1);
    assert_eq!(health.pass(1000), Passage::Refused);
    assert_eq!(health.pass(1001), Passage::Probes);
    assert_eq!(health.pass(1002), Passage::Refused);
    health.tell(b"a", ERROR, true, &RULE, 1010);
    // The second time is twice as long.
    assert_eq!(health.pass(3009), Passage::Refused);
    assert_eq!(health.pass(3010), Passage::Probes);
    health.tell(b"a", Verdict::Good, true, &RULE, 3020);
    assert_eq!(health.pass(3021), Passage::Passes);
    // Two ejections, one of which is forgotten by now.
    health.tell(b"a", ERROR, false, &RULE, 3130);
    health.tell(b"a", ERROR, false, &RULE, 3130);
    assert_eq!(health.pass(5129), Passage::Refused);
    assert_eq!(health.pass(5130), Passage::Probes);
}

#[test]
fn a_probe_that_says_nothing_is_followed_by_another() {
    let mut health = Health { phase: Phase::Open(10), ..Health::default() };
    assert_eq!(health.pass(10), Passage::Probes);
    health.unprobed(11);
    assert_eq!(health.pass(11), Passage::Probes);
    // Its VM died.
    assert_eq!(health.pass(11 + PROBE_MS - 1), Passage::Refused);
    assert_eq!(health.pass(11 + PROBE_MS), Passage::Probes);
}

#[test]
fn all_endpoints_have_to_fail() {
    let mut health = Health::default();
    health.tell(b"b", Verdict::Good, false, &RULE, 0);
    for _ in 0..9 {
        health.tell(b"a", ERROR, false, &RULE, 0);
    }
    assert_eq!(health.pass(1), Passage::Passes);
    health.tell(b"b", ERROR, false, &RULE, 1);
    health.tell(b"b", ERROR, false, &RULE, 1);
    assert_eq!(health.pass(2), Passage::Refused);
    // One that has not been there for long does not count.
    let mut health = Health::default();
    health.tell(b"b", Verdict::Good, false, &RULE, 0);
    health.tell(b"a", ERROR, false, &RULE, FORGET_MS);
    health.tell(b"a", ERROR, false, &RULE, FORGET_MS);
    assert_eq!(health.pass(FORGET_MS), Passage::Refused);
}

#[test]
fn a_percentage_that_keeps_endpoints_keeps_the_destination() {
    for (most_percent, endpoints, opens) in [
        (None, 3, true),
        (Some(100), 3, true),
        (Some(10), 1, true),
        (Some(10), 2, false),
        (Some(50), 2, false),
        (Some(51), 2, true),
    ] {
        let rule = Ejection { most_percent, ..RULE };
        let mut health = Health::default();
        for endpoint in 0..endpoints {
            health.tell(&[endpoint], Verdict::Good, false, &rule, 0);
        }
        for endpoint in (0..endpoints).chain(0..endpoints) {
            health.tell(&[endpoint], ERROR, false, &rule, 0);
        }
        assert_eq!(health.pass(1) == Passage::Refused, opens, "{most_percent:?} of {endpoints}");
    }
}

#[test]
fn failures_are_counted_as_the_rule_says() {
    let gateway = Ejection { errors: None, gateway_errors: Some(2), ..RULE };
    let split = Ejection { split: true, local_failures: Some(2), ..RULE };
    let bad_gateway = Verdict::Error { gateway: true };
    for (name, rule, verdicts, opens) in [
        ("5xx of any kind", RULE, &[ERROR, bad_gateway][..], true),
        ("an answer in between", RULE, &[ERROR, Verdict::Good, ERROR], false),
        ("the connection counts as 5xx", RULE, &[Verdict::Local, ERROR], true),
        ("gateway errors alone", gateway, &[bad_gateway, bad_gateway], true),
        ("a plain 500 in between", gateway, &[bad_gateway, ERROR, bad_gateway], false),
        ("the connection counts as a gateway error", gateway, &[Verdict::Local, Verdict::Local], true),
        ("the connection apart", split, &[Verdict::Local, Verdict::Local], true),
        ("the connection and answers apart", split, &[Verdict::Local, ERROR], false),
    ] {
        let mut health = Health::default();
        for verdict in verdicts {
            health.tell(b"a", *verdict, false, &rule, 0);
        }
        assert_eq!(health.pass(1) == Passage::Refused, opens, "{name}");
    }
}

#[test]
fn verdicts_come_from_status_and_flags() {
    for (status, flags, expected) in [
        (200, 0, Verdict::Good),
        (200, 64, Verdict::Good),
        (404, 0, Verdict::Good),
        (500, 0, ERROR),
        (503, 0, Verdict::Error { gateway: true }),
        (505, 0, ERROR),
        (503, 32, Verdict::Local),
        (504, 4, Verdict::Local),
    ] {
        assert_eq!(Verdict::of(status, false, || flags), expected, "{status} {flags}");
    }
    assert_eq!(Verdict::of(200, true, || 64), Verdict::Local);
    assert_eq!(Verdict::of(200, true, || 0), Verdict::Good);
    assert_eq!(Verdict::of_grpc(14), Verdict::Error { gateway: true });
    assert_eq!(Verdict::of_grpc(13), ERROR);
    assert_eq!(Verdict::of_grpc(5), Verdict::Good);
}

/// VMs of different builds share what they know.
#[test]
fn who_does_not_look_is_told_once_of_the_first_failure() {
    let mut health = Health::default();
    assert!(health.listen(1) && health.listen(2) && health.listen(1));
    health.tell(b"a:1", Verdict::Good, false, &RULE, 0);
    assert_eq!(health.to_be_told(), [0; 0]);
    health.tell(b"a:1", Verdict::Error { gateway: false }, false, &RULE, 1);
    assert_eq!(health.to_be_told(), [1, 2]);
    assert!(!health.listen(3), "everybody looks while something fails");
    health.tell(b"b:1", Verdict::Error { gateway: false }, false, &RULE, 2);
    assert_eq!(health.to_be_told(), [0; 0]);
    health.tell(b"a:1", Verdict::Good, false, &RULE, 3);
    health.tell(b"b:1", Verdict::Good, false, &RULE, 3);
    assert!(health.listen(3));
}

#[test]
fn golden() {
    let mut health = Health { phase: Phase::Closed(7), listeners: vec![258], ..Health::default() };
    health.tell(b"a:1", Verdict::Error { gateway: true }, false, &RULE, 9);
    let bytes = [
        &[2, 0][..],
        &[7, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0],
        &[1, 2, 1, 0, 0],
        &[3, b'a', b':', b'1'],
        &[1, 0, 0, 0],
        &[1, 0, 0, 0],
        &[0, 0, 0, 0],
        &[0],
        &[9, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(health.encode(), bytes);
    assert_eq!(Health::decode(&bytes), health);
    for cut in 1..bytes.len() {
        assert!(cut == 19 || Health::decode(&bytes[..cut]) == Health::default(), "{cut}");
    }
}

#[test]
fn memory_is_bounded() {
    let mut health = Health::default();
    for endpoint in 0..1000u32 {
        health.tell(&endpoint.to_le_bytes(), ERROR, false, &RULE, endpoint.into());
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
