//! `outrider/health.h`: the extension `outrider.health/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_bytes, outrider_host, outrider_status};
use std::os::raw::c_char;

/// The name of the extension, NUL-terminated.
pub const HEALTH: &[u8] = b"outrider.health/1\0";

pub const MAX_THREADS: u32 = 16;
pub const MAX_NAME: u32 = 32;
pub const MAX_REASON: u32 = 96;

#[repr(C)]
pub struct outrider_health {
    pub size: u32,
    pub reserved: u32,
    pub watch: unsafe extern "C" fn(*const outrider_host, name: *const c_char, thread: *mut u32) -> outrider_status,
    pub alive: unsafe extern "C" fn(*const outrider_host, thread: u32) -> outrider_status,
    pub idle: unsafe extern "C" fn(*const outrider_host, thread: u32) -> outrider_status,
    pub unwatch: unsafe extern "C" fn(*const outrider_host, thread: u32) -> outrider_status,
    pub ready: unsafe extern "C" fn(*const outrider_host, ready: i32, reason: outrider_bytes) -> outrider_status,
}
