//! `outrider/config.h`: the extension `outrider.config/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_bytes, outrider_host, outrider_status};
use std::os::raw::c_char;

/// The name of the extension, NUL-terminated.
pub const CONFIG: &[u8] = b"outrider.config/1\0";

pub const ROOT: u32 = 1;

pub const TABLE: u32 = 1;
pub const ARRAY: u32 = 2;
pub const STRING: u32 = 3;
pub const INTEGER: u32 = 4;
pub const FLOAT: u32 = 5;
pub const BOOLEAN: u32 = 6;
pub const DATE: u32 = 7;

pub const HAS_DATE: u32 = 0x01;
pub const HAS_TIME: u32 = 0x02;
pub const HAS_OFFSET: u32 = 0x04;

pub const MAX_MESSAGE: u32 = 512;
pub const MAX_ERRORS: u32 = 100;
pub const MAX_KEYS: u32 = 1024;

#[repr(C)]
pub struct outrider_config_date {
    pub size: u32,
    pub parts: u32,
    pub year: u32,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub nanosecond: u32,
    pub offset_minutes: i32,
}

#[repr(C)]
pub struct outrider_config {
    pub size: u32,
    pub reserved: u32,
    pub find: unsafe extern "C" fn(*const outrider_host, table: u32, key: *const c_char) -> u32,
    pub type_: unsafe extern "C" fn(*const outrider_host, value: u32) -> u32,
    pub count: unsafe extern "C" fn(*const outrider_host, value: u32) -> u32,
    pub at: unsafe extern "C" fn(*const outrider_host, value: u32, index: u32) -> u32,
    pub key: unsafe extern "C" fn(*const outrider_host, value: u32) -> outrider_bytes,
    pub text: unsafe extern "C" fn(*const outrider_host, value: u32) -> outrider_bytes,
    pub integer: unsafe extern "C" fn(*const outrider_host, value: u32) -> i64,
    pub number: unsafe extern "C" fn(*const outrider_host, value: u32) -> f64,
    pub date:
        unsafe extern "C" fn(*const outrider_host, value: u32, date: *mut outrider_config_date) -> outrider_status,
    pub folder: unsafe extern "C" fn(*const outrider_host) -> outrider_bytes,
    pub error: unsafe extern "C" fn(
        *const outrider_host,
        value: u32,
        key: *const c_char,
        message: outrider_bytes,
    ) -> outrider_status,
    pub expect:
        unsafe extern "C" fn(*const outrider_host, table: u32, keys: *const *const c_char, n: u32) -> outrider_status,
}
