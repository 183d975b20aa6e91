//! A WebSocket of an async handler.

use super::state::{Phase, Received, State};
use super::task::Header;
use crate::host::Host;
use crate::poll_fn::poll_fn;
use crate::responded::Responded;
use crate::status::{Accepted, Error};
use crate::websocket::{Message, OwnedMessage, NO_STATUS};
use std::task::{Context, Poll};

/// An accepted WebSocket (RFC 6455). `[loop]` It lives for `'a`: until its future is over.
///
/// ```
/// use outrider::future::Request;
/// use outrider::{Failure, Responded};
/// # struct Echo;
/// # impl Echo {
/// async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
///     let mut socket = request.accept(None, &[])?;
///     while let Some(message) = socket.next().await? {
///         socket.send(&message).await?;
///     }
///     Ok(socket.finish())
/// }
/// # }
/// ```
///
/// When the client leaves without a Close, the future is dropped where it waits. After a failure or a panic, the WebSocket is
/// closed with 1011 (internal error). A worker that drains closes it with 1012 (service restart) within
/// `server.graceful_timeout`, unless the handler closes it first.
pub struct WebSocket<'a> {
    header: &'a Header,
    closed: Option<(u16, String)>,
}

/// The most bytes of a message that one call passes to the host.
const MAX_PART: u64 = 256 * 1024;

impl<'a> WebSocket<'a> {
    pub(super) fn new(header: &'a Header) -> WebSocket<'a> {
        WebSocket { header, closed: None }
    }

    /// Waits for the next message. `None`: the WebSocket is closed, by the client or the host; [`closed`](WebSocket::closed) says
    /// how. No more is read from the client than is waited for.
    pub async fn next(&mut self) -> Result<Option<OwnedMessage>, Error> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`next`](WebSocket::next), for traits of other crates.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<OwnedMessage>, Error>> {
        if self.closed.is_some() {
            return Poll::Ready(Ok(None));
        }
        let state = self.state();
        match state.websocket.take().map(|received| *received) {
            Some(Received::Message(message)) => Poll::Ready(Ok(Some(message))),
            Some(Received::Closed { code, reason }) => {
                self.closed = Some((code, reason));
                Poll::Ready(Ok(None))
            }
            None => {
                if !state.is_asked.replace(true) {
                    if let Err(error) = state.sender.receive(1) {
                        return Poll::Ready(Err(error));
                    }
                }
                state.content.wait(context)
            }
        }
    }

    /// Sends a message of any size, which the host copies: text if it is a `&str`, binary if it is a `&[u8]`, or a
    /// [`Message`] of either kind. Waits while the client is slow. [`Error::CLOSED`]: the WebSocket is closed.
    pub async fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), Error> {
        let message = message.into();
        let mut rest = message.as_bytes();
        // The head of a frame takes room, too.
        let most = MAX_PART.min((self.header.runtime.output_limit.get() / 2).max(1)) as usize;
        loop {
            let part = &rest[..rest.len().min(most)];
            let more = part.len() < rest.len();
            poll_fn(|context| self.poll_part(context, part, message.is_text(), more)).await?;
            rest = &rest[part.len()..];
            if !more {
                return Ok(());
            }
        }
    }

    /// Sends a Close; [`next`](WebSocket::next) returns `None` when the client has answered it. Code 0 sends none; a reason is
    /// cut at 123 bytes. [`Error::INVALID`]: a code that may not be sent (RFC 6455 section 7.4).
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        if self.state().phase.get() != Phase::WebSocket {
            return Err(Error::CLOSED);
        }
        self.state().sender.close_websocket(code, reason)?;
        self.state().phase.set(Phase::Over);
        Ok(())
    }

    /// Ends the WebSocket: one that is open is closed with 1000.
    pub fn finish(mut self) -> Responded {
        // It is closed already, or the exchange is over.
        let _ = self.close(crate::websocket::NORMAL, "");
        Responded(())
    }

    /// The code of the client's Close, or of the host's, and its reason. `None`: [`next`](WebSocket::next) has not returned
    /// `None`.
    pub fn closed(&self) -> Option<(u16, &str)> {
        self.closed.as_ref().map(|(code, reason)| (*code, reason.as_str()))
    }

    /// The code of the client's Close, or of the host's; [`NO_STATUS`] before.
    pub fn close_code(&self) -> u16 {
        self.closed().map_or(NO_STATUS, |(code, _)| code)
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.state().sender.host
    }

    fn state(&self) -> &'a State {
        &self.header.state
    }

    fn poll_part(
        &mut self,
        context: &mut Context<'_>,
        part: &[u8],
        is_text: bool,
        more: bool,
    ) -> Poll<Result<(), Error>> {
        let state = self.state();
        loop {
            if state.phase.get() != Phase::WebSocket {
                return Poll::Ready(Err(Error::CLOSED));
            }
            if state.is_paused.get() {
                return state.room.wait(context);
            }
            let result = state.sender.message_part(part, is_text, more);
            if matches!(result, Ok(Accepted::Paused) | Err(Error::AGAIN)) {
                state.is_paused.set(true);
            }
            match result {
                Err(Error::AGAIN) => {}
                result => return Poll::Ready(result.map(drop)),
            }
        }
    }
}
