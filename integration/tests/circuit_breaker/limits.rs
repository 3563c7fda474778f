//! How many requests a destination takes.

use super::*;
use integration::client::{Connection, Raw};
use integration::echo::Echo;
use integration::metrics::series;

/// CatCatGo's walkthrough, with the first alpha schema's outlier detection: one failure would eject the destination, but
/// refusals of our own are none.
fn walkthrough(port: u16) -> Sail {
    let file = integration::paths::root().join("integration/catcatgo/legacy/outlier-detection-http.yaml");
    let rule = std::fs::read_to_string(file).unwrap().replace("host: backend", "host: echo");
    Sail::new(format!("{}\n---\n{rule}", routed(port, TO_ECHO)))
}

#[test]
fn five_and_fifty_clients_never_put_more_than_two_on_their_way() {
    for (workers, separate) in [(1, false), (2, false), (4, false), (2, true)] {
        let echo = Echo::start();
        let sail = walkthrough(echo.port()).workers(workers);
        let envoy = if separate { sail.separate() } else { sail }.start();
        for (clients, times) in [(5, 40), (50, 20)] {
            let request = Request::get("/").header("x-echo-delay-ms", "5");
            let answers = crowd(gateway(&envoy), clients, times, &request);
            let (fine, refused) = (count(&answers, 200), count(&answers, 503));
            eprintln!("{workers} workers, {clients} clients: {fine} fine, {refused} refused");
            assert_eq!(fine + refused, clients * times, "{workers} workers");
            // How many are fine is a matter of how fast refused clients come again; both slots have been in use.
            assert!(fine >= 2 && refused > 0, "{workers} workers, {clients} clients: {fine} of {}", answers.len());
            for refusal in answers.iter().filter(|answer| answer.status == 503) {
                assert_eq!(refusal.text(), OVERFLOW);
                assert_eq!(refusal.header("x-envoy-overloaded"), Some("true"));
                assert_eq!(refusal.header("content-type"), Some("text/plain"));
            }
            assert_eq!(echo.high_water(), 2, "{workers} workers, {clients} clients");
        }
        until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

#[test]
fn one_of_three_at_once_waits_and_the_fourth_is_refused() {
    let echo = Echo::start();
    let envoy = two_and_one(echo.port()).start();
    let address = gateway(&envoy);
    let slow = Request::get("/").header("x-echo-delay-ms", "600");
    let started = Instant::now();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let slow = slow.clone();
            std::thread::spawn(move || (slow.send(address).status, Instant::now()))
        })
        .collect();
    until("one waits", Duration::from_secs(5), || gauges(&envoy) == (2, 1));
    let refused = Request::get("/").send(address);
    assert_eq!(refused.status, 503);
    let mut ends: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(ends.iter().all(|(status, _)| *status == 200), "{ends:?}");
    ends.sort_by_key(|(_, end)| *end);
    assert!(ends[2].1 - started >= Duration::from_millis(1200));
    assert!(ends[2].1 - started < Duration::from_millis(2000), "it was woken at once: {:?}", ends[2].1 - started);
}

/// Four workers, each with its own VM: whoever came first goes first.
#[test]
fn waiting_requests_go_on_in_the_order_in_which_they_came() {
    let echo = Echo::start();
    let policy = "{connectionPool: {tcp: {maxConnections: 1}}}";
    let envoy = Sail::new(guarded(echo.port(), TO_ECHO, policy)).workers(4).start();
    let address = gateway(&envoy);
    let waiting: Vec<_> = (0..12)
        .map(|number: u32| {
            let request = Request::get(&format!("/{number}")).header("x-echo-delay-ms", "100");
            std::thread::sleep(Duration::from_millis(30));
            std::thread::spawn(move || request.send(address).status)
        })
        .collect();
    assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == 200));
    let order: Vec<usize> = echo.take().iter().map(|seen| seen.path[1..].parse().unwrap()).collect();
    assert_eq!(order.len(), 12);
    // A busy machine may bring two that were sent one after the other to their workers in the other order.
    assert!(order.iter().enumerate().all(|(place, number)| place.abs_diff(*number) <= 2), "{order:?}");
    assert_eq!(echo.high_water(), 1);
}

#[test]
fn a_wait_ends_with_the_rules_timeout() {
    let echo = Echo::start();
    let rules = "\
- timeout: 0.5s
  headers: {response: {set: {x-rule: applied}}}
  match: [{uri: {prefix: /short}}]
  route: [{destination: {host: echo}}]
- route: [{destination: {host: echo}}]";
    let envoy = Sail::new(guarded(echo.port(), rules, TWO_AND_ONE)).start();
    let address = gateway(&envoy);
    let busy: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(move || Request::get("/").header("x-echo-delay-ms", "2000").send(address)))
        .collect();
    until("both are on their way", Duration::from_secs(5), || gauges(&envoy) == (2, 0));
    let started = Instant::now();
    let late = Request::get("/short").send(address);
    let took = started.elapsed();
    assert_eq!((late.status, late.text().as_str()), (504, "upstream request timeout"));
    assert_eq!(late.header("x-rule"), Some("applied"));
    assert_eq!(late.header("x-envoy-overloaded"), None);
    // To the metrics it went to its service, as a request does that times out in one of Envoy's own pools.
    let counted =
        || series(&envoy.prometheus(), "istio_requests_total").into_keys().find(|it| it["response_code"] == "504");
    until("it is counted", Duration::from_secs(5), || counted().is_some());
    let labels = counted().unwrap_or_default();
    assert_eq!((labels["response_flags"].as_str(), labels["destination_service_name"].as_str()), ("UT", "echo"));
    assert!((500..900).contains(&took.as_millis()), "{took:?}");
    assert_eq!(gauges(&envoy), (2, 0));
    assert!(busy.into_iter().all(|thread| thread.join().unwrap().status == 200));
    until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
}

/// The time that a request has waited is not given to it again.
#[test]
fn the_wait_is_a_part_of_the_timeout() {
    let echo = Echo::start();
    let rules = "- timeout: 1s\n  route: [{destination: {host: echo}}]";
    let policy = "{connectionPool: {tcp: {maxConnections: 1}}}";
    let sail = || Sail::new(guarded(echo.port(), rules, policy));
    for (how, envoy) in [("suite", sail().start()), ("separate", sail().separate().start())] {
        let address = gateway(&envoy);
        let first = std::thread::spawn(move || Request::get("/").header("x-echo-delay-ms", "700").send(address).status);
        until("one is on its way", Duration::from_secs(5), || gauges(&envoy).0 == 1);
        let started = Instant::now();
        let second = Request::get("/").header("x-echo-delay-ms", "700").send(address);
        assert_eq!(second.status, 504, "{how}");
        assert!(started.elapsed() < Duration::from_millis(1300), "{how}: {:?}", started.elapsed());
        assert_eq!(first.join().unwrap(), 200, "{how}");
    }
}

#[test]
fn a_wait_ends_with_its_client() {
    let echo = Echo::start();
    let envoy = two_and_one(echo.port()).start();
    let address = gateway(&envoy);
    let busy: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(move || Request::get("/").header("x-echo-delay-ms", "1500").send(address)))
        .collect();
    until("both are on their way", Duration::from_secs(5), || gauges(&envoy) == (2, 0));
    for _ in 0..5 {
        let mut raw = Raw::connect(address);
        raw.write(b"GET /gone HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        until("it waits", Duration::from_secs(5), || gauges(&envoy) == (2, 1));
        drop(raw);
        until("its place is free", Duration::from_secs(5), || gauges(&envoy) == (2, 0));
    }
    assert!(busy.into_iter().all(|thread| thread.join().unwrap().status == 200));
    assert!(echo.take().iter().all(|seen| seen.path != "/gone"));
}

#[test]
fn on_http2_the_limit_is_for_requests_and_nobody_waits() {
    let echo = Echo::start();
    let policy = "{connectionPool: {tcp: {maxConnections: 1}, http: {h2UpgradePolicy: UPGRADE, http2MaxRequests: 3, \
                  http1MaxPendingRequests: 9}}}";
    let envoy = Sail::new(guarded(echo.port(), TO_ECHO, policy)).workers(2).start();
    let request = Request::get("/").header("x-echo-delay-ms", "20").http2(true);
    let answers = crowd(gateway(&envoy), 10, 10, &request);
    assert!(count(&answers, 200) >= 10 && count(&answers, 503) > 0);
    assert_eq!(count(&answers, 200) + count(&answers, 503), 100);
    assert_eq!(echo.high_water(), 3);
    assert!(echo.take().iter().all(|seen| seen.version == "HTTP/2.0"));
    until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
}

/// Far from the limit each worker keeps slots for its next requests. They keep nobody out, and they let nobody through
/// beyond the limit.
#[test]
fn slots_that_a_worker_keeps_are_there_for_the_others() {
    let http2 = "{connectionPool: {http: {h2UpgradePolicy: UPGRADE, http2MaxRequests: 60}}}";
    let http1 = "{connectionPool: {tcp: {maxConnections: 60}, http: {http1MaxPendingRequests: 3}}}";
    for (policy, waiting, workers) in [(http2, 0, 2), (http2, 0, 4), (http1, 3, 2)] {
        let echo = Echo::start();
        let envoy = Sail::new(guarded(echo.port(), TO_ECHO, policy)).workers(workers).start();
        let address = gateway(&envoy);
        for _ in 0..2 {
            let light = crowd(address, 8, 10, &Request::get("/"));
            assert_eq!(count(&light, 200), 80);
            echo.take_high_water();
            free(address, 60, waiting);
            assert_eq!(echo.high_water(), 60, "{workers} workers, {policy}");
            // Many that come and go, so that whoever is refused comes again while others keep slots.
            let busy = crowd(address, 90, 10, &Request::get("/").header("x-echo-delay-ms", "15"));
            assert_eq!(count(&busy, 200) + count(&busy, 503), 900);
            assert!(echo.high_water() <= 60, "{workers} workers, {policy}");
        }
        until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// One worker keeps slots that another needs all at once.
#[test]
fn as_many_as_there_are_slots_get_through_on_one_worker() {
    let echo = Echo::start();
    let policy = "{connectionPool: {http: {h2UpgradePolicy: UPGRADE, http2MaxRequests: 60}}}";
    let envoy = Sail::new(guarded(echo.port(), TO_ECHO, policy)).workers(2).start();
    let address = gateway(&envoy);
    let request = Request::get("/").http2(true).header("x-echo-delay-ms", "300");
    // Twelve pairs of connections are on the same worker each once in four thousand runs.
    for pair in 0..12 {
        assert_eq!(Connection::open_http2(address).send(&Request::get("/")).status, 200);
        let answers = Connection::open_http2(address).send_at_once(&request, 63);
        assert_eq!((count(&answers, 200), count(&answers, 503)), (60, 3), "pair {pair}");
        until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
    }
    assert_eq!(echo.high_water(), 60);
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn replies_and_redirects_need_no_slot() {
    let echo = Echo::start();
    let rules = "\
- match: [{uri: {prefix: /direct}}]
  directResponse: {status: 299}
- match: [{uri: {prefix: /redirect}}]
  redirect: {uri: /}
- match: [{uri: {prefix: /held}}]
  route: [{destination: {host: echo}}]";
    let policy = "{connectionPool: {http: {http2MaxRequests: 1}}}";
    let envoy = Sail::new(guarded(echo.port(), rules, policy)).start();
    let address = gateway(&envoy);
    let held = std::thread::spawn(move || Request::get("/held").header("x-echo-delay-ms", "1500").send(address).status);
    until("the slot is taken", Duration::from_secs(5), || gauges(&envoy).0 == 1);
    let mut connection = Connection::open(address);
    for (path, status) in [("/direct", 299), ("/redirect", 301), ("/nothing", 404), ("/held", 503)] {
        assert_eq!(connection.send(&Request::get(path)).status, status, "{path}");
    }
    assert_eq!(held.join().unwrap(), 200);
}
