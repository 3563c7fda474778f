//! Match blocks that ask nothing of a request, as far as they are written.

use crate::model::StringMatch;
use crate::model::http_route::HttpMatchRequest;

/// Whether it asks nothing of a request (istiod's `IsCatchAllRoute`): what follows in the same VirtualService is never
/// reached, and on gateways the route goes behind those of other VirtualServices.
pub fn is_catch_all(block: &HttpMatchRequest) -> bool {
    let everything = match &block.uri {
        None | Some(StringMatch::Present) => true,
        Some(StringMatch::Prefix(text)) => text == "/",
        Some(StringMatch::Regex(re2)) => re2.pattern() == ".*",
        Some(StringMatch::Exact(_)) => false,
    };
    everything
        && block.scheme.is_none()
        && block.method.is_none()
        && block.authority.is_none()
        && block.headers.is_empty()
        && block.without_headers.is_empty()
        && block.query_params.is_empty()
}
