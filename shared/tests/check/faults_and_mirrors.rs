//! `fault`, `mirror` and `mirrors` of a rule. The body of each rule begins in line 9.

use shared::finding::Code::{
    Deprecated, LongerThanIdleTimeout, ReferencedResourceNotFound as NotFound, SchemaValidationError as Invalid,
    SchemaWarning, TooManyMirrors,
};

use crate::rules::routed;

#[test]
fn faults() {
    routed(&[
        (
            "both, with percentages",
            "fault: {delay: {fixedDelay: 1s, percentage: {value: 0.1}}, abort: {httpStatus: 200, percentage: {value: 100}}}",
            &[],
        ),
        ("a gRPC status by name", "fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}", &[]),
        (
            "no such status",
            "fault: {abort: {httpStatus: 9000, percentage: {value: 1}}}",
            &[(Invalid, "spec.http[0].fault.abort.httpStatus", 9, "from 200 to 599, found `9000`")],
        ),
        (
            "too small a share",
            "fault: {abort: {httpStatus: 500, percentage: {value: 0.00001}}}",
            &[(Invalid, "spec.http[0].fault.abort.percentage", 9, "from 0.0001 to 100")],
        ),
        (
            "a gRPC status by number",
            "fault: {abort: {grpcStatus: 14}}",
            &[(Invalid, "spec.http[0].fault.abort.grpcStatus", 9, "such as `UNAVAILABLE`")],
        ),
        (
            "an HTTP/2 error",
            "fault: {abort: {http2Error: x, httpStatus: 500}}",
            &[(Invalid, "spec.http[0].fault.abort.http2Error", 9, "not supported")],
        ),
        (
            "two statuses",
            "fault: {abort: {grpcStatus: OK, httpStatus: 500}}",
            &[(Invalid, "spec.http[0].fault.abort.grpcStatus", 9, "keep one of them")],
        ),
        (
            "no time",
            "fault: {delay: {fixedDelay: 0s}}",
            &[(Invalid, "spec.http[0].fault.delay.fixedDelay", 9, "at least `1ms`")],
        ),
        (
            "an exponential delay",
            "fault: {delay: {exponentialDelay: 1s}}",
            &[(Invalid, "spec.http[0].fault.delay.exponentialDelay", 9, "`fixedDelay`")],
        ),
        (
            "without what is to happen",
            "fault: {delay: {percentage: {value: 1}}, abort: {percentage: {value: 1}}}",
            &[
                (SchemaWarning, "spec.http[0].fault.delay", 9, "a delay without `fixedDelay` does nothing"),
                (
                    SchemaWarning,
                    "spec.http[0].fault.abort",
                    9,
                    "an abort without `httpStatus` or `grpcStatus` does nothing",
                ),
            ],
        ),
        (
            "more than all, which Istio takes for all",
            "fault: {delay: {fixedDelay: 1s, percent: 101}}",
            &[(Deprecated, "spec.http[0].fault.delay.percent", 9, "`percentage: {value: 100}`")],
        ),
        (
            "the old percents",
            "fault: {abort: {httpStatus: 500, percent: 75}}",
            &[(Deprecated, "spec.http[0].fault.abort.percent", 9, "`percentage: {value: 75}`")],
        ),
        (
            "longer than a stream may idle",
            "fault: {delay: {fixedDelay: 2h}}",
            &[(LongerThanIdleTimeout, "spec.http[0].fault.delay.fixedDelay", 9, "1h")],
        ),
    ]);
}

#[test]
fn mirrors() {
    let web = "{destination: {host: web}}";
    let five = [web; 5].join(", ");
    let both = format!("mirror: {{host: web}}\nmirrors: [{web}]");
    let many = format!("mirrors: [{five}, {web}, {{destination: {{host: web}}, percentage: {{value: 0}}}}]");
    let most = format!("mirrors: [{five}, {{destination: {{host: web}}, percentage: {{value: 0}}}}]");
    routed(&[
        ("a mirror", "mirror: {host: web, subset: v1}\nmirrorPercentage: {value: 0.5}", &[]),
        ("several", "mirrors: [{destination: {host: web}, percentage: {value: 100}}]", &[]),
        ("both", &both, &[(Invalid, "spec.http[0].mirrors", 10, "both `mirror` and `mirrors`")]),
        ("none of many", "mirror: {host: web}\nmirrors: []", &[]),
        (
            "a mirror without a host",
            "mirrors:\n- destination: {subset: v1}",
            &[(Invalid, "spec.http[0].mirrors[0].destination", 10, "`host` is missing")],
        ),
        (
            "no destination",
            "mirrors: [{percentage: {value: 1}}]",
            &[(Invalid, "spec.http[0].mirrors[0]", 9, "`destination` is missing")],
        ),
        (
            "a host that is none",
            "mirror: {host: '*'}",
            &[
                (Invalid, "spec.http[0].mirror.host", 9, "not a destination"),
                (NotFound, "spec.http[0].mirror.host", 9, "no service"),
            ],
        ),
        (
            "more than everything",
            "mirror: {host: web}\nmirrorPercentage: {value: 100.1}",
            &[(Invalid, "spec.http[0].mirrorPercentage", 10, "from 0 to 100, found `100.1`")],
        ),
        ("less than a millionth, which is none", "mirror: {host: web}\nmirrorPercentage: {value: 0.00001}", &[]),
        (
            "more than everything, in the old form",
            "mirror: {host: web}\nmirrorPercent: 101",
            &[
                (Invalid, "spec.http[0].mirrorPercent", 10, "at most 100, found `101`"),
                (SchemaWarning, "spec.http[0].mirrorPercent", 10, "write `mirrorPercentage: {value: 100}`"),
            ],
        ),
        (
            "the old form",
            "mirror: {host: web}\nmirror_percent: 50",
            &[(SchemaWarning, "spec.http[0].mirrorPercent", 10, "write `mirrorPercentage: {value: 50}`")],
        ),
        (
            "both forms",
            "mirror: {host: web}\nmirrorPercent: 50\nmirrorPercentage: {value: 20}",
            &[(SchemaWarning, "spec.http[0].mirrorPercent", 10, "leave it out")],
        ),
        ("as many as act", &most, &[]),
        ("more than act", &many, &[(TooManyMirrors, "spec.http[0].mirrors", 9, "6 mirrors, of which the first 5")]),
    ]);
}
