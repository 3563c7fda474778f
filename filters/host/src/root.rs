//! The SDK's contexts: from Envoy's callbacks to [`Stream`]s.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use shared::Map;
use shared::finding::{Report, Severity};
use shared::plan::ModuleConfig;
use shared::plan::proxy::NodeMetadata;

use crate::abi;
use crate::behaviour::Chain;
use crate::headers;
use crate::module::Configured;
use crate::stream::{Stream, Way};
use crate::vm::StreamId;

/// Starts a module. Called once a VM, by [`main!`](crate::main).
pub fn start<C: Chain>(name: &'static str) {
    // Without an Envoy around it there is nothing to start; the modules' packages build natively all the same, so that
    // one `cargo` command serves the whole workspace.
    if cfg!(target_arch = "wasm32") {
        proxy_wasm::set_log_level(LogLevel::Info);
        NAME.set(name);
        proxy_wasm::set_root_context(|_| Box::new(Root::<C> { module: None, chain: PhantomData }));
    }
}

thread_local! {
    /// The SDK takes a plain function to make root contexts with, which can carry no name along.
    static NAME: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") };
}

/// One configuration of a module in one VM.
struct Root<C: Chain> {
    module: Option<Rc<Configured<C>>>,
    chain: PhantomData<C>,
}

impl<C: Chain> Context for Root<C> {}

impl<C: Chain> RootContext for Root<C> {
    fn on_configure(&mut self, size: usize) -> bool {
        let mut report = Report::new();
        let config = ModuleConfig::read(&abi::configuration(size), node_metadata(), &mut report);
        for finding in report.into_sorted() {
            match finding.severity {
                Severity::Error => log::error!("{finding}"),
                Severity::Warning => log::warn!("{finding}"),
                Severity::Info => log::info!("{finding}"),
            }
        }
        let Some(config) = config else { return false };
        self.module = Some(Rc::new(Configured::new(NAME.get(), config.plan())));
        true
    }

    fn on_tick(&mut self) {
        if let Some(module) = &self.module {
            module.tick();
        }
    }

    fn on_queue_ready(&mut self, _: u32) {
        if let Some(module) = &self.module {
            module.woken();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let module = self.module.clone();
        Some(Box::new(Http { id, module, stream: Rc::new(RefCell::new(Stream::new(StreamId(id)))) }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// What Envoy knows of the proxy, as Istio fills its node metadata.
fn node_metadata() -> NodeMetadata {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let namespace = abi::property("xds\0node\0metadata\0NAMESPACE").and_then(|bytes| text(&bytes));
    let labels = abi::property("xds\0node\0metadata\0LABELS").unwrap_or_default();
    let mut all = Map::new();
    for (name, value) in headers::pairs(&labels) {
        if let (Some(name), Some(value)) = (text(name), text(value)) {
            all.insert(name, value);
        }
    }
    let one = |path| abi::property(path).and_then(|bytes| text(&bytes)).filter(|text| !text.is_empty());
    NodeMetadata {
        namespace: namespace.filter(|text| !text.is_empty()),
        labels: all,
        workload: one("xds\0node\0metadata\0WORKLOAD_NAME"),
        cluster: one("xds\0node\0metadata\0CLUSTER_ID"),
    }
}

/// One stream, as the SDK sees it.
struct Http<C: Chain> {
    id: u32,
    module: Option<Rc<Configured<C>>>,
    stream: Rc<RefCell<Stream<C>>>,
}

impl<C: Chain> Context for Http<C> {}

impl<C: Chain> HttpContext for Http<C> {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let (Some(module), Ok(mut stream)) = (&self.module, self.stream.try_borrow_mut()) else {
            return Action::Continue;
        };
        let way = stream.request(module, false);
        drop(stream);
        module.arm();
        match way {
            Way::On => Action::Continue,
            Way::Waits(wait) => {
                module.wait(self.id, &self.stream, wait);
                Action::Pause
            }
            Way::Back => Action::Pause,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let (Some(module), Ok(mut stream)) = (&self.module, self.stream.try_borrow_mut()) {
            stream.response(module);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        if let (Some(module), Ok(mut stream)) = (&self.module, self.stream.try_borrow_mut()) {
            stream.done(module);
            module.arm();
        }
    }
}

/// A stream that ends takes its wait along, whichever way it ends.
impl<C: Chain> Drop for Http<C> {
    fn drop(&mut self) {
        if let Some(module) = &self.module {
            module.forget(self.id);
        }
    }
}
