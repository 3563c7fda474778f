//! The header operations of a rule, whose body begins in line 9.

use shared::finding::Code::{SchemaValidationError as Invalid, UnsupportedOperator};

use crate::rules::{routed, rows};

#[test]
fn header_operations() {
    routed(&[
        (
            "in every direction",
            "headers:\n  request: {set: {x-a: '%REQ(x-b)%', ':authority': x}, add: {x-c: 100%%}, remove: [x-d]}\n  response: {set: {x-e: '%RESP(x-f?x-g)% %UPSTREAM_HOST%'}}",
            &[],
        ),
        (
            "names that cannot be changed",
            "headers:\n  request:\n    set: {':path': /}\n    remove: [host]\n  response:\n    add: {':authority': x, Host: z, 'a b': z}",
            &[
                (Invalid, "spec.http[0].headers.request.set.:path", 11, "to change path or authority use `rewrite`"),
                (Invalid, "spec.http[0].headers.request.remove[0]", 12, "`host` cannot be changed"),
                (Invalid, "spec.http[0].headers.response.add.:authority", 14, "begins with `:`"),
                (Invalid, "spec.http[0].headers.response.add.Host", 14, "`Host` cannot be changed"),
                (Invalid, "spec.http[0].headers.response.add[\"a b\"]", 14, "not a header's name"),
            ],
        ),
        (
            "values that Envoy refuses",
            "headers:\n  request:\n    set: {x-a: 50% off}\n    add: {x-b: \"a\\nb\"}",
            &[
                (Invalid, "spec.http[0].headers.request.set.x-a", 11, "a percent sign itself is written `%%`"),
                (Invalid, "spec.http[0].headers.request.add.x-b", 12, "control character"),
            ],
        ),
        (
            "operators that no filter knows, whatever stands around them",
            "headers:\n  request: {set: {x-a: '<%HOSTNAME%>', x-b: '%RESP(x)%'}}\n  response: {add: {x-c: '%CEL(request.path)%'}}",
            &[
                (UnsupportedOperator, "spec.http[0].headers.request.set.x-a", 10, "`%HOSTNAME%` is not supported by"),
                (UnsupportedOperator, "spec.http[0].headers.response.add.x-c", 11, "`%CEL(request.path)%` is not"),
            ],
        ),
        (
            "operators that Envoy does not have, or not so",
            "headers:\n  request:\n    set: {x-a: '<%REQ(x-a) %>'}\n    add: {x-b: '%HOSTNAMES%', x-c: '%PROTOCOL(x)%'}",
            &[
                (
                    Invalid,
                    "spec.http[0].headers.request.set.x-a",
                    11,
                    "expected `%OPERATOR%` or `%%`, found `%REQ(x-a) %>`",
                ),
                (Invalid, "spec.http[0].headers.request.add.x-b", 12, "did you mean `%HOSTNAME%`?"),
                (Invalid, "spec.http[0].headers.request.add.x-c", 12, "takes no arguments"),
            ],
        ),
        (
            "a value that is refused, and what else is wrong",
            "headers:\n  request:\n    set: {x-a: '50%', 'a b': c}\nretries: {attempts: -1}",
            &[
                (Invalid, "spec.http[0].headers.request.set.x-a", 11, "a percent sign itself is written `%%`"),
                (Invalid, "spec.http[0].headers.request.set[\"a b\"]", 11, "not a header's name"),
                (Invalid, "spec.http[0].retries.attempts", 12, "from 0, found `-1`"),
            ],
        ),
        (
            "what Envoy takes and Istio's webhook does not",
            "headers: {request: {set: {x-a: '%REQ(x-b):3%'}}}",
            &[(Invalid, "spec.http[0].headers.request.set.x-a", 9, "refused by Istio's webhook; Envoy takes it")],
        ),
        (
            "the authority in one place only",
            "rewrite: {authority: a}\nheaders:\n  request:\n    set: {host: b}\n    add: {':authority': c}",
            &[
                (Invalid, "spec.http[0].headers.request.set.host", 12, "already changed by `rewrite.authority`"),
                (Invalid, "spec.http[0].headers.request.add.:authority", 13, "already changed by `rewrite.authority`"),
            ],
        ),
    ]);
    rows(&[(
        "of a destination",
        "route:\n- destination: {host: web}\n  headers:\n    response:\n      set: {x: '%'}",
        &[(Invalid, "spec.http[0].route[0].headers.response.set.x", 13, "not a header's value")],
    )]);
}
