//! `floor.wasm`: the suite's callbacks with nothing in them, on the stock SDK as filters usually are. Whatever such a
//! filter does costs this much before it does anything, so it is the floor that benches measure from.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Http;

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        Action::Continue
    }

    fn on_log(&mut self) {}
}

fn main() {
    // Like the other modules it builds natively, where there is no Envoy to start in.
    if cfg!(target_arch = "wasm32") {
        proxy_wasm::set_root_context(|_| Box::new(Root));
    }
}
