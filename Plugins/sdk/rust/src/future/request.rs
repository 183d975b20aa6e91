//! A request of an async handler.

use super::state::Phase;
use super::task::Header;
use super::{sleep, spawn, Body, Draining, Response, Sleep, WebSocket};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::field::Field;
use crate::head::Head;
use crate::host::{Host, Level};
use crate::responded::Responded;
use crate::status::{Accepted, Error};
use crate::sys;
use std::future::Future;
use std::time::Duration;

/// A request that is not yet answered. `[loop]` It lives for `'a`: until its future is over.
pub struct Request<'a> {
    head: Head<'a>,
    header: &'a Header,
}

impl<'a> Request<'a> {
    pub(super) fn new(head: Head<'a>, header: &'a Header) -> Request<'a> {
        Request { head, header }
    }

    /// The head.
    #[inline]
    pub fn head(&self) -> Head<'a> {
        self.head
    }

    /// The exchange, for notes in the logs and the facts of TLS.
    pub fn exchange(&self) -> Exchange<'a> {
        let sender = self.header.state.sender;
        Exchange::new(sender.host, sender.exchange)
    }

    /// The content of the request, which may still be read when the response has begun.
    #[inline]
    pub fn body(&self) -> Body<'a> {
        Body::new(&self.header.state)
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
        self.header.state.sender.informational(status, fields)
    }

    /// Sends a whole response: a status from 200 to 999, fields and content, which the host copies. The host adds
    /// content-length, Date and Server.
    ///
    /// [`Error::INVALID`]: a malformed or reserved field, or content with 204, 205 or 304; nothing was sent.
    #[inline]
    pub fn respond(self, status: u32, fields: &[Field<'_>], content: impl AsRef<[u8]>) -> Result<Responded, Error> {
        let content = content.as_ref();
        if content.len() as u64 > self.header.runtime.output_limit.get() {
            return self.respond_owned(status, fields, content.to_vec());
        }
        self.header.state.sender.response(status, fields, content)?;
        Ok(self.responded())
    }

    /// The same with content that the host does not copy but keeps.
    pub fn respond_owned(self, status: u32, fields: &[Field<'_>], content: Vec<u8>) -> Result<Responded, Error> {
        self.header.state.sender.owned_response(status, fields, content)?;
        Ok(self.responded())
    }

    /// Sends the head of a response whose content follows. With a content-length field, exactly that many bytes must be
    /// written.
    pub fn start(self, status: u32, fields: &[Field<'_>]) -> Result<Response<'a>, Error> {
        self.begin(status, fields, 0)
    }

    /// The same for a response that [`Response::trailers`] ends.
    pub fn start_with_trailers(self, status: u32, fields: &[Field<'_>]) -> Result<Response<'a>, Error> {
        self.begin(status, fields, sys::TRAILERS_FOLLOW)
    }

    /// Accepts the handshake of a WebSocket, with one of the subprotocols that the client offers, and further fields.
    ///
    /// [`Error::INVALID`]: the request is no handshake ([`Head::is_websocket`](crate::Head::is_websocket)), or the client does
    /// not offer the subprotocol, or a field is malformed. [`Error::UNSUPPORTED`]: the host has no WebSockets.
    pub fn accept(self, subprotocol: Option<&str>, fields: &[Field<'_>]) -> Result<WebSocket<'a>, Error> {
        self.header.state.sender.accept(subprotocol, fields)?;
        self.header.state.phase.set(Phase::WebSocket);
        Ok(WebSocket::new(self.header))
    }

    /// Waits on the loop's timers.
    pub fn sleep(&self, time: Duration) -> Sleep {
        sleep(self.header.state.sender.host, time)
    }

    /// Waits until the worker is draining: finish soon. Nothing is cut off yet.
    pub fn draining(&self) -> Draining<'a> {
        Draining::new(&self.header.state)
    }

    /// Runs a future on the loop that outlives the request; see [`Worker::spawn`](crate::Worker::spawn).
    pub fn spawn(&self, future: impl Future<Output = Result<(), Failure>> + 'static) {
        spawn::spawn(&self.header.runtime, future);
    }

    /// Writes a line to the error log, with the request's id.
    pub fn log(&self, level: Level, message: &str) {
        self.exchange().log(level, message);
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.header.state.sender.host
    }

    fn begin(self, status: u32, fields: &[Field<'_>], flags: u32) -> Result<Response<'a>, Error> {
        self.header.state.sender.start(status, fields, flags)?;
        self.header.state.phase.set(Phase::Content);
        Ok(Response::new(self.header, flags != 0))
    }

    #[inline]
    fn responded(&self) -> Responded {
        self.header.state.phase.set(Phase::Over);
        Responded(())
    }
}
