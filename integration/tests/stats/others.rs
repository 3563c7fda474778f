//! Requests that end before they have begun or had a response, and the histograms.

use super::*;
use envoy_config::stats::HISTOGRAMS;
use integration::client::{Connection, Raw, Request, raw};

#[test]
fn a_client_that_leaves_is_counted_without_a_response() {
    for kind in [Kind::Suite, Kind::Separate, Kind::Alone] {
        let (echo, envoy, address) = start(kind);
        let mut client = Raw::connect(address);
        client.write(b"GET /echo HTTP/1.1\r\nhost: cats.example\r\nx-echo-delay-ms: 3000\r\n\r\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while echo.seen().is_empty() {
            assert!(Instant::now() < deadline, "the request does not arrive");
            thread::sleep(Duration::from_millis(5));
        }
        drop(client);
        let left = [TO_ECHO, BY_ECHO, &[("response_code", "0"), ("response_flags", "DC")]].concat();
        expect(&envoy, &BTreeMap::from([(labels(&left), 1.0)]), &format!("{kind:?}"));
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// What Envoy refuses before it asks any filter is counted too, since filters are told of the end.
#[test]
fn what_never_reaches_the_chain_is_counted() {
    for kind in [Kind::Suite, Kind::Separate] {
        let (_echo, envoy, address) = start(kind);
        for refused in [&b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n"[..], b"nonsense\r\n\r\n"] {
            let answer = raw(address, refused);
            assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
        }
        let of = |flags| labels(&[("response_code", "400"), ("response_flags", flags)]);
        expect(&envoy, &BTreeMap::from([(of("-"), 1.0), (of("DPE"), 1.0)]), &format!("{kind:?}"));
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

#[test]
fn histograms_count_and_sum_what_was_counted() {
    let (_echo, envoy, address) = start(Kind::Suite);
    // Two workers have parts of each series.
    let mut connections: Vec<Connection> = (0..8).map(|_| Connection::open(address)).collect();
    let request = Request::new("POST", "/echo").header("host", "cats.example").header("x-echo-body-bytes", "3000");
    let request = request.header("x-echo-delay-ms", "30").body(vec![b'x'; 2000]);
    for connection in &mut connections {
        for _ in 0..5 {
            assert_eq!(connection.send(&request).status, 200);
        }
    }
    let key = labels(&[TO_ECHO, BY_ECHO].concat());
    expect(&envoy, &BTreeMap::from([(key.clone(), 40.0)]), "requests");
    let deadline = Instant::now() + Duration::from_secs(5);
    let of = |text: &str, name: &str| series(text, name).get(&key).copied().unwrap_or_default();
    let text = loop {
        let text = envoy.prometheus();
        if of(&text, "istio_response_bytes_count") == 40.0 {
            break text;
        }
        assert!(Instant::now() < deadline, "no histogram");
        thread::sleep(Duration::from_millis(20));
    };
    for ((name, ends), least, most) in
        HISTOGRAMS.into_iter().zip([(30.0, 1000.0), (2000.0, 3000.0), (3000.0, 4000.0)]).map(|(it, (a, b))| (it, a, b))
    {
        assert_eq!(of(&text, &format!("{name}_count")), 40.0, "{name}");
        let mean = of(&text, &format!("{name}_sum")) / 40.0;
        assert!((least * 0.95..=most).contains(&mean), "{name}: {mean}");
        let buckets: Vec<f64> = series(&text, &format!("{name}_bucket"))
            .into_keys()
            .filter(|labels| key.iter().all(|(name, value)| labels.get(name) == Some(value)))
            .filter_map(|labels| labels["le"].parse().ok().filter(|end: &f64| end.is_finite()))
            .collect();
        assert_eq!(buckets.len(), ends.len(), "{name}");
        assert!(ends.iter().all(|end| buckets.contains(end)), "{name}: {buckets:?}");
    }
    assert_eq!(envoy.vm_reloads(), 0);
}
