//! `outrider/testing.h`: the mock host, a library that the feature `testing` links.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_bytes, outrider_exchange, outrider_field, outrider_host, outrider_plugin, outrider_status};
use std::ffi::c_void;
use std::os::raw::{c_char, c_int};

pub enum outrider_mock {}
pub enum outrider_mock_exchange {}

pub type outrider_mock_entry = unsafe extern "C" fn(*const outrider_host) -> *const outrider_plugin;

#[repr(C)]
pub struct outrider_mock_settings {
    pub size: u32,
    pub model: u32,
    pub threads: u32,
    pub workers: u32,
    pub process: u32,
    pub aborts_on_misuse: u32,
    pub config: *const c_char,
    pub mount: *const c_char,
    pub output_limit: u64,
    pub body_limit: u64,
    pub max_hints: u32,
    pub max_hint_bytes: u32,
    pub request_timeout_ns: u64,
    pub graceful_timeout_ns: u64,
    pub extension: Option<unsafe extern "C" fn(context: *mut c_void, name: *const c_char) -> *const c_void>,
    pub extension_context: *mut c_void,
    pub abi: u32,
    pub growth: u32,
    pub store_size: u64,
    pub no_extensions: u32,
    pub reserved: u32,
}

pub const TLS: u32 = 0x01;
pub const PROXIED: u32 = 0x02;
pub const BODY_FOLLOWS: u32 = 0x04;
pub const CHUNKED: u32 = 0x08;
pub const SLOW: u32 = 0x10;
pub const NO_HINTS: u32 = 0x20;

#[repr(C)]
pub struct outrider_mock_request {
    pub size: u32,
    pub flags: u32,
    pub http_version: u32,
    pub piece: u32,
    pub method: *const c_char,
    pub target: *const c_char,
    pub authority: *const c_char,
    pub fields: *const outrider_field,
    pub n_fields: usize,
    pub body: outrider_bytes,
    pub content_length: i64,
    pub trailers: *const outrider_field,
    pub n_trailers: usize,
    pub wait: Option<unsafe extern "C" fn(context: *mut c_void, *mut outrider_mock_exchange)>,
    pub wait_context: *mut c_void,
}

pub const OPEN: u32 = 0;
pub const COMPLETE: u32 = 1;
pub const PAGE: u32 = 2;
pub const CUT: u32 = 3;
pub const NONE: u32 = 4;

#[repr(C)]
pub struct outrider_mock_section {
    pub status: u32,
    pub reserved: u32,
    pub fields: *const outrider_field,
    pub n_fields: usize,
}

#[repr(C)]
pub struct outrider_mock_response {
    pub size: u32,
    pub ending: u32,
    pub status: u32,
    pub reserved: u32,
    pub fields: *const outrider_field,
    pub n_fields: usize,
    pub body: outrider_bytes,
    pub trailers: *const outrider_field,
    pub n_trailers: usize,
    pub informational: *const outrider_mock_section,
    pub n_informational: usize,
    pub wire: outrider_bytes,
}

extern "C" {
    pub fn outrider_mock_new(entry: outrider_mock_entry, settings: *const outrider_mock_settings)
        -> *mut outrider_mock;
    pub fn outrider_mock_load(mock: *mut outrider_mock, purpose: u32) -> outrider_status;
    pub fn outrider_mock_start(mock: *mut outrider_mock) -> outrider_status;
    pub fn outrider_mock_drain(mock: *mut outrider_mock);
    pub fn outrider_mock_stop(mock: *mut outrider_mock, deadline_ns: u64);
    pub fn outrider_mock_free(mock: *mut outrider_mock);
    pub fn outrider_mock_error(mock: *const outrider_mock) -> *const c_char;
    pub fn outrider_mock_host(mock: *const outrider_mock) -> *const outrider_host;
    pub fn outrider_mock_serve(
        mock: *mut outrider_mock,
        request: *const outrider_mock_request,
    ) -> *mut outrider_mock_exchange;
    pub fn outrider_mock_feed(exchange: *mut outrider_mock_exchange, bytes: outrider_bytes);
    pub fn outrider_mock_end_body(exchange: *mut outrider_mock_exchange, trailers: *const outrider_field, n: usize);
    pub fn outrider_mock_leave(exchange: *mut outrider_mock_exchange);
    pub fn outrider_mock_take(exchange: *mut outrider_mock_exchange, n: usize);
    pub fn outrider_mock_handle(exchange: *const outrider_mock_exchange) -> outrider_exchange;
    pub fn outrider_mock_response_of(exchange: *mut outrider_mock_exchange) -> *const outrider_mock_response;
    pub fn outrider_mock_run(mock: *mut outrider_mock);
    pub fn outrider_mock_advance(mock: *mut outrider_mock, ns: u64);
    pub fn outrider_mock_wait(mock: *mut outrider_mock, milliseconds: u32) -> c_int;
    pub fn outrider_mock_now(mock: *const outrider_mock) -> u64;
    pub fn outrider_mock_note(exchange: *const outrider_mock_exchange, key: *const c_char) -> outrider_bytes;
    pub fn outrider_mock_metric(mock: *const outrider_mock, name: *const c_char) -> f64;
    pub fn outrider_mock_not_ready(mock: *const outrider_mock) -> *const c_char;
    pub fn outrider_mock_silent_thread(mock: *const outrider_mock, ns: u64) -> *const c_char;
    pub fn outrider_mock_misuses(mock: *const outrider_mock) -> usize;
    pub fn outrider_mock_misuse(mock: *const outrider_mock, index: usize) -> *const c_char;
    pub fn outrider_mock_log_lines(mock: *const outrider_mock) -> usize;
    pub fn outrider_mock_log_line(mock: *const outrider_mock, index: usize, level: *mut u32) -> *const c_char;
}
