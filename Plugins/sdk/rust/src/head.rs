//! The head of a request.

use crate::bytes::as_bytes;
use crate::field::{fields_of, value_of, Field};
use crate::sys;

/// The version of HTTP of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

/// The head of a request, which the host owns. It lives for `'a`: until the exchange is over.
///
/// Bytes are as the client sent them, and not necessarily UTF-8.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    head: &'a sys::outrider_head,
}

impl<'a> Head<'a> {
    /// # Safety
    /// The head lives for `'a`.
    #[inline]
    pub(crate) unsafe fn new(head: *const sys::outrider_head) -> Head<'a> {
        Head { head: &*head }
    }

    fn bytes(&self, bytes: sys::outrider_bytes) -> &'a [u8] {
        // SAFETY: everything that the head points to lives as long as the head.
        unsafe { as_bytes(bytes) }
    }

    fn has(&self, flag: u32) -> bool {
        self.head.flags & flag != 0
    }

    /// The version of HTTP.
    pub fn version(&self) -> Version {
        match self.head.http_version {
            sys::HTTP_1_0 => Version::Http10,
            sys::HTTP_2 => Version::Http2,
            _ => Version::Http11,
        }
    }

    /// The method, a case-sensitive token: `b"GET"`.
    #[inline]
    pub fn method(&self) -> &'a [u8] {
        self.bytes(self.head.method)
    }

    /// `b"http"` or `b"https"`, as the client sees it.
    pub fn scheme(&self) -> &'a [u8] {
        self.bytes(self.head.scheme)
    }

    /// Host, `:authority` or the authority of an absolute target. It may be empty over HTTP/1.0.
    pub fn authority(&self) -> &'a [u8] {
        self.bytes(self.head.authority)
    }

    /// The target as it was received (RFC 9112 section 3.2).
    pub fn target(&self) -> &'a [u8] {
        self.bytes(self.head.target)
    }

    /// The path of the target as it was received: with the mount, neither decoded nor normalized.
    pub fn raw_path(&self) -> &'a [u8] {
        self.bytes(self.head.raw_path)
    }

    /// The path, decoded once, without dot segments and without the mount. It begins with `/`, or is `*` for `OPTIONS *`.
    #[inline]
    pub fn path(&self) -> &'a [u8] {
        self.bytes(self.head.path)
    }

    /// The query as it was received, without the `?`.
    #[inline]
    pub fn query(&self) -> &'a [u8] {
        self.bytes(self.head.query)
    }

    /// The prefix that was removed from the path, without a `/` at its end. Empty for a plugin that is mounted on `/`.
    pub fn mount(&self) -> &'a [u8] {
        self.bytes(self.head.mount)
    }

    /// The client's address as text, without the port. Empty on a unix socket.
    pub fn client_address(&self) -> &'a [u8] {
        self.bytes(self.head.client_address)
    }

    /// The client's port; 0 on a unix socket.
    pub fn client_port(&self) -> u16 {
        self.head.client_port as u16
    }

    /// The server's address as text, without the port. Empty on a unix socket.
    pub fn server_address(&self) -> &'a [u8] {
        self.bytes(self.head.server_address)
    }

    /// The server's port; 0 on a unix socket.
    pub fn server_port(&self) -> u16 {
        self.head.server_port as u16
    }

    /// The id of the request: 1 to 128 characters, the same as in the logs.
    pub fn request_id(&self) -> &'a [u8] {
        self.bytes(self.head.request_id)
    }

    /// The subject of the verified client certificate, or empty.
    pub fn tls_subject(&self) -> &'a [u8] {
        self.bytes(self.head.tls_subject)
    }

    /// All fields, in the order in which they were received.
    #[inline]
    pub fn fields(&self) -> &'a [Field<'a>] {
        // SAFETY: as in bytes().
        unsafe { fields_of(self.head.fields, self.head.n_fields) }
    }

    /// The value of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        value_of(self.fields(), name)
    }

    /// The length of the content, if the request announces it.
    pub fn content_length(&self) -> Option<u64> {
        u64::try_from(self.head.content_length).ok()
    }

    /// The time of CLOCK_MONOTONIC at which the host cancels the exchange, in nanoseconds. `None`: never.
    pub fn deadline_ns(&self) -> Option<u64> {
        Some(self.head.deadline_ns).filter(|&deadline| deadline != 0)
    }

    /// The client's connection to this server is TLS.
    pub fn is_tls(&self) -> bool {
        self.has(sys::HEAD_TLS)
    }

    /// A 103 would be sent. Otherwise [`Accepted::Skipped`](crate::Accepted::Skipped) is the result of sending one.
    pub fn may_hint(&self) -> bool {
        self.has(sys::HEAD_MAY_HINT)
    }

    /// The request announces content, which may be empty.
    pub fn has_body(&self) -> bool {
        self.has(sys::HEAD_HAS_BODY)
    }

    /// The method is HEAD: content is accepted, but not sent.
    pub fn is_head(&self) -> bool {
        self.has(sys::HEAD_HEAD_ONLY)
    }

    /// The request came by a proxy (Via, Forwarded, X-Forwarded-*, PROXY header, unix socket).
    pub fn is_proxied(&self) -> bool {
        self.has(sys::HEAD_PROXIED)
    }

    /// The client has sent `TE: trailers`.
    pub fn accepts_trailers(&self) -> bool {
        self.has(sys::HEAD_ACCEPTS_TRAILERS)
    }

    /// The request is the handshake of a WebSocket, which may be accepted: see [`websocket`](crate::websocket).
    pub fn is_websocket(&self) -> bool {
        self.has(sys::websocket::HEAD_WEBSOCKET)
    }

    /// The client offers that subprotocol for the WebSocket.
    pub fn offers(&self, subprotocol: &str) -> bool {
        let offers = self.fields().iter().filter(|field| field.is("sec-websocket-protocol"));
        offers
            .flat_map(|field| field.value().split(|&byte| byte == b','))
            .filter_map(|element| std::str::from_utf8(element).ok())
            .any(|element| !subprotocol.is_empty() && element.trim_matches(&[' ', '\t'][..]) == subprotocol)
    }

    /// The target is the mount itself, without a `/` behind it. The path is `/`.
    pub fn is_bare_mount(&self) -> bool {
        self.has(sys::HEAD_BARE_MOUNT)
    }
}
