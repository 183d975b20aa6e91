//! `outrider/log.h`: the extension `outrider.log/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_bytes, outrider_exchange, outrider_host, outrider_status};
use std::os::raw::c_char;

/// The name of the extension, NUL-terminated.
pub const LOG: &[u8] = b"outrider.log/1\0";

pub const MAX_NOTES: u32 = 16;
pub const MAX_KEY: u32 = 32;
pub const MAX_VALUE: u32 = 256;

pub const TRACE_SAMPLED: u32 = 0x01;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct outrider_trace {
    pub size: u32,
    pub present: u32,
    pub version: u32,
    pub flags: u32,
    pub trace_id: [u8; 16],
    pub parent_id: [u8; 8],
    pub trace_id_text: outrider_bytes,
    pub parent_id_text: outrider_bytes,
}

#[repr(C)]
pub struct outrider_log {
    pub size: u32,
    pub reserved: u32,
    pub enabled: unsafe extern "C" fn(*const outrider_host, level: u32) -> i32,
    pub note: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        key: *const c_char,
        value: outrider_bytes,
    ) -> outrider_status,
    pub trace:
        unsafe extern "C" fn(*const outrider_host, outrider_exchange, trace: *mut outrider_trace) -> outrider_status,
}
