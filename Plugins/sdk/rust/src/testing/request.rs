//! A request to a mock host.

use super::OwnedField;
use crate::bytes::bytes_of;
use crate::field::{raw as raw_fields, Field};
use crate::head::Version;
use crate::sys::{self, testing as raw};
use std::ffi::CString;
use std::mem::size_of;

/// A request. It is `GET / HTTP/1.1` without content, unless it says otherwise.
#[derive(Clone)]
pub struct Request {
    method: CString,
    target: CString,
    version: u32,
    flags: u32,
    fields: Vec<OwnedField>,
    body: Vec<u8>,
    piece: u32,
    pub(super) content: Vec<Vec<u8>>,
}

fn text(text: &str) -> CString {
    CString::new(text).expect("text without NUL")
}

impl Request {
    /// A request with that method and target.
    pub fn new(method: &str, target: &str) -> Request {
        Request {
            method: text(method),
            target: text(target),
            version: 0,
            flags: 0,
            fields: Vec::new(),
            body: Vec::new(),
            piece: 0,
            content: Vec::new(),
        }
    }

    /// `GET target`.
    pub fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    /// `POST target` with content.
    pub fn post(target: &str, content: impl Into<Vec<u8>>) -> Request {
        Request::new("POST", target).body(content)
    }

    /// The version of HTTP.
    pub fn version(mut self, version: Version) -> Request {
        self.version = match version {
            Version::Http10 => sys::HTTP_1_0,
            Version::Http11 => sys::HTTP_1_1,
            Version::Http2 => sys::HTTP_2,
        };
        self
    }

    /// One more field. Host, Content-Length and Transfer-Encoding are added by the mock.
    pub fn field(mut self, name: &str, value: &str) -> Request {
        self.fields.push((name.to_owned(), value.as_bytes().to_owned()));
        self
    }

    /// The content.
    pub fn body(mut self, content: impl Into<Vec<u8>>) -> Request {
        self.body = content.into();
        self
    }

    /// The content follows, by [`Exchange::feed`](super::Exchange::feed) and
    /// [`Exchange::end_body`](super::Exchange::end_body); its length is not announced. A handler in blocking style cannot
    /// wait for it, and is to be given [`body_in_pieces`](Request::body_in_pieces).
    pub fn body_follows(mut self) -> Request {
        self.flags |= raw::BODY_FOLLOWS;
        self
    }

    /// The content, one piece for each time that the plugin waits for more. Its length is not announced.
    pub fn body_in_pieces(mut self, pieces: &[&[u8]]) -> Request {
        self.flags |= raw::BODY_FOLLOWS;
        self.content = pieces.iter().rev().map(|piece| piece.to_vec()).collect();
        self
    }

    /// The most bytes of the content in one read or event.
    pub fn piece(mut self, bytes: u32) -> Request {
        self.piece = bytes;
        self
    }

    /// The client receives only what [`Exchange::take`](super::Exchange::take) lets it.
    pub fn slow(mut self) -> Request {
        self.flags |= raw::SLOW;
        self
    }

    /// The connection is TLS.
    pub fn tls(mut self) -> Request {
        self.flags |= raw::TLS;
        self
    }

    /// Hints are disabled.
    pub fn no_hints(mut self) -> Request {
        self.flags |= raw::NO_HINTS;
        self
    }

    /// The request as the mock reads it, within `body`.
    pub(super) fn with_raw<R>(&self, body: impl FnOnce(&mut raw::outrider_mock_request) -> R) -> R {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| Field::of_bytes(name, value)).collect();
        body(&mut raw::outrider_mock_request {
            size: size_of::<raw::outrider_mock_request>() as u32,
            flags: self.flags,
            http_version: self.version,
            piece: self.piece,
            method: self.method.as_ptr(),
            target: self.target.as_ptr(),
            authority: std::ptr::null(),
            fields: raw_fields(&fields),
            n_fields: fields.len(),
            body: bytes_of(&self.body),
            content_length: 0,
            trailers: std::ptr::null(),
            n_trailers: 0,
            wait: None,
            wait_context: std::ptr::null_mut(),
        })
    }
}
