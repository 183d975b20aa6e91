//! A request that a mock host has passed to the plugin.

use super::{Mock, Response};
use crate::bytes::{as_bytes, bytes_of};
use crate::sys::testing as raw;
use std::ffi::CString;

/// A request with its response.
pub struct Exchange<'m> {
    pub(super) mock: &'m Mock,
    pub(super) exchange: *mut raw::outrider_mock_exchange,
}

impl Exchange<'_> {
    /// What the client has received so far.
    pub fn response(&self) -> Response {
        // SAFETY: the mock owns the exchange and lives, and the response is copied before the next call.
        unsafe { Response::new(raw::outrider_mock_response_of(self.exchange)) }
    }

    /// Delivers more of the content, and runs what is due.
    pub fn feed(&self, bytes: impl AsRef<[u8]>) {
        // SAFETY: as above; the bytes are borrowed during the call.
        unsafe { raw::outrider_mock_feed(self.exchange, bytes_of(bytes.as_ref())) }
        self.mock.run();
    }

    /// Ends the content, and runs what is due.
    pub fn end_body(&self) {
        // SAFETY: as above.
        unsafe { raw::outrider_mock_end_body(self.exchange, std::ptr::null(), 0) }
        self.mock.run();
    }

    /// Disconnects the client, and runs what is due.
    pub fn leave(&self) {
        // SAFETY: as above.
        unsafe { raw::outrider_mock_leave(self.exchange) }
        self.mock.run();
    }

    /// Lets a slow client receive up to `n` more bytes, head and framing included, and runs what is due.
    pub fn take(&self, n: usize) {
        // SAFETY: as above.
        unsafe { raw::outrider_mock_take(self.exchange, n) }
        self.mock.run();
    }

    /// What the plugin has noted for the logs under that key.
    pub fn note(&self, key: &str) -> Option<String> {
        let key = CString::new(key).expect("a key without NUL");
        // SAFETY: as above; the value is copied before the next call.
        let value = unsafe { raw::outrider_mock_note(self.exchange, key.as_ptr()) };
        if value.data.is_null() {
            return None;
        }
        Some(String::from_utf8_lossy(unsafe { as_bytes(value) }).into_owned())
    }
}
