//! A request in blocking style.

use super::{Body, Response};
use crate::bytes::bytes_of;
use crate::exchange::Exchange;
use crate::field::{fields_of, raw, Field};
use crate::head::Head;
use crate::host::{Host, Level};
use crate::responded::Responded;
use crate::status::{accepted, done, Accepted, Error};
use crate::sys;

/// A request that is not yet answered. `[request-thread]` It lives for `'a`: until the handler returns.
///
/// Every function may wait for the client. A call that waits returns [`Error::CLOSED`] when the client leaves, and
/// [`Error::CANCELLED`] on a deadline or when the worker must stop.
pub struct Request<'a> {
    pub(super) host: Host,
    pub(super) io: &'a sys::outrider_io,
    pub(super) exchange: sys::outrider_exchange,
    pub(super) head: Head<'a>,
}

impl<'a> Request<'a> {
    /// The head.
    #[inline]
    pub fn head(&self) -> Head<'a> {
        self.head
    }

    /// The exchange, for notes in the logs and the facts of TLS.
    pub fn exchange(&self) -> Exchange<'a> {
        Exchange::new(self.host, self.exchange)
    }

    /// The content of the request, which may still be read when the response has begun.
    #[inline]
    pub fn body(&self) -> Body<'a> {
        Body::new(self.io, self.exchange)
    }

    /// Sends 103 (Early Hints, RFC 8297): on the wire before this returns. May be repeated.
    ///
    /// [`Accepted::Skipped`]: HTTP/1.0, no fields, or hints are disabled. [`Error::LIMIT`]: `early_hints.max_per_request` or
    /// `early_hints.max_bytes` is exceeded.
    #[inline]
    pub fn early_hints(&self, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        self.informational(103, fields)
    }

    /// Sends an informational response (RFC 9110 section 15.2), with a status from 102 to 199.
    #[inline]
    pub fn informational(&self, status: u32, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        // SAFETY: this is the request's thread during handle(), and the fields are borrowed during the call.
        accepted(unsafe { (self.io.informational)(self.io, self.exchange, status, raw(fields), fields.len()) })
    }

    /// Sends a whole response: a status from 200 to 999, fields and content. The host adds content-length, Date and Server.
    ///
    /// [`Error::INVALID`]: a malformed or reserved field, or content with 204, 205 or 304; nothing was sent.
    #[inline]
    pub fn respond(self, status: u32, fields: &[Field<'_>], content: impl AsRef<[u8]>) -> Result<Responded, Error> {
        let content = bytes_of(content.as_ref());
        // SAFETY: as in informational().
        done(unsafe { (self.io.respond)(self.io, self.exchange, status, raw(fields), fields.len(), content) })?;
        Ok(Responded(()))
    }

    /// Begins a response whose content follows. With a content-length field, exactly that many bytes must be written. The
    /// head is held until the first of them, or until [`Response::flush`](std::io::Write::flush).
    #[inline]
    pub fn start(self, status: u32, fields: &[Field<'_>]) -> Result<Response<'a>, Error> {
        // SAFETY: as in informational().
        done(unsafe { (self.io.start)(self.io, self.exchange, status, raw(fields), fields.len()) })?;
        Ok(Response::new(self.io, self.exchange))
    }

    /// Whether the response is still needed. Cheap enough to be asked often during a long computation.
    pub fn check(&self) -> Result<(), Error> {
        self.exchange().check()
    }

    /// Writes a line to the error log, with the request's id.
    pub fn log(&self, level: Level, message: &str) {
        self.host.log_about(self.exchange, level, message);
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.host
    }
}

/// The trailer fields of a request.
///
/// # Safety
/// The exchange is that of the running handler, which returns after `'a`.
pub(super) unsafe fn trailers<'a>(
    io: &'a sys::outrider_io,
    exchange: sys::outrider_exchange,
) -> Result<&'a [Field<'a>], Error> {
    let mut fields = std::ptr::null();
    let mut n = 0;
    done((io.request_trailers)(io, exchange, &mut fields, &mut n))?;
    Ok(fields_of(fields, n))
}
