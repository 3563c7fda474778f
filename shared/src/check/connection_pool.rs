//! `connectionPool` (Istio's `validateConnectionPool`). That numbers are not negative is in the model's types.

use super::Findings;
use super::destination_rule::duration;
use crate::finding::Code;
use crate::model::destination_rule::{ConnectionPoolSettings, H2UpgradePolicy, HttpSettings, TcpSettings};
use crate::model::read::Path;

pub(super) fn check(pool: &ConnectionPoolSettings, path: &Path<'_>, findings: &mut Findings<'_>) {
    if pool.http.is_none() && pool.tcp.is_none() {
        findings.invalid(path, "expected `tcp` or `http` in a connection pool, found neither", "");
    }
    if let Some(tcp) = &pool.tcp {
        check_tcp(tcp, &Path::Key(path, "tcp"), findings);
    }
    if let Some(http) = &pool.http {
        check_http(http, &Path::Key(path, "http"), findings);
    }
}

fn check_tcp(tcp: &TcpSettings, path: &Path<'_>, findings: &mut Findings<'_>) {
    duration(tcp.connect_timeout, &Path::Key(path, "connectTimeout"), findings);
    duration(tcp.max_connection_duration, &Path::Key(path, "maxConnectionDuration"), findings);
    // Zero switches the timeout off, whatever else a duration has to be.
    let idle = tcp.idle_timeout.filter(|timeout| timeout.0.as_millis() != 0);
    duration(idle, &Path::Key(path, "idleTimeout"), findings);
    if let Some(keepalive) = &tcp.tcp_keepalive {
        let path = Path::Key(path, "tcpKeepalive");
        duration(keepalive.time, &Path::Key(&path, "time"), findings);
        duration(keepalive.interval, &Path::Key(&path, "interval"), findings);
    }
    unsupported(&["maxConnectionDuration", "idleTimeout", "tcpKeepalive"], path, findings);
}

fn check_http(http: &HttpSettings, path: &Path<'_>, findings: &mut Findings<'_>) {
    duration(http.idle_timeout, &Path::Key(path, "idleTimeout"), findings);
    if http.use_client_protocol && http.h2_upgrade_policy == Some(H2UpgradePolicy::Upgrade) {
        let message = "`useClientProtocol` does not go together with the `h2UpgradePolicy` `UPGRADE`";
        findings.invalid(&Path::Key(path, "useClientProtocol"), message, "leave one of them out");
    }
    if let Some(keepalive) = &http.http2_keep_alive {
        let path = Path::Key(path, "http2KeepAlive");
        for (name, value) in [("interval", keepalive.interval), ("timeout", keepalive.timeout)] {
            if value.is_none() {
                findings.invalid(&path, format!("`{name}` is missing"), "");
            }
            duration(value, &Path::Key(&path, name), findings);
        }
    }
    let names = ["maxRetries", "idleTimeout", "useClientProtocol", "maxConcurrentStreams", "http2KeepAlive"];
    unsupported(&names, path, findings);
}

/// Fields that are read to be checked, and no more.
fn unsupported(names: &[&str], path: &Path<'_>, findings: &mut Findings<'_>) {
    for name in names {
        let here = Path::Key(path, name);
        if findings.has(&here.to_string()) {
            let message = format!("`{name}` is not supported by Sailcloth and has no effect");
            findings.warn(Code::Unsupported, &here, message, "");
        }
    }
}
