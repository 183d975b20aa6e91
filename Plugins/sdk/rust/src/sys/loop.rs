//! `outrider/loop.h`: the extension `outrider.loop/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_exchange, outrider_host, outrider_status};
use std::ffi::c_void;

/// The name of the extension, NUL-terminated.
pub const LOOP: &[u8] = b"outrider.loop/1\0";

pub const READABLE: u32 = 0x0001;
pub const PRIORITY: u32 = 0x0002;
pub const WRITABLE: u32 = 0x0004;
pub const ERROR: u32 = 0x0008;
pub const HANGUP: u32 = 0x0010;
pub const PEER_CLOSED: u32 = 0x2000;

pub const MAX_WATCHES: u32 = 65536;

#[repr(C)]
pub struct outrider_loop {
    pub size: u32,
    pub reserved: u32,
    pub own: unsafe extern "C" fn(
        *const outrider_host,
        run_loop: unsafe extern "C" fn(state: *mut c_void),
    ) -> outrider_status,
    pub watch: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        fd: i32,
        events: u32,
        run: unsafe extern "C" fn(context: *mut c_void, why: outrider_status, events: u32),
        context: *mut c_void,
        id: *mut u64,
    ) -> outrider_status,
    pub change: unsafe extern "C" fn(*const outrider_host, id: u64, events: u32) -> outrider_status,
    pub unwatch: unsafe extern "C" fn(*const outrider_host, id: u64) -> outrider_status,
    pub descriptor: unsafe extern "C" fn(*const outrider_host) -> i32,
    pub dispatch: unsafe extern "C" fn(*const outrider_host, max_ns: u64) -> outrider_status,
}
