//! A WebSocket in event style.

use super::Handle;
use crate::refused::Refused;
use crate::status::{Accepted, Error};
use crate::websocket::{has_ended, Message, OwnedMessage, INTERNAL_ERROR};
use std::mem::ManuallyDrop;

/// An accepted WebSocket (RFC 6455). `[any-thread]` It may be kept, and sent to another thread; one thread at a time sends.
///
/// [`receive`](WebSocket::receive) allows a message, which is [`Event::Message`](super::Event::Message);
/// [`Event::Closed`](super::Event::Closed) says how it ends. After [`Accepted::Paused`], wait for
/// [`Event::Resumed`](super::Event::Resumed) before more is sent. After [`Error::AGAIN`], nothing was accepted, and the same
/// event follows. A worker that drains closes it with 1012 (service restart) within `server.graceful_timeout`, unless the
/// handler closes it first.
///
/// ```
/// use outrider::event::{Event, EventHandler, Request, WebSocket};
/// use outrider::{Accepted, Failure, Loading, Plugin};
///
/// struct Echo;
///
/// impl Plugin for Echo {
///     fn load(_: &Loading<'_>) -> Result<Self, Failure> {
///         Ok(Echo)
///     }
/// }
///
/// impl EventHandler for Echo {
///     type Exchange = Option<WebSocket>;
///
///     fn open(&self, request: Request<'_>) -> Result<Self::Exchange, Failure> {
///         if !request.head().is_websocket() {
///             request.respond(426, &[], "this is a WebSocket\n")?;
///             return Ok(None);
///         }
///         let socket = request.accept(None, &[])?;
///         socket.receive(1)?;
///         Ok(Some(socket))
///     }
///
///     fn event(&self, socket: &mut Self::Exchange, event: Event<'_>) -> Result<(), Failure> {
///         match (socket, event) {
///             (Some(socket), Event::Message(message)) => {
///                 if socket.send(message)? == Accepted::Sent {
///                     socket.receive(1)?;
///                 }
///             }
///             (Some(socket), Event::Resumed) => socket.receive(1)?,
///             _ => {}
///         }
///         Ok(())
///     }
/// }
///
/// outrider::plugin!(Echo: event);
/// # fn main() {}
/// ```
///
/// If it is dropped while it is open, as after a failure or a panic, it is closed with 1011 (internal error).
pub struct WebSocket {
    handle: Handle,
}

impl WebSocket {
    pub(super) fn new(handle: Handle) -> WebSocket {
        WebSocket { handle }
    }

    /// The handle, for timers and threads.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// Allows so many more messages. Without credit, nothing is read from the client.
    pub fn receive(&self, credit: u32) -> Result<(), Error> {
        self.handle.sender().receive(credit)
    }

    /// Sends a message, which the host copies: text if it is a `&str`, binary if it is a `&[u8]`, or a
    /// [`Message`](crate::websocket::Message) of either kind.
    ///
    /// [`Error::LIMIT`]: it is larger than `limits.output`; see [`send_owned`](WebSocket::send_owned).
    pub fn send<'m>(&self, message: impl Into<Message<'m>>) -> Result<Accepted, Error> {
        self.handle.sender().message(message.into())
    }

    /// The same with a message of any size, which the host does not copy but keeps.
    pub fn send_owned(&self, message: OwnedMessage) -> Result<Accepted, Refused<OwnedMessage>> {
        self.handle.sender().owned_message(message)
    }

    /// Sends a Close. The exchange ends when the client has answered it. Code 0 sends none; a reason is cut at 123 bytes.
    /// [`Error::INVALID`]: a code that may not be sent (RFC 6455 section 7.4).
    pub fn close(self, code: u16, reason: &str) -> Result<(), Error> {
        let sent = self.handle.sender().close_websocket(code, reason);
        if sent.is_ok() {
            let _ = ManuallyDrop::new(self);
        }
        sent
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        if !has_ended(self.handle.sender().exchange) {
            // A refusal means that the exchange is over.
            let _ = self.handle.sender().close_websocket(INTERNAL_ERROR, "");
        }
    }
}
