//! `outrider/websocket.h`: the extension `outrider.websocket/1`.
#![allow(non_camel_case_types, missing_docs)]

use super::{outrider_bytes, outrider_exchange, outrider_field, outrider_host, outrider_status};

/// The name of the extension, NUL-terminated.
pub const WEBSOCKET: &[u8] = b"outrider.websocket/1\0";

pub const HEAD_WEBSOCKET: u32 = 0x80;
pub const EVENT_WEBSOCKET_MESSAGE: u32 = 65;
pub const EVENT_WEBSOCKET_CLOSE: u32 = 67;

pub const TEXT: u32 = 0x100;
pub const PARTS: u32 = 0x01;

pub const NORMAL: u32 = 1000;
pub const GOING_AWAY: u32 = 1001;
pub const PROTOCOL_ERROR: u32 = 1002;
pub const UNSUPPORTED_DATA: u32 = 1003;
pub const NO_STATUS: u32 = 1005;
pub const INVALID_DATA: u32 = 1007;
pub const POLICY: u32 = 1008;
pub const TOO_BIG: u32 = 1009;
pub const INTERNAL_ERROR: u32 = 1011;
pub const SERVICE_RESTART: u32 = 1012;
pub const TRY_AGAIN_LATER: u32 = 1013;
pub const MAX_REASON: u32 = 123;

#[repr(C)]
pub struct outrider_websocket_options {
    pub size: u32,
    pub flags: u32,
    pub subprotocol: outrider_bytes,
    pub fields: *const outrider_field,
    pub n_fields: usize,
}

#[repr(C)]
pub struct outrider_websocket_close_event {
    pub size: u32,
    pub type_: u32,
    pub tag: u64,
    pub code: u32,
    pub by_host: u32,
    pub reason: outrider_bytes,
}

/// The host owns the table, which may have further functions.
#[repr(C)]
pub struct outrider_websocket {
    pub size: u32,
    pub reserved: u32,
    pub accept: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        options: *const outrider_websocket_options,
    ) -> outrider_status,
    pub text: unsafe extern "C" fn(*const outrider_host, outrider_exchange, outrider_bytes) -> outrider_status,
    pub binary: unsafe extern "C" fn(*const outrider_host, outrider_exchange, outrider_bytes) -> outrider_status,
    pub close: unsafe extern "C" fn(
        *const outrider_host,
        outrider_exchange,
        code: u32,
        reason: outrider_bytes,
    ) -> outrider_status,
}
