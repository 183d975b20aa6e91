//! A request of the event style, and what responds to it.

use super::{Handle, Response, WebSocket};
use crate::exchange::Exchange;
use crate::field::Field;
use crate::head::Head;
use crate::status::{Accepted, Error};
use crate::sys;
use std::mem::ManuallyDrop;

/// A request that has arrived. `[loop]` It lives for `'a`: until `open` returns.
pub struct Request<'a> {
    head: Head<'a>,
    responder: Responder,
}

impl<'a> Request<'a> {
    pub(super) fn new(head: Head<'a>, handle: Handle) -> Request<'a> {
        Request { head, responder: Responder { handle } }
    }

    /// The head.
    #[inline]
    pub fn head(&self) -> Head<'a> {
        self.head
    }

    /// The exchange, for notes in the logs and the facts of TLS.
    pub fn exchange(&self) -> Exchange<'a> {
        let sender = self.responder.handle.sender();
        Exchange::new(sender.host, sender.exchange)
    }

    /// The handle, for content, timers and threads.
    pub fn handle(&self) -> Handle {
        self.responder.handle
    }

    /// As [`Responder::early_hints`].
    #[inline]
    pub fn early_hints(&self, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        self.responder.early_hints(fields)
    }

    /// As [`Responder::respond`].
    #[inline]
    pub fn respond(self, status: u32, fields: &[Field<'_>], content: impl AsRef<[u8]>) -> Result<(), Error> {
        self.responder.respond(status, fields, content)
    }

    /// As [`Responder::start`].
    pub fn start(self, status: u32, fields: &[Field<'_>]) -> Result<Response, Error> {
        self.responder.start(status, fields)
    }

    /// As [`Responder::accept`].
    pub fn accept(self, subprotocol: Option<&str>, fields: &[Field<'_>]) -> Result<WebSocket, Error> {
        self.responder.accept(subprotocol, fields)
    }

    /// What responds later.
    #[inline]
    pub fn into_responder(self) -> Responder {
        self.responder
    }
}

/// What responds to one request. `[any-thread]` It may be kept, and sent to another thread.
///
/// If it is dropped, the client gets the server's own page with status 500.
pub struct Responder {
    handle: Handle,
}

impl Responder {
    /// The handle, for content, timers and threads.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// Sends 103 (Early Hints, RFC 8297) at once. May be repeated. The results are those of
    /// [`blocking::Request::early_hints`](crate::blocking::Request::early_hints).
    #[inline]
    pub fn early_hints(&self, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        self.informational(103, fields)
    }

    /// Sends an informational response (RFC 9110 section 15.2), with a status from 102 to 199.
    #[inline]
    pub fn informational(&self, status: u32, fields: &[Field<'_>]) -> Result<Accepted, Error> {
        self.handle.sender().informational(status, fields)
    }

    /// Sends a whole response: a status from 200 to 999, fields and content, which the host copies. The host adds
    /// content-length, Date and Server.
    ///
    /// [`Error::LIMIT`]: the content is larger than `limits.output`; see [`respond_owned`](Responder::respond_owned).
    #[inline]
    pub fn respond(self, status: u32, fields: &[Field<'_>], content: impl AsRef<[u8]>) -> Result<(), Error> {
        let sender = *self.handle.sender();
        sender.response(status, fields, content.as_ref()).map(|()| self.taken(()))
    }

    /// The same with content of any size, which the host does not copy but keeps.
    pub fn respond_owned(self, status: u32, fields: &[Field<'_>], content: Vec<u8>) -> Result<(), Error> {
        let sender = *self.handle.sender();
        sender.owned_response(status, fields, content).map(|()| self.taken(()))
    }

    /// Sends the head of a response whose content follows. With a content-length field, exactly that many bytes must be
    /// written.
    pub fn start(self, status: u32, fields: &[Field<'_>]) -> Result<Response, Error> {
        self.begin(status, fields, 0)
    }

    /// The same for a response that [`Response::trailers`] ends.
    pub fn start_with_trailers(self, status: u32, fields: &[Field<'_>]) -> Result<Response, Error> {
        self.begin(status, fields, sys::TRAILERS_FOLLOW)
    }

    /// Accepts the handshake of a WebSocket, with one of the subprotocols that the client offers, and further fields.
    ///
    /// [`Error::INVALID`]: the request is no handshake ([`Head::is_websocket`](crate::Head::is_websocket)), or the client does
    /// not offer the subprotocol, or a field is malformed. [`Error::UNSUPPORTED`]: the host has no WebSockets.
    pub fn accept(self, subprotocol: Option<&str>, fields: &[Field<'_>]) -> Result<WebSocket, Error> {
        self.handle.sender().accept(subprotocol, fields)?;
        let handle = self.handle;
        Ok(self.taken(WebSocket::new(handle)))
    }

    /// Ends the exchange without a response of the plugin's: with the server's own page, 504 for [`Error::CANCELLED`], or
    /// else 500.
    pub fn abort(self, reason: Error) {
        ManuallyDrop::new(self).handle.sender().abort(reason);
    }

    fn begin(self, status: u32, fields: &[Field<'_>], flags: u32) -> Result<Response, Error> {
        let sender = *self.handle.sender();
        sender.start(status, fields, flags)?;
        Ok(self.taken(Response::new(sender, flags != 0)))
    }

    /// Nothing is left to be aborted.
    #[inline]
    fn taken<R>(self, result: R) -> R {
        let _ = ManuallyDrop::new(self);
        result
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.handle.sender().abort(Error::FAILED);
    }
}
