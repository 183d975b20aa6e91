//! `outrider/store.h`: the extension `outrider.store/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_bytes, outrider_host, outrider_status};
use std::ffi::c_void;

/// The name of the extension, NUL-terminated.
pub const STORE: &[u8] = b"outrider.store/1\0";

pub const MAX_KEY: u32 = 255;
pub const MAX_VALUE: u32 = 65536;

#[repr(C)]
pub struct outrider_store {
    pub size: u32,
    pub reserved: u32,
    pub get: unsafe extern "C" fn(
        *const outrider_host,
        key: outrider_bytes,
        buffer: *mut c_void,
        capacity: usize,
        got: *mut usize,
        left_ns: *mut u64,
    ) -> outrider_status,
    pub set: unsafe extern "C" fn(
        *const outrider_host,
        key: outrider_bytes,
        value: outrider_bytes,
        ttl_ns: u64,
    ) -> outrider_status,
    pub compare_and_set: unsafe extern "C" fn(
        *const outrider_host,
        key: outrider_bytes,
        expected: *const outrider_bytes,
        value: outrider_bytes,
        ttl_ns: u64,
    ) -> outrider_status,
    pub add: unsafe extern "C" fn(
        *const outrider_host,
        key: outrider_bytes,
        amount: i64,
        ttl_ns: u64,
        sum: *mut i64,
    ) -> outrider_status,
    pub remove: unsafe extern "C" fn(*const outrider_host, key: outrider_bytes) -> outrider_status,
    pub next: unsafe extern "C" fn(
        *const outrider_host,
        prefix: outrider_bytes,
        cursor: *mut u64,
        buffer: *mut c_void,
        capacity: usize,
        got: *mut usize,
    ) -> outrider_status,
}
