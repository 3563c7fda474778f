//! Numbers in quotes: proto3's JSON and with it Istio take them, the schemas that Kubernetes checks first do not.

use shared::finding::Code::{NumberInQuotes as Quoted, SchemaValidationError as Invalid, Unsupported};

use crate::{Expected, assert_row, rule};

#[test]
fn a_rules_numbers_may_be_in_quotes() {
    let body = "\
match: [{port: '80'}]
fault: {abort: {httpStatus: '503', percentage: {value: '0.5'}}, delay: {fixedDelay: 1s, percentage: {value: \"1e-3\"}}}
retries: {attempts: '3'}
route:
- destination: {host: web, port: {number: '80'}}
  weight: '100'";
    let expected = [
        ("spec.http[0].match[0].port", 9, "`80` is in quotes"),
        ("spec.http[0].fault.abort.httpStatus", 10, "`503` is in quotes"),
        ("spec.http[0].fault.abort.percentage.value", 10, "`0.5` is in quotes: Istio takes it, Kubernetes refuses it"),
        ("spec.http[0].fault.delay.percentage.value", 10, "write it without quotes"),
        ("spec.http[0].retries.attempts", 11, ""),
        ("spec.http[0].route[0].destination.port.number", 13, ""),
        ("spec.http[0].route[0].weight", 14, "`100`"),
    ];
    let expected: Vec<Expected<'_>> = expected.map(|(path, line, part)| (Quoted, path, line, part)).into();
    assert_row("every kind of number", &rule(body), &expected);
}

#[test]
fn what_is_no_number_stays_an_error() {
    let weight = |weight: &str| rule(&format!("route:\n- destination: {{host: web}}\n  weight: {weight}"));
    let value = |value: &str| {
        let abort = format!("{{httpStatus: 500, percentage: {{value: {value}}}}}");
        rule(&format!("fault: {{abort: {abort}}}\nroute: [{{destination: {{host: web}}}}]"))
    };
    let path = "spec.http[0].route[0].weight";
    for (written, said) in [
        ("'-1'", "found the string `-1`"),
        ("'1.5'", "found the string `1.5`"),
        ("'5.0'", "a whole number"),
        ("' '", "a whole number"),
        ("''", "a whole number"),
        ("many", "found the string `many`"),
        ("yes", "found the boolean `true`"),
    ] {
        assert_row(written, &weight(written), &[(Invalid, path, 11, said)]);
    }
    let path = "spec.http[0].fault.abort.percentage.value";
    for written in ["'50%'", "'.5'", "'1,5'", "'NaN'", "half"] {
        assert_row(written, &value(written), &[(Invalid, path, 9, "expected a number, found the string")]);
    }
    let above = [
        (Quoted, path, 9, "`100.5` is in quotes"),
        (Invalid, "spec.http[0].fault.abort.percentage", 9, "found `100.5`"),
    ];
    assert_row("too much", &value("'100.5'"), &above);
}

#[test]
fn what_may_be_a_name_is_no_number_in_quotes() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports: [{name: http, port: 80, targetPort: http}]";
    assert_row("a port by name", service, &[]);
    let quoted = service.replace("port: 80", "port: '80'");
    assert_row("a port in quotes", &quoted, &[(Quoted, "spec.ports[0].port", 5, "write it without quotes")]);
}

#[test]
fn numbers_that_only_the_schema_knows() {
    let rule = |policy: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: x}}\nspec:\n  host: web\n  {policy}"
        )
    };
    let path = "spec.trafficPolicy.loadBalancer.consistentHash";
    let size = |size: &str| {
        let hash = format!("{{useSourceIp: true, maglev: {{tableSize: {size}}}}}");
        rule(&format!("trafficPolicy: {{loadBalancer: {{consistentHash: {hash}}}}}"))
    };
    let unsupported = (Unsupported, path, 6, "");
    let at = format!("{path}.maglev.tableSize");
    assert_row("a number", &size("7"), &[unsupported]);
    assert_row("a number in quotes", &size("'7'"), &[unsupported, (Quoted, &at, 6, "write it without quotes")]);
    assert_row("another one", &size("'8'"), &[unsupported, (Quoted, &at, 6, ""), (Invalid, &at, 6, "found `8`")]);
    assert_row("none", &size("'7.0'"), &[unsupported, (Invalid, &at, 6, "found the string `7.0`")]);
}
