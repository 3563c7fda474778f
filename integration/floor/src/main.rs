//! `floor.wasm`: the suite's callbacks with nothing in them, on the stock SDK as filters usually are. Whatever such a
//! filter does costs this much before it does anything, so it is the floor that benches measure from.
//!
//! With a configuration it makes the calls to Envoy that the suite makes for a request that goes to a destination, and
//! decides nothing: what the suite costs beyond that is its own. Lines `cluster NAME` say where requests go, the second
//! one where a tenth of them does; a line `status` has it ask for the response's status at the end.

use std::cell::Cell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

/// What the configuration says.
#[derive(Default)]
struct Calls {
    clusters: Vec<String>,
    status: bool,
    requests: Cell<u32>,
}

impl Calls {
    /// From the configuration; nothing where a line is neither.
    fn read(text: &str) -> Option<Calls> {
        let mut calls = Calls::default();
        for line in text.lines() {
            match line.strip_prefix("cluster ") {
                Some(name) => calls.clusters.push(name.to_owned()),
                None if line == "status" => calls.status = true,
                None => return None,
            }
        }
        Some(calls)
    }

    /// Where the next request goes; nowhere without a configuration.
    fn cluster(&self) -> Option<&String> {
        let number = self.requests.get();
        self.requests.set(number.wrapping_add(1));
        let second = self.clusters.get(1).filter(|_| number.is_multiple_of(10));
        second.or_else(|| self.clusters.first())
    }
}

#[derive(Default)]
struct Root(Rc<Calls>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let bytes = if size > 0 { self.get_plugin_configuration() } else { None };
        let calls = String::from_utf8(bytes.unwrap_or_default()).ok().and_then(|text| Calls::read(&text));
        calls.map(|calls| self.0 = Rc::new(calls)).is_some()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http(Rc::clone(&self.0))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Http(Rc<Calls>);

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if let Some(cluster) = self.0.cluster() {
            drop(self.get_http_request_headers_bytes());
            self.set_http_request_header("x-sailcloth-cluster", Some(cluster));
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        Action::Continue
    }

    fn on_log(&mut self) {
        if self.0.status {
            drop(self.get_property(vec!["response", "code"]));
        }
    }
}

fn main() {
    // Like the other modules it builds natively, where there is no Envoy to start in.
    if cfg!(target_arch = "wasm32") {
        proxy_wasm::set_root_context(|_| Box::<Root>::default());
    }
}
