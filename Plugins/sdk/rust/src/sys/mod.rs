//! `outrider.h` 1.0 by hand: the same structures, constants and functions under the same names.
//!
//! The header documents each of them: ownership, threads, statuses. Most plugins need only the safe types of this crate.
//! `tests/layout.rs` compares sizes, offsets and values with the header.
#![allow(non_camel_case_types, missing_docs)]

use std::ffi::c_void;
use std::os::raw::c_char;

pub mod config;
pub mod health;
pub mod log;
#[path = "loop.rs"]
pub mod loop_;
pub mod metrics;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod websocket;

pub const ABI_MAJOR: u32 = 1;
pub const ABI_MINOR: u32 = 0;
pub const ABI_VERSION: u32 = ABI_MAJOR << 16 | ABI_MINOR;

/// What a call returns: 0, a positive qualification, or a negative refusal.
pub type outrider_status = i32;

pub const OK: outrider_status = 0;
pub const SKIPPED: outrider_status = 1;
pub const PAUSE: outrider_status = 2;
pub const E_STATE: outrider_status = -1;
pub const E_INVALID: outrider_status = -2;
pub const E_CLOSED: outrider_status = -3;
pub const E_CANCELLED: outrider_status = -4;
pub const E_UNSUPPORTED: outrider_status = -5;
pub const E_LIMIT: outrider_status = -6;
pub const E_AGAIN: outrider_status = -7;
pub const E_THREAD: outrider_status = -8;
pub const E_IO: outrider_status = -9;
pub const E_FAILED: outrider_status = -10;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct outrider_bytes {
    pub data: *const u8,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct outrider_field {
    pub name: outrider_bytes,
    pub value: outrider_bytes,
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct outrider_exchange {
    pub id: u64,
}

// ---- The head of a request

pub const HEAD_TLS: u32 = 0x01;
pub const HEAD_MAY_HINT: u32 = 0x02;
pub const HEAD_HAS_BODY: u32 = 0x04;
pub const HEAD_HEAD_ONLY: u32 = 0x08;
pub const HEAD_PROXIED: u32 = 0x10;
pub const HEAD_ACCEPTS_TRAILERS: u32 = 0x20;
pub const HEAD_BARE_MOUNT: u32 = 0x40;

pub const HTTP_1_0: u32 = 10;
pub const HTTP_1_1: u32 = 11;
pub const HTTP_2: u32 = 20;

#[repr(C)]
pub struct outrider_head {
    pub size: u32,
    pub flags: u32,
    pub http_version: u32,
    pub server_port: u32,
    pub client_port: u32,
    pub reserved: u32,
    pub method: outrider_bytes,
    pub scheme: outrider_bytes,
    pub authority: outrider_bytes,
    pub target: outrider_bytes,
    pub raw_path: outrider_bytes,
    pub path: outrider_bytes,
    pub query: outrider_bytes,
    pub mount: outrider_bytes,
    pub client_address: outrider_bytes,
    pub server_address: outrider_bytes,
    pub request_id: outrider_bytes,
    pub tls_subject: outrider_bytes,
    pub fields: *const outrider_field,
    pub n_fields: usize,
    pub content_length: i64,
    pub deadline_ns: u64,
}

pub const TLS_RESUMED: u32 = 0x01;

#[repr(C)]
pub struct outrider_tls {
    pub size: u32,
    pub flags: u32,
    pub version: outrider_bytes,
    pub cipher: outrider_bytes,
    pub server_name: outrider_bytes,
    pub alpn: outrider_bytes,
    pub client_subject: outrider_bytes,
    pub client_sha256: outrider_bytes,
    pub client_chain: *const outrider_bytes,
    pub n_client_chain: usize,
    pub client_names: *const outrider_field,
    pub n_client_names: usize,
}

// ---- Blocking style

#[repr(C)]
pub struct outrider_io {
    pub size: u32,
    pub reserved: u32,
    pub implementation: *mut c_void,
    pub read: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        buffer: *mut c_void,
        capacity: usize,
        got: *mut usize,
    ) -> outrider_status,
    pub request_trailers: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        fields: *mut *const outrider_field,
        n: *mut usize,
    ) -> outrider_status,
    pub informational: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        status: u32,
        fields: *const outrider_field,
        n: usize,
    ) -> outrider_status,
    pub respond: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        status: u32,
        fields: *const outrider_field,
        n: usize,
        body: outrider_bytes,
    ) -> outrider_status,
    pub start: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        status: u32,
        fields: *const outrider_field,
        n: usize,
    ) -> outrider_status,
    pub write: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        chunks: *const outrider_bytes,
        n: usize,
    ) -> outrider_status,
    pub sendfile: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        fd: i32,
        offset: u64,
        length: u64,
    ) -> outrider_status,
    pub trailers: unsafe extern "C" fn(
        *const outrider_io,
        outrider_exchange,
        fields: *const outrider_field,
        n: usize,
    ) -> outrider_status,
}

// ---- Event style

/// Gives memory that the host has borrowed back to its owner.
pub type outrider_release = unsafe extern "C" fn(context: *mut c_void);

#[repr(C)]
pub struct outrider_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
}

pub const EVENT_REQUEST: u32 = 1;
pub const EVENT_REQUEST_TRAILERS: u32 = 2;
pub const EVENT_DISCONNECT: u32 = 3;
pub const EVENT_DRAINING: u32 = 4;
pub const EVENT_RESUME: u32 = 5;
pub const EVENT_SENT: u32 = 6;
pub const EVENT_INFORMATIONAL: u32 = 32;
pub const EVENT_START: u32 = 33;
pub const EVENT_BODY: u32 = 34;
pub const EVENT_FILE: u32 = 35;
pub const EVENT_TRAILERS: u32 = 36;
pub const EVENT_RESPONSE: u32 = 37;
pub const EVENT_ABORT: u32 = 38;

pub const TRAILERS_FOLLOW: u32 = 0x01;

#[repr(C)]
pub struct outrider_head_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
    pub status: u32,
    pub flags: u32,
    pub fields: *const outrider_field,
    pub n_fields: usize,
}

#[repr(C)]
pub struct outrider_body_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
    pub bytes: outrider_bytes,
    pub more: u32,
    pub flags: u32,
    pub release: Option<outrider_release>,
    pub context: *mut c_void,
}

#[repr(C)]
pub struct outrider_response_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
    pub status: u32,
    pub flags: u32,
    pub fields: *const outrider_field,
    pub n_fields: usize,
    pub body: outrider_bytes,
    pub release: Option<outrider_release>,
    pub context: *mut c_void,
}

#[repr(C)]
pub struct outrider_file_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
    pub fd: i32,
    pub more: u32,
    pub offset: u64,
    pub length: u64,
    pub release: Option<outrider_release>,
    pub context: *mut c_void,
}

#[repr(C)]
pub struct outrider_notice_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
    pub reason: outrider_status,
    pub flags: u32,
}

// ---- The host

pub const LOG_DEBUG: u32 = 1;
pub const LOG_INFO: u32 = 2;
pub const LOG_WARNING: u32 = 3;
pub const LOG_ERROR: u32 = 4;
pub const LOG_CRITICAL: u32 = 5;

/// A function that the loop calls once.
pub type outrider_run = unsafe extern "C" fn(context: *mut c_void, why: outrider_status);

#[repr(C)]
pub struct outrider_host {
    pub size: u32,
    pub abi: u32,
    pub implementation: *mut c_void,
    pub extension: unsafe extern "C" fn(*const outrider_host, name: *const c_char) -> *const c_void,
    pub log: unsafe extern "C" fn(*const outrider_host, outrider_exchange, level: u32, message: outrider_bytes),
    pub config_json: unsafe extern "C" fn(*const outrider_host) -> outrider_bytes,
    pub config_string:
        unsafe extern "C" fn(*const outrider_host, key: *const c_char, fallback: *const c_char) -> outrider_bytes,
    pub config_integer: unsafe extern "C" fn(*const outrider_host, key: *const c_char, fallback: i64) -> i64,
    pub config_boolean: unsafe extern "C" fn(*const outrider_host, key: *const c_char, fallback: i32) -> i32,
    pub head: unsafe extern "C" fn(*const outrider_host, outrider_exchange) -> *const outrider_head,
    pub tls: unsafe extern "C" fn(*const outrider_host, outrider_exchange) -> *const outrider_tls,
    pub cancelled: unsafe extern "C" fn(*const outrider_host, outrider_exchange) -> outrider_status,
    pub draining: unsafe extern "C" fn(*const outrider_host) -> i32,
    pub send: unsafe extern "C" fn(*const outrider_host, outrider_exchange, *const outrider_event) -> outrider_status,
    pub receive: unsafe extern "C" fn(*const outrider_host, outrider_exchange, credit: u32) -> outrider_status,
    pub post: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        run: outrider_run,
        context: *mut c_void,
    ) -> outrider_status,
    pub after: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        ns: u64,
        run: outrider_run,
        context: *mut c_void,
        timer: *mut u64,
    ) -> outrider_status,
    pub cancel: unsafe extern "C" fn(*const outrider_host, timer: u64) -> outrider_status,
    pub wake: unsafe extern "C" fn(*const outrider_host),
    pub send_informational: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        status: u32,
        fields: *const outrider_field,
        n: usize,
    ) -> outrider_status,
    pub send_start: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        status: u32,
        fields: *const outrider_field,
        n: usize,
        flags: u32,
    ) -> outrider_status,
    pub send_body: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        bytes: outrider_bytes,
        more: u32,
    ) -> outrider_status,
    pub send_trailers: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        fields: *const outrider_field,
        n: usize,
    ) -> outrider_status,
    pub send_response: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        status: u32,
        fields: *const outrider_field,
        n: usize,
        body: outrider_bytes,
    ) -> outrider_status,
    pub send_abort:
        unsafe extern "C" fn(*const outrider_host, outrider_exchange, reason: outrider_status) -> outrider_status,
}

// ---- The plugin

pub const THREAD_SAFE: u32 = 0x01;

pub const PURPOSE_SERVE: u32 = 1;
pub const PURPOSE_CHECK: u32 = 2;
pub const PURPOSE_INSPECT: u32 = 3;

pub const PROCESS_MASTER: u32 = 1;
pub const PROCESS_WORKER: u32 = 2;

pub const MODEL_SYNC: u32 = 1;
pub const MODEL_GTHREAD: u32 = 2;
pub const MODEL_ASYNC: u32 = 3;

#[repr(C)]
pub struct outrider_load_info {
    pub size: u32,
    pub purpose: u32,
    pub process: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct outrider_worker_info {
    pub size: u32,
    pub model: u32,
    pub threads: u32,
    pub worker: u32,
    pub workers: u32,
    pub reserved: u32,
    pub graceful_timeout_ns: u64,
    pub output_limit: u64,
    pub host_version: *const c_char,
}

#[repr(C)]
pub struct outrider_thread_info {
    pub size: u32,
    pub index: u32,
    pub threads: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct outrider_error {
    pub size: u32,
    pub reserved: u32,
    pub text: [u8; 4088],
}

#[repr(C)]
pub struct outrider_plugin {
    pub size: u32,
    pub abi: u32,
    pub abi_required: u32,
    pub capabilities: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub load: Option<
        unsafe extern "C" fn(
            *const outrider_host,
            *const outrider_load_info,
            state: *mut *mut c_void,
            error: *mut outrider_error,
        ) -> outrider_status,
    >,
    pub unload: Option<unsafe extern "C" fn(state: *mut c_void)>,
    pub before_fork: Option<unsafe extern "C" fn(state: *mut c_void)>,
    pub worker_start: Option<
        unsafe extern "C" fn(
            state: *mut c_void,
            *const outrider_worker_info,
            error: *mut outrider_error,
        ) -> outrider_status,
    >,
    pub worker_stop: Option<unsafe extern "C" fn(state: *mut c_void, deadline_ns: u64)>,
    pub on_wake: Option<unsafe extern "C" fn(state: *mut c_void)>,
    pub thread_start: Option<
        unsafe extern "C" fn(
            state: *mut c_void,
            *const outrider_thread_info,
            thread: *mut *mut c_void,
            error: *mut outrider_error,
        ) -> outrider_status,
    >,
    pub thread_stop: Option<unsafe extern "C" fn(state: *mut c_void, thread: *mut c_void)>,
    pub handle: Option<
        unsafe extern "C" fn(
            state: *mut c_void,
            thread: *mut c_void,
            outrider_exchange,
            *const outrider_head,
            *const outrider_io,
        ) -> outrider_status,
    >,
    pub open: Option<
        unsafe extern "C" fn(
            state: *mut c_void,
            outrider_exchange,
            *const outrider_head,
            this: *mut *mut c_void,
        ) -> outrider_status,
    >,
    pub on_event:
        Option<unsafe extern "C" fn(state: *mut c_void, this: *mut c_void, outrider_exchange, *const outrider_event)>,
    pub close: Option<unsafe extern "C" fn(state: *mut c_void, this: *mut c_void, outrider_exchange)>,
}

// SAFETY: the table is constant, and its strings are literals.
unsafe impl Sync for outrider_plugin {}
