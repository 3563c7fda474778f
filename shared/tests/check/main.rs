//! Findings, row by row: a snippet and everything that is to be said about it.

mod analyses;
mod beside;
mod clusters;
mod faults_and_mirrors;
mod header_operations;
mod numbers;
mod partly;
mod protection;
mod resources;
mod rules;
mod together;
mod unread;
mod wire;

use std::time::Duration;

use shared::check::Unenforced;
use shared::finding::{Code, Finding};
use shared::model::Resources;
use shared::{Report, Severity, check, load};

/// What every snippet may refer to.
const AROUND: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec:
  hosts: [web.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, labels: {version: v1}}]
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 80, name: http}, {port: 90, name: grpc}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
";

/// One finding, as a row expects it: code, path, line in the snippet, part of the message or hint.
type Expected<'a> = (Code, &'a str, u32, &'a str);

fn findings(text: &str) -> Vec<Finding> {
    findings_for(text, Duration::from_secs(3600), Unenforced::Warned)
}

fn findings_for(text: &str, stream_idle_timeout: Duration, by: Unenforced) -> Vec<Finding> {
    let mut report = Report::new();
    let mut documents = load::text(AROUND, Some("around.yaml"), &mut report);
    documents.extend(load::text(text, Some("row.yaml"), &mut report));
    let set = Resources::read(documents, &mut report);
    check::check(&set, &mut report);
    check::idle(&set, stream_idle_timeout, &mut report);
    check::unenforced(&set, by, &mut report);
    report.into_sorted()
}

/// What istioctl would say as well of nearly any snippet: its ports have no names, its workloads are elsewhere.
const BESIDE: [Code; 9] = [
    Code::PortNameIsNotUnderNamingConvention,
    Code::ExternalNameServiceTypeInvalidPortName,
    Code::NoMatchingWorkloadsFound,
    Code::NoServerCertificateVerificationDestinationLevel,
    Code::NoServerCertificateVerificationPortLevel,
    Code::ServiceEntryAddressesRequired,
    Code::GatewayPortNotDefinedOnService,
    Code::ConflictingGateways,
    Code::VirtualServiceHostNotFoundInGateway,
];

/// Whether a row has to name it: those above only where the row is about them.
fn is_asked(finding: &Finding, expected: &[Expected<'_>]) -> bool {
    let named = expected.iter().any(|(code, ..)| *code == finding.code);
    let elsewhere = finding.severity == Severity::Info
        && [Code::ReferencedResourceNotFound, Code::DestinationRuleSubsetNotSelectPods].contains(&finding.code);
    !elsewhere && (named || !BESIDE.contains(&finding.code))
}

fn assert_row(behaviour: &str, text: &str, expected: &[Expected<'_>]) {
    let mut found = findings(text);
    found.retain(|finding| is_asked(finding, expected));
    let listed = || found.iter().map(|finding| format!("  {finding}\n")).collect::<String>();
    assert_eq!(found.len(), expected.len(), "{behaviour}:\n{text}\ngot\n{}", listed());
    for (code, path, line, part) in expected {
        let fits = |finding: &Finding| {
            finding.code == *code
                && finding.path == *path
                && finding.line == *line
                && format!("{} ({})", finding.message, finding.hint).contains(part)
        };
        assert!(found.iter().any(fits), "{behaviour}: {code} {path} line {line} `{part}`\n{text}\ngot\n{}", listed());
    }
    for finding in &found {
        let message = &finding.message;
        let named = ["Envoy", "Sailcloth"].iter().any(|name| message.starts_with(name));
        let lower = message.starts_with(|c: char| !c.is_uppercase());
        assert!((lower || named) && !message.ends_with('.'), "{behaviour}: not in the project's style: {message}");
    }
}

/// A VirtualService for `web` with one rule, which begins in line 8 with six spaces before each line.
fn rule(body: &str) -> String {
    let indented: String = body.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: vs\nspec:\n  hosts: [web]\n  http:\n  -\n{indented}"
    )
}

const ROUTE: &str = "route: [{destination: {host: web}}]\n";
