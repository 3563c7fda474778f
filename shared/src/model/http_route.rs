//! `HTTPRoute`: one rule of a VirtualService, and everything in it.

use super::fault::HttpFault;
use super::format::Template;
use super::regex_rewrite::RegexRewrite;
use super::values::{GoDuration, Line, Millis, MirrorPercent, Port, PortOrNone, StringMatch, WithoutMatch};
use crate::{Map, object, words};

object! {
    /// A rule: when it matches, and what then.
    pub struct HttpRoute {
        /// Shown in access logs; the Envoy route is called `name` or `name.matchName`.
        name: Option<String>,
        /// Any of these; none means every request.
        r#match: Vec<HttpMatchRequest>,
        /// Where to, by weight. Exactly one of `route`, `redirect` and `directResponse` stands in a rule.
        route: Vec<HttpRouteDestination>,
        /// Answer with a redirect.
        redirect: Option<Box<HttpRedirect>>,
        /// Answer with a fixed status and body.
        direct_response: Option<Box<HttpDirectResponse>>,
        /// Changes path and authority on the way.
        rewrite: Option<Box<HttpRewrite>>,
        /// For the whole request, retries included; absent is none.
        timeout: Option<Millis>,
        /// Absent is Istio's default policy: 2 retries on connect-failure, refused-stream, unavailable, cancelled.
        retries: Option<Box<HttpRetry>>,
        /// Delays and aborts on purpose.
        fault: Option<Box<HttpFault>>,
        /// Cross-origin requests.
        cors_policy: Option<Box<CorsPolicy>>,
        /// Header operations for all destinations of the rule.
        headers: Option<Box<Headers>>,
        /// Gets a copy of every request, or of the share that `mirrorPercentage` says.
        mirror: Option<Box<Destination>>,
        /// Deprecated: the share in whole percent, used when `mirrorPercentage` is absent.
        mirror_percent: Option<u32>,
        /// The share of the requests that `mirror` gets; absent is all of them.
        mirror_percentage: Option<MirrorPercent>,
        /// Several mirrors, each with a share of its own. Not beside `mirror`.
        mirrors: Vec<HttpMirrorPolicy>,
        /// Another VirtualService, one without hosts, says what becomes of the requests.
        delegate: Option<Box<Delegate>>,
    }
}

object! {
    /// A VirtualService without hosts.
    pub struct Delegate {
        /// Its name.
        name: Option<String>,
        /// Its namespace; absent is that of the VirtualService that delegates.
        namespace: Option<String>,
    }
}

object! {
    /// Everything in one of these must hold.
    pub struct HttpMatchRequest {
        /// Appended to the route's name after a dot.
        name: Option<String>,
        /// The path without the query.
        uri: Option<StringMatch>,
        /// `http` or `https`, case-sensitive.
        scheme: Option<StringMatch>,
        /// Case-sensitive.
        method: Option<StringMatch>,
        /// As the client sent it, port included; case-sensitive.
        authority: Option<StringMatch>,
        /// Of several values of one header any may match.
        headers: Map<StringMatch>,
        /// None of these may hold; an absent header counts as empty, except for `{}`.
        without_headers: Map<WithoutMatch>,
        /// The first value of each parameter, as it stands in the URL, without decoding.
        query_params: Map<StringMatch>,
        /// The listener's port; a rule for another port does not exist there. 0 is as good as absent.
        port: Option<PortOrNone>,
        /// A selector of the client's proxy, not of requests.
        source_labels: Map<String>,
        /// A selector of the client's proxy, not of requests.
        source_namespace: Option<String>,
        /// In place of the VirtualService's gateways; `sourceLabels` and `sourceNamespace` are then not looked at.
        gateways: Vec<String>,
        /// For `exact` and `prefix` of `uri`.
        ignore_uri_case: bool,
    } unsupported { "stat_prefix" }
}

impl HttpMatchRequest {
    /// The port that it is for, where it is for one alone.
    pub fn on_port(&self) -> Option<Port> {
        self.port?.0
    }
}

object! {
    /// One version that may answer, and its share.
    pub struct HttpRouteDestination {
        /// Who answers.
        destination: Destination = required,
        /// Relative to the sum of the rule's weights; a single destination takes everything.
        weight: Option<Weight>,
        /// Header operations for requests to this destination.
        headers: Option<Box<Headers>>,
    }
}

object! {
    /// A mirror, and its share.
    pub struct HttpMirrorPolicy {
        /// Who gets the copies.
        destination: Destination = required,
        /// The share of the requests; absent is all of them.
        percentage: Option<MirrorPercent>,
    }
}

/// A weight: 0 to 2^31-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(pub u32);

impl super::read::Read for Weight {
    fn read(place: super::read::Place<'_>, reader: &mut super::read::Reader<'_>) -> Option<Self> {
        let weight = super::read::whole(place, reader, 0..=i64::from(i32::MAX))?;
        u32::try_from(weight).ok().map(Weight)
    }
}

object! {
    /// A service, and which part of it.
    pub struct Destination {
        /// A short name belongs to the VirtualService's namespace.
        host: String = required,
        /// A subset that a DestinationRule defines.
        subset: Option<String>,
        /// Absent: the service's only port, else the listener's.
        port: Option<PortSelector>,
    }
}

object! {
    /// A port by number.
    pub struct PortSelector {
        /// 1 to 65535.
        number: Port = required,
    }
}

object! {
    /// Answers with a redirect, 301 unless `redirectCode` says otherwise.
    pub struct HttpRedirect {
        /// In place of the whole path; the query is kept unless this has one.
        uri: Option<Line>,
        /// In place of the matched prefix.
        prefix_rewrite: Option<Line>,
        /// In place of the host, without port.
        authority: Option<Line>,
        /// In place of the port; 0 asks for nothing.
        port: Option<PortOrNone>,
        /// Where the port comes from.
        derive_port: Option<DerivePort>,
        /// `http` or `https`.
        scheme: Option<Line>,
        /// 301, 302, 303, 307 or 308.
        redirect_code: Option<u32>,
    }
}

words! {
    /// Where a redirect's port comes from.
    pub enum DerivePort {
        /// 80 for http, 443 for https.
        FromProtocolDefault = "FROM_PROTOCOL_DEFAULT",
        /// The listener's port.
        FromRequestPort = "FROM_REQUEST_PORT",
    }
}

object! {
    /// Answers with a fixed status and body.
    pub struct HttpDirectResponse {
        /// 200 to 599.
        status: u32 = required,
        /// Absent is an empty body.
        body: Option<HttpBody>,
    }
}

object! {
    /// A body, as text or as bytes.
    pub struct HttpBody {
        /// Text.
        string: Option<String>,
        /// Base64.
        bytes: Option<Base64>,
    }
}

/// Bytes, written in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl super::read::Read for Base64 {
    fn read(place: super::read::Place<'_>, reader: &mut super::read::Reader<'_>) -> Option<Self> {
        let decoded = decode_base64(&String::read(place, reader)?);
        if decoded.is_none() {
            reader.expected(place, "bytes in base64");
        }
        decoded.map(Base64)
    }
}

/// The standard alphabet, padded, with or without line breaks: what Istio takes, which is less than proto3's JSON is.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches(['=', '\r', '\n']);
    let (mut out, mut count) = (Vec::with_capacity(digits.len() / 4 * 3 + 2), 0);
    let (mut bits, mut have) = (0u32, 0u32);
    for c in digits.bytes().filter(|c| !b"\r\n".contains(c)) {
        count += 1;
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, have) = (bits << 6 | u32::from(value), have + 6);
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    let padding = text.bytes().rev().take_while(|c| b"=\r\n".contains(c)).filter(|c| *c == b'=').count();
    (padding <= 2 && (count + padding) % 4 == 0).then_some(out)
}

object! {
    /// Changes path and authority on the way to the destination.
    pub struct HttpRewrite {
        /// In place of the matched prefix, or of the whole path for `exact` and `regex`; the query stays.
        uri: Option<Line>,
        /// In place of the authority.
        authority: Option<Line>,
        /// A substitution in the path, in place of `uri`.
        uri_regex_rewrite: Option<RegexRewrite>,
    }
}

object! {
    /// When to try again.
    pub struct HttpRetry {
        /// How often, beyond the first time; absent or 0 is never.
        attempts: Option<i32>,
        /// For each try; absent is the rule's timeout.
        per_try_timeout: Option<Millis>,
        /// Envoy's words and status codes, separated by commas.
        retry_on: Option<String>,
        /// Whether endpoints of other localities are tried.
        retry_remote_localities: Option<bool>,
        /// Whether endpoints that failed before are avoided; absent is true.
        retry_ignore_previous_hosts: Option<bool>,
        /// The base of the exponential back-off; absent is 25 ms.
        backoff: Option<Millis>,
    }
}

object! {
    /// Cross-origin requests, as Envoy's CORS filter treats them.
    pub struct CorsPolicy {
        /// Deprecated: exact origins, used when `allowOrigins` is absent.
        allow_origin: Vec<String>,
        /// Any of these.
        allow_origins: Vec<StringMatch>,
        /// `access-control-allow-methods`.
        allow_methods: Vec<String>,
        /// `access-control-allow-headers`.
        allow_headers: Vec<String>,
        /// `access-control-expose-headers`.
        expose_headers: Vec<String>,
        /// `access-control-max-age`, whole seconds.
        max_age: Option<GoDuration>,
        /// `access-control-allow-credentials`.
        allow_credentials: Option<bool>,
        /// What becomes of a preflight whose origin does not match.
        unmatched_preflights: Option<UnmatchedPreflights>,
    }
}

words! {
    /// What becomes of a preflight whose origin does not match.
    pub enum UnmatchedPreflights {
        /// As `FORWARD`.
        Unspecified = "UNSPECIFIED",
        /// It goes to the destination.
        Forward = "FORWARD",
        /// It is answered without CORS headers.
        Ignore = "IGNORE",
    }
}

object! {
    /// Header operations in both directions.
    pub struct Headers {
        /// On the way to the destination.
        request: Option<HeaderOperations>,
        /// On the way back.
        response: Option<HeaderOperations>,
    }
}

object! {
    /// Envoy removes first, then sets, then adds.
    pub struct HeaderOperations {
        /// In place of what is there.
        set: Map<Template>,
        /// Beside what is there.
        add: Map<Template>,
        /// Taken away.
        remove: Vec<String>,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn base64_in_both_alphabets() {
        assert_eq!(decode_base64("aGk=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode_base64("/+8=").as_deref(), Some(&[0xff, 0xef][..]));
        assert_eq!(decode_base64("aG\r\nk\n=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode_base64("").as_deref(), Some(&b""[..]));
        for bad in ["a", "a===", "a!==", "=====", "aGk", "_-8=", "aGk==", "=aGk", "aG=k"] {
            assert_eq!(decode_base64(bad), None, "{bad}");
        }
    }
}
