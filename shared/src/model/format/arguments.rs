//! What stands between an operator's brackets, of which each operator has its own idea.

use super::Wrong;
use super::operators::{Clock, Fact, GrpcForm, Meaning, Operator, TEXTS};
use super::time::TimeFormat;
use crate::model::read::shorten;
use crate::names::{is_header, is_internal_header};

/// What an operator comes to with these arguments, which it may have.
pub(super) fn meaning(name: &str, arguments: &str, fact: Option<Fact>) -> Result<Meaning, Wrong> {
    let value = |operator| Ok(Meaning::Value(operator));
    let (first, rest) = arguments.split_once(':').unwrap_or((arguments, ""));
    let second = rest.split(':').next().unwrap_or_default();
    let unknown = |fits: bool, expected| if fits { Ok(Meaning::Unknown) } else { Err(unfit(arguments, expected)) };
    match name {
        "REQ" | "REQUEST_HEADER" | "STREAM_INFO_REQ" => {
            let names = headers(arguments, true)?;
            Ok(names.map_or(Meaning::Text(""), |(one, other)| Meaning::Value(Operator::RequestHeader(one, other))))
        }
        "RESP" | "RESPONSE_HEADER" => {
            let names = headers(arguments, false)?;
            Ok(names.map_or(Meaning::Text(""), |(one, other)| Meaning::Value(Operator::ResponseHeader(one, other))))
        }
        // Headers are written before there are any.
        "TRAILER" | "RESPONSE_TRAILER" => headers(arguments, false).map(|_| Meaning::Text("")),
        "STREAM_ID" => value(Operator::RequestHeader(b"x-request-id"[..].into(), None)),
        "PATH" => {
            let query = one_of(first, &["", "WQ", "NQ"]);
            let which = one_of(second, &["", "ORIG_OR_PATH", "ORIG", "PATH"]);
            let (Some(query), Some(which)) = (query, which) else {
                return Err(unfit(
                    arguments,
                    "nothing, `WQ` or `NQ`, and `ORIG`, `PATH` or `ORIG_OR_PATH` behind a colon",
                ));
            };
            value(Operator::Path { query: query != 2, original: which != 3, current: which != 2 })
        }
        "QUERY_PARAM" => value(Operator::QueryParameter(arguments.as_bytes().into())),
        "QUERY_PARAMS" => match one_of(arguments, &["", "ORIG", "DECODED"]) {
            Some(form) => value(Operator::Query(form == 2)),
            None => Err(unfit(arguments, "`ORIG` or `DECODED`")),
        },
        "GRPC_STATUS_NUMBER" => value(Operator::GrpcStatus(GrpcForm::Number)),
        "GRPC_STATUS" => value(Operator::GrpcStatus(match arguments {
            "" | "CAMEL_STRING" => GrpcForm::Camel,
            "SNAKE_STRING" => GrpcForm::Snake,
            "NUMBER" => GrpcForm::Number,
            _ => return Err(unfit(arguments, "`CAMEL_STRING`, `SNAKE_STRING` or `NUMBER`")),
        })),
        "START_TIME" | "EMIT_TIME" => {
            let clock = if name == "START_TIME" { Clock::Start } else { Clock::Now };
            let format = time(arguments)?;
            Ok(format.map_or(Meaning::Unknown, |format| Meaning::Value(Operator::Time(clock, Box::new(format)))))
        }
        "START_TIME_LOCAL"
        | "EMIT_TIME_LOCAL"
        | "DOWNSTREAM_PEER_CERT_V_START"
        | "DOWNSTREAM_PEER_CERT_V_END"
        | "UPSTREAM_PEER_CERT_V_START"
        | "UPSTREAM_PEER_CERT_V_END" => time(arguments).map(|_| Meaning::Unknown),
        "DURATION" => value(Operator::Duration),
        "RESPONSE_FLAGS" => value(Operator::Flags(false)),
        "RESPONSE_FLAGS_LONG" => value(Operator::Flags(true)),
        "RESPONSE_CODE_DETAILS" => value(Operator::Details(arguments == "ALLOW_WHITESPACES")),
        "ROUTE_NAME" => value(Operator::RouteName),
        "REQUESTED_SERVER_NAME" if !arguments.is_empty() => server_name(arguments, first, second).and_then(value),
        "XFCC_VALUE" => {
            let keys = ["by", "hash", "cert", "chain", "subject", "uri", "dns"];
            match keys.iter().find(|key| key.eq_ignore_ascii_case(arguments)) {
                Some(key) => value(Operator::ClientCertificate((*key).into())),
                None => Err(unfit(arguments, "`by`, `hash`, `uri` or the like")),
            }
        }
        "COALESCE" => unknown(arguments.contains("\"operators\""), "a JSON object with `operators`"),
        "METADATA" => {
            let kinds =
                ["DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "LISTENER_FILTER_CHAIN", "VIRTUAL_HOST"];
            unknown(kinds.contains(&first), "`DYNAMIC`, `CLUSTER`, `ROUTE`, ... and a namespace behind a colon")
        }
        "FILTER_STATE" | "UPSTREAM_FILTER_STATE" => {
            let field = rest.split_once(':').is_some_and(|(_, field)| !field.is_empty());
            let fits = one_of(second, &["", "PLAIN", "TYPED", "FIELD"]).is_some_and(|at| (at == 3) == field);
            unknown(fits && !first.is_empty(), "a key, and maybe `:PLAIN`, `:TYPED` or `:FIELD:name` behind it")
        }
        "COMMON_DURATION" => {
            let precision = rest.split_once(':').map_or("ms", |(_, precision)| precision);
            let fits = arguments.contains(':') && ["ms", "us", "ns"].contains(&precision);
            unknown(fits, "two moments, and maybe `ms`, `us` or `ns`, with colons between them")
        }
        // Of addresses only Envoy 1.37 and later take the bits to be masked.
        _ if !arguments.is_empty() => Ok(Meaning::Unknown),
        _ => Ok(match fact {
            Some(fact) => Meaning::Value(Operator::Fact(fact)),
            None => {
                TEXTS.iter().find(|(known, _)| *known == name).map_or(Meaning::Unknown, |(_, text)| Meaning::Text(text))
            }
        }),
    }
}

fn one_of(text: &str, words: &[&str]) -> Option<usize> {
    words.iter().position(|word| *word == text)
}

fn unfit(arguments: &str, expected: &str) -> Wrong {
    Wrong::new(format!("expected {expected}, found `({})`", shorten(arguments)), "")
}

fn time(arguments: &str) -> Result<Option<TimeFormat>, Wrong> {
    TimeFormat::parse(arguments).map_err(|()| unfit(arguments, "a time without a line break, which no header may have"))
}

/// The name that TLS asked for, or the host, whichever is to be first.
fn server_name(arguments: &str, first: &str, second: &str) -> Result<Operator, Wrong> {
    let which = one_of(first, &["", "SNI_ONLY", "SNI_FIRST", "HOST_FIRST"]);
    let hosts: &[&[u8]] = match second {
        "" | "ORIG_OR_HOST" => &[b"x-envoy-original-host", b":authority"],
        "ORIG" => &[b"x-envoy-original-host"],
        "HOST" => &[b":authority"],
        _ => &[],
    };
    let (Some(which), [host, other @ ..]) = (which, hosts) else {
        let expected = "`SNI_ONLY`, `SNI_FIRST` or `HOST_FIRST`, and maybe `HOST` or `ORIG` behind a colon";
        return Err(unfit(arguments, expected));
    };
    let name = Operator::Fact(Fact::RequestedServerName);
    let host = Operator::RequestHeader((*host).into(), other.first().map(|other| (*other).into()));
    Ok(match which {
        0 | 1 => name,
        2 => Operator::FirstOf([name, host].into()),
        _ => Operator::FirstOf([host, name].into()),
    })
}

/// One header's name and maybe another.
type Names = (Box<[u8]>, Option<Box<[u8]>>);

/// `name` or `name?other`, in lower case; nothing where both are empty.
fn headers(arguments: &str, of_request: bool) -> Result<Option<Names>, Wrong> {
    let wrong = || unfit(arguments, "one header's name, or two with `?` between them");
    let mut names = Vec::new();
    for name in arguments.split('?') {
        if !name.is_empty() && !is_header(name.strip_prefix(':').unwrap_or(name)) {
            return Err(wrong());
        }
        if is_internal_header(name) {
            return Err(Wrong::internal_header(name));
        }
        // For Envoy `host` is the authority, wherever it looks a request header up.
        let name = if of_request && name.eq_ignore_ascii_case("host") { ":authority" } else { name };
        names.push(name.to_ascii_lowercase().into_bytes().into_boxed_slice());
    }
    let at_most_two = names.len() <= 2;
    let mut names = names.into_iter().filter(|name| !name.is_empty());
    if at_most_two { Ok(names.next().map(|first| (first, names.next()))) } else { Err(wrong()) }
}
