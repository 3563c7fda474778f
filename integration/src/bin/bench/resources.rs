//! The resources of a setup, as the YAML that users write.

use std::fmt::Write as _;

use crate::setup::{Cors, FAR, Fault, HIT, Limits, Match, Mirror, OTHER, SHADOW, Setup, Split};

impl Setup {
    /// The resources, as a YAML stream.
    pub fn yaml(&self) -> String {
        let mut yaml = GATEWAY.to_owned();
        for service in [HIT, OTHER, SHADOW] {
            yaml.push_str(&SERVICE.replace("NAME", service));
        }
        if self.split != Split::Off || self.limits != Limits::Off {
            let mut policy = String::new();
            if let Some(most) = self.most_connections() {
                policy = format!(
                    "  trafficPolicy:\n    connectionPool:\n      tcp: {{maxConnections: {most}}}\n      \
                     http: {{http1MaxPendingRequests: {FAR}, http2MaxRequests: {FAR}}}\n    \
                     outlierDetection: {{consecutive5xxErrors: 50, interval: 10s, baseEjectionTime: 30s}}\n"
                );
            }
            yaml.push_str(&DESTINATION_RULE.replace("POLICY", &policy));
        }
        if !self.many_hosts {
            yaml.push_str(&self.virtual_service("web", "'*'", ""));
        }
        for rule in 0..self.rules {
            if self.many_hosts {
                yaml.push_str(&self.virtual_service(&format!("web-{rule}"), &self.host(rule), ""));
            }
            yaml.push_str(&self.rule(rule));
        }
        yaml
    }

    fn virtual_service(&self, name: &str, host: &str, rules: &str) -> String {
        let sticky =
            if self.split == Split::Sticky { ", annotations: {sailcloth.dev/sticky: cookie=version}" } else { "" };
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}{sticky}}}\nspec:\n  \
             hosts: [{host}]\n  gateways: [gw]\n  http:\n{rules}"
        )
    }

    fn rule(&self, rule: usize) -> String {
        let condition = match self.matches {
            Match::Prefix => format!("uri: {{prefix: /r{rule:05}/}}"),
            Match::Exact => format!("uri: {{exact: /r{rule:05}/item}}"),
            Match::Regex => format!("uri: {{regex: '/r{rule:05}/[a-z]+'}}"),
            Match::RegexOfOnePrefix => format!("uri: {{regex: '/api/v[0-9]+/r{rule:05}/.*'}}"),
            Match::Header => format!("headers: {{x-rule: {{exact: r{rule:05}}}}}"),
        };
        let host = if rule == self.target() { HIT } else { OTHER };
        let route = if self.split != Split::Off && host == HIT {
            format!(
                "[{{destination: {{host: {host}, subset: v1}}, weight: 90}}, \
                 {{destination: {{host: {host}, subset: v2}}, weight: 10}}]"
            )
        } else {
            format!("[{{destination: {{host: {host}}}}}]")
        };
        let mut yaml = format!("  - match: [{{{condition}}}]\n    route: {route}\n");
        let fault = match self.fault {
            Fault::Off => "",
            Fault::Never => {
                "{delay: {percentage: {value: 0}, fixedDelay: 1s}, abort: {percentage: {value: 0}, httpStatus: 503}}"
            }
            Fault::Rarely => "{delay: {percentage: {value: 0.0001}, fixedDelay: 1ms}}",
            Fault::Abort => "{abort: {percentage: {value: 100}, httpStatus: 503}}",
            Fault::Delay => "{delay: {percentage: {value: 100}, fixedDelay: 5ms}}",
        };
        let mirrors = match self.mirror {
            Mirror::Off => "",
            Mirror::Never => "[{destination: {host: shadow}, percentage: {value: 0}}]",
            Mirror::Rarely => "[{destination: {host: shadow}, percentage: {value: 0.0001}}]",
            Mirror::Always => "[{destination: {host: shadow}}]",
        };
        let cors = match self.cors {
            Cors::Off => "",
            _ => "{allowOrigins: [{exact: 'http://other.example'}], allowMethods: [GET, POST], maxAge: 1h}",
        };
        for (field, value) in [("fault", fault), ("mirrors", mirrors), ("corsPolicy", cors)] {
            if !value.is_empty() {
                let _ = writeln!(yaml, "    {field}: {value}");
            }
        }
        if self.changes {
            yaml.push_str(CHANGES);
        }
        yaml
    }
}

const GATEWAY: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*']
";

const SERVICE: &str = "\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: NAME}
spec:
  hosts: [NAME.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, labels: {version: v1}}, {address: 127.0.0.1, labels: {version: v2}}]
";

const DESTINATION_RULE: &str = "\
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hit}
spec:
  host: hit
POLICY  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
";

const CHANGES: &str = "    timeout: 5s
    retries: {attempts: 3, retryOn: 5xx, perTryTimeout: 2s}
    rewrite: {uri: /items/}
    headers:
      request: {set: {x-set: one}, add: {x-add: two}, remove: [x-gone]}
      response: {set: {x-answer: three}, remove: [x-inside]}
";
