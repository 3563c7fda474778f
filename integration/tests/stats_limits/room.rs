//! How series are shared out, and what is said when there are no more.

use super::*;

/// Each of so many services gets one series, and those that come later none.
#[test]
fn without_any_room_everything_is_counted_together() {
    for separate in [false, true] {
        let echo = Echo::start();
        let services: String = (0..12).map(|number| service(&format!("s{number}"), echo.port())).collect();
        let sail = limited(Sail::new(services).mesh().workers(1), 10);
        let envoy = if separate { sail.separate() } else { sail }.start();
        let mut connection = Connection::open(envoy.listener("mesh"));
        for round in 1..=2 {
            for number in 0..12 {
                let request = Request::get("/").header("host", format!("s{number}.example"));
                assert_eq!(connection.send(&request).status, 200);
            }
            let all = counted(&envoy, f64::from(12 * round));
            assert_eq!(all.len(), 11);
            let (over, value) = all.iter().find(|(labels, _)| labels["response_code"] == "overflow").expect("it shows");
            assert_eq!(*value, f64::from(2 * round));
            assert_eq!((over["reporter"].as_str(), over["destination_service"].as_str()), ("source", "overflow"));
            assert_eq!(over.len(), 25);
        }
        assert_eq!(envoy.stat("wasmcustom.sailcloth.stats.overflow"), 4);
        let warnings = warnings(&envoy);
        assert!(warnings.len() == 1 && warnings[0].contains("maxSeries 10: this worker has as many"), "{warnings:#?}");
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// Each worker has a VM, and each VM its own series and its own warning.
#[test]
fn each_worker_has_its_own_series() {
    let envoy = limited(Sail::new("").mesh().workers(2), 100).start();
    let mut connections: Vec<Connection> = (0..16).map(|_| Connection::open(envoy.listener("mesh"))).collect();
    for index in 0..800 {
        let request = Request::get("/").header("host", format!("host-{index}.example"));
        assert_eq!(connections[index % 16].send(&request).status, 404);
    }
    let all = counted(&envoy, 800.0);
    let hosts = all.iter().filter(|(labels, _)| labels["destination_service"].starts_with("host-")).count();
    assert_eq!((hosts, warnings(&envoy).len()), (20, 2));
}
