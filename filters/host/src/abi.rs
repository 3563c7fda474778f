//! Every call to Envoy (proxy-wasm ABI 0.2.1), in bytes.
//!
//! The SDK's own wrappers panic on statuses they do not expect and take strings where clients send bytes; one panic
//! kills every request in the VM. Here whatever Envoy answers is a value.
#![expect(unsafe_code, reason = "the ABI is a set of foreign functions over raw memory")]

use std::ptr::null_mut;

const OK: u32 = 0;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_add_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, most: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, version: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, name_size: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, size: usize) -> u32;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, nanos: *mut u64) -> u16;
}

/// How much a line in Envoy's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Level {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// Writes a line to Envoy's log.
pub(crate) fn log(level: Level, message: &str) {
    // SAFETY: the message outlives the call.
    unsafe { proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// Whether a line of this level would be in Envoy's log, so that nobody makes one in vain. Envoy's admin page changes it
/// at any time, and tells nobody.
pub(crate) fn logs(level: Level) -> bool {
    let mut least = u32::MAX;
    // SAFETY: the result is ours to write.
    let status = unsafe { proxy_get_log_level(&mut least) };
    status == OK && least <= level as u32
}

/// Writes a warning to Envoy's log. It names what the configuration names; what a client sends does not belong there.
pub fn warn(message: &str) {
    log(Level::Warn, message);
}

/// Which of a stream's header maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
}

/// Takes over a buffer that Envoy had allocated by `proxy_on_memory_allocate`; nothing where Envoy had nothing.
fn owned(status: u32, data: *mut u8, size: usize) -> Option<Vec<u8>> {
    if status != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: `start::allocate` hands out the memory of vectors of exactly `size` bytes, and Envoy gives them up to us.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// All headers of a map, as Envoy serializes them; see [`crate::headers`].
pub(crate) fn header_map(map: Map) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both results are ours to write.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &mut data, &mut size) };
    owned(status, data, size)
}

/// The bytes of all names and values of a map; 0 where there is none.
pub(crate) fn map_bytes(map: Map) -> u64 {
    let map = header_map(map).unwrap_or_default();
    let pairs = crate::headers::pairs(&map);
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The first value of a header; nothing when there is none.
pub(crate) fn header(map: Map, name: &[u8]) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the name outlives the call, both results are ours to write.
    let status = unsafe { proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), &mut data, &mut size) };
    owned(status, data, size)
}

/// Puts one value in place of all there are.
pub(crate) fn set_header(map: Map, name: &[u8], value: &[u8]) -> bool {
    // SAFETY: both slices outlive the call.
    OK == unsafe { proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

/// Adds a value beside those there are.
pub(crate) fn add_header(map: Map, name: &[u8], value: &[u8]) -> bool {
    // SAFETY: both slices outlive the call.
    OK == unsafe { proxy_add_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

/// Takes all values of a header away.
pub(crate) fn remove_header(map: Map, name: &[u8]) -> bool {
    // SAFETY: the name outlives the call.
    OK == unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) }
}

/// An attribute, by its path with NUL between the parts; nothing when Envoy has none, or not now.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the path outlives the call, both results are ours to write.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut size) };
    owned(status, data, size)
}

/// A whole number attribute; Envoy hands them over as eight bytes.
pub(crate) fn number(path: &str) -> Option<u64> {
    Some(u64::from_le_bytes(property(path)?.try_into().ok()?))
}

/// Writes filter state that every later module can read.
pub(crate) fn set_property(path: &str, value: &[u8]) -> bool {
    // SAFETY: both slices outlive the call.
    OK == unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) }
}

/// The plugin's configuration.
pub(crate) fn configuration(size: usize) -> Vec<u8> {
    const PLUGIN_CONFIGURATION: u32 = 7;
    let (mut data, mut got) = (null_mut(), 0);
    // SAFETY: both results are ours to write.
    let status = unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &mut data, &mut got) };
    owned(status, data, got).unwrap_or_default()
}

/// Answers the request here. `headers` is a serialized map.
pub(crate) fn send_reply(status: u32, details: &str, body: &[u8], headers: &[u8], grpc_status: Option<i32>) -> bool {
    // SAFETY: all slices outlive the call.
    OK == unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status.unwrap_or(-1),
        )
    }
}

/// Asks for a tick every so many milliseconds; 0 is none.
pub(crate) fn set_tick(ms: u32) {
    // SAFETY: no memory is passed.
    unsafe { proxy_set_tick_period_milliseconds(ms) };
}

/// Turns the calls that follow to another stream; false when it is gone.
pub(crate) fn set_effective_context(context: u32) -> bool {
    // SAFETY: no memory is passed.
    OK == unsafe { proxy_set_effective_context(context) }
}

/// Lets the effective stream's request go on.
pub(crate) fn continue_request() {
    const HTTP_REQUEST: u32 = 0;
    // SAFETY: no memory is passed.
    unsafe { proxy_continue_stream(HTTP_REQUEST) };
}

/// Defines a metric; nothing when Envoy refuses.
fn define(kind: u32, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the name outlives the call, the result is ours to write.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) };
    (status == OK).then_some(id)
}

/// A value that all VMs of this module share, and its version; nothing when there is none.
pub(crate) fn shared(key: &[u8]) -> Option<(Vec<u8>, u32)> {
    let (mut data, mut size, mut version) = (null_mut(), 0, 0);
    // SAFETY: the key outlives the call, all results are ours to write.
    let status = unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), &mut data, &mut size, &mut version) };
    Some((owned(status, data, size)?, version))
}

/// Puts a value there, unless it has another version by now. A key that has no value takes it whatever the version, and
/// version 0 overwrites any.
pub(crate) fn set_shared(key: &[u8], value: &[u8], version: u32) -> bool {
    // SAFETY: both slices outlive the call.
    OK == unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) }
}

/// Opens a queue whose messages wake the root context that calls; nothing when Envoy refuses.
pub(crate) fn open_queue(name: &[u8]) -> Option<u32> {
    let mut queue = 0;
    // SAFETY: the name outlives the call, the result is ours to write.
    let status = unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &mut queue) };
    (status == OK).then_some(queue)
}

/// Puts an empty message into a queue.
pub(crate) fn wake(queue: u32) -> bool {
    // SAFETY: no bytes are passed.
    OK == unsafe { proxy_enqueue_shared_queue(queue, [].as_ptr(), 0) }
}

/// Takes a message out of a queue; false when there is none.
pub(crate) fn take_message(queue: u32) -> bool {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both results are ours to write.
    let status = unsafe { proxy_dequeue_shared_queue(queue, &mut data, &mut size) };
    owned(status, data, size).is_some()
}

/// Milliseconds of a clock that never goes back and is the same in all VMs of a process.
pub(crate) fn now() -> u64 {
    const MONOTONIC: u32 = 1;
    clock(MONOTONIC) / 1_000_000
}

/// Nanoseconds since 1970.
pub(crate) fn wall_clock() -> u64 {
    const REALTIME: u32 = 0;
    clock(REALTIME)
}

fn clock(clock: u32) -> u64 {
    let mut nanos = 0;
    // SAFETY: the result is ours to write.
    let status = unsafe { clock_time_get(clock, 1, &mut nanos) };
    if status == 0 { nanos } else { 0 }
}

/// A gauge of this process, `wasmcustom.<name>` among Envoy's stats.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(Option<u32>);

impl Gauge {
    /// Defines it; all VMs and workers that name it share it.
    pub fn define(name: &str) -> Gauge {
        const GAUGE: u32 = 1;
        Gauge(define(GAUGE, name))
    }

    /// Adds to it. Changes commute, so that many VMs may make them.
    pub fn add(self, change: i64) {
        if let (Some(id), true) = (self.0, change != 0) {
            // SAFETY: no memory is passed.
            unsafe { proxy_increment_metric(id, change) };
        }
    }
}

/// A counter of this process, `wasmcustom.<name>` among Envoy's stats.
#[derive(Clone, Copy, Debug)]
pub struct Counter(Option<u32>);

impl Counter {
    /// Defines it; all VMs and workers that name it share it.
    pub fn define(name: &str) -> Counter {
        const COUNTER: u32 = 0;
        Counter(define(COUNTER, name))
    }

    /// Adds one.
    pub fn increment(self) {
        if let Some(id) = self.0 {
            // SAFETY: no memory is passed.
            unsafe { proxy_increment_metric(id, 1) };
        }
    }
}

/// A histogram of this process, `wasmcustom.<name>` among Envoy's stats.
#[derive(Clone, Copy, Debug)]
pub struct Histogram(Option<u32>);

impl Histogram {
    /// Defines it; all VMs and workers that name it share it.
    pub fn define(name: &str) -> Histogram {
        const HISTOGRAM: u32 = 2;
        Histogram(define(HISTOGRAM, name))
    }

    /// Takes a value.
    pub fn record(self, value: u64) {
        if let Some(id) = self.0 {
            // SAFETY: no memory is passed.
            unsafe { proxy_record_metric(id, value) };
        }
    }
}
