//! The resources: a rule for everything that may become of a request.

use crate::random::Random;

/// Where the upstreams listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) v1: u16,
    pub(super) v2: u16,
    /// Behind the destinations that have limits.
    pub(super) busy: u16,
    /// Of the copies.
    pub(super) shadow: u16,
}

/// What changes from one configuration to the next. Clusters and routes stay, since they are not the module's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The weight of v1, in percent.
    pub(super) weight: u32,
    /// Slots of `narrow`.
    pub(super) active: u32,
    /// How many may wait for them.
    pub(super) waiting: u32,
    /// Slots of `wide`, where nobody waits.
    pub(super) wide: u32,
    /// In percent, as those below.
    pub(super) delayed: u32,
    pub(super) aborted: u32,
    pub(super) copied: u32,
    /// Makes every configuration another one.
    pub(super) number: u32,
}

impl Settings {
    pub(super) const FIRST: Settings =
        Settings { weight: 90, active: 6, waiting: 12, wide: 8, delayed: 20, aborted: 10, copied: 50, number: 0 };

    /// The next ones. Every share is 5 % at least, so that whatever can happen goes on happening.
    ///
    /// Limits are near, or one time in three so far that workers keep slots.
    pub(super) fn draw(random: &mut Random, number: u32) -> Settings {
        let mut limit = |near| if random.between(0, 3) == 0 { random.between(34, 90) } else { random.between(2, near) };
        let (active, wide) = (limit(13), limit(17));
        Settings {
            weight: random.between(5, 96),
            active,
            waiting: random.between(1, 25),
            wide,
            delayed: random.between(5, 60),
            aborted: random.between(5, 60),
            copied: random.between(5, 101),
            number,
        }
    }
}

/// All of them, as YAML.
pub(super) fn resources(ports: Ports, settings: &Settings) -> String {
    let Settings { weight, active, waiting, wide, delayed, aborted, copied, number } = settings;
    let services: String = ["narrow", "wide", "flaky"].iter().map(|name| service(name, ports.busy)).collect();
    let shadow = service("shadow", ports.shadow);
    let (v1, v2, rest) = (ports.v1, ports.v2, 100 - weight);
    format!(
        "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*']}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: web}}
spec:
  hosts: [web.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints:
  - {{address: 127.0.0.1, ports: {{http: {v1}}}, labels: {{version: v1}}}}
  - {{address: 127.0.0.1, ports: {{http: {v2}}}, labels: {{version: v2}}}}
---
{services}{shadow}\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: web}}
spec:
  host: web
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: narrow}}
spec:
  host: narrow
  trafficPolicy:
    connectionPool: {{tcp: {{maxConnections: {active}}}, http: {{http1MaxPendingRequests: {waiting}}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: wide}}
spec:
  host: wide
  trafficPolicy:
    connectionPool: {{http: {{h2UpgradePolicy: UPGRADE, http2MaxRequests: {wide}}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: flaky}}
spec:
  host: flaky
  trafficPolicy:
    connectionPool: {{tcp: {{maxConnections: 4}}, http: {{http1MaxPendingRequests: 4}}}}
    outlierDetection: {{http: {{consecutiveErrors: 4, interval: 100ms, baseEjectionTime: 100ms}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, annotations: {{sailcloth.dev/sticky: 'cookie=version'}}}}
spec:
  hosts: ['*']
  gateways: [gw]
  http:
  - match: [{{uri: {{prefix: /split}}}}]
    headers: {{response: {{set: {{x-configuration: '{number}'}}}}}}
    route:
    - {{destination: {{host: web, subset: v1}}, weight: {weight}}}
    - {{destination: {{host: web, subset: v2}}, weight: {rest}}}
  - match: [{{uri: {{prefix: /narrow}}}}]
    timeout: 0.5s
    fault: {{delay: {{fixedDelay: 4ms, percentage: {{value: {delayed}}}}}}}
    mirrors: [{{destination: {{host: shadow}}, percentage: {{value: {copied}}}}}]
    route: [{{destination: {{host: narrow}}}}]
  - match: [{{uri: {{prefix: /tight}}}}]
    timeout: 0.01s
    route: [{{destination: {{host: narrow}}}}]
  - match: [{{uri: {{prefix: /wide}}}}]
    timeout: 0.5s
    route: [{{destination: {{host: wide}}}}]
  - match: [{{uri: {{prefix: /late}}}}]
    timeout: 0.02s
    route: [{{destination: {{host: web, subset: v1}}}}]
  - match: [{{uri: {{prefix: /fault}}}}]
    fault:
      delay: {{fixedDelay: 2ms, percentage: {{value: {delayed}}}}}
      abort: {{httpStatus: 418, percentage: {{value: {aborted}}}}}
    route: [{{destination: {{host: web, subset: v1}}}}]
  - match: [{{uri: {{prefix: /copied}}}}]
    mirrors: [{{destination: {{host: shadow}}, percentage: {{value: {copied}}}}}]
    route: [{{destination: {{host: web, subset: v2}}}}]
  - match: [{{uri: {{prefix: /flaky}}}}]
    retries: {{attempts: 0}}
    route: [{{destination: {{host: flaky}}}}]
  - match: [{{uri: {{prefix: /again}}}}]
    retries: {{attempts: 2, retryOn: '5xx,reset'}}
    route: [{{destination: {{host: web, subset: v1}}}}]
  - match: [{{uri: {{prefix: /once}}}}]
    retries: {{attempts: 0}}
    route: [{{destination: {{host: web, subset: v1}}}}]
  - match: [{{uri: {{prefix: /direct}}}}]
    directResponse: {{status: 209}}
  - match: [{{uri: {{prefix: /away}}}}]
    redirect: {{uri: /split}}
"
    )
}

fn service(name: &str, port: u16) -> String {
    format!(
        "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]
---
"
    )
}
