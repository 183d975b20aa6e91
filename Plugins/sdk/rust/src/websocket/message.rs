//! Messages, and the end.

use super::raw;
use crate::bytes::as_bytes;
use crate::sys;

/// A whole message, where the host has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// # Safety
    /// The event is the host's, of a WebSocket that was accepted without PARTS, and lives for `'a`.
    pub(crate) unsafe fn of(event: &sys::outrider_body_event) -> Message<'a> {
        let bytes = as_bytes(event.bytes);
        if event.flags & raw::TEXT != 0 {
            // The host has checked the text of a whole message.
            Message::Text(std::str::from_utf8_unchecked(bytes))
        } else {
            Message::Binary(bytes)
        }
    }

    /// The bytes of either kind.
    pub fn as_bytes(&self) -> &'a [u8] {
        match *self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Message::Text(_))
    }

    /// A copy.
    pub fn to_owned(&self) -> OwnedMessage {
        match *self {
            Message::Text(text) => OwnedMessage::Text(text.to_owned()),
            Message::Binary(bytes) => OwnedMessage::Binary(bytes.to_owned()),
        }
    }
}

/// A whole message with its own memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OwnedMessage {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl OwnedMessage {
    /// The message, borrowed.
    pub fn as_message(&self) -> Message<'_> {
        match self {
            OwnedMessage::Text(text) => Message::Text(text),
            OwnedMessage::Binary(bytes) => Message::Binary(bytes),
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            OwnedMessage::Text(text) => text.into_bytes(),
            OwnedMessage::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>, is_text: bool) -> OwnedMessage {
        if is_text {
            // SAFETY: they were those of a text.
            OwnedMessage::Text(unsafe { String::from_utf8_unchecked(bytes) })
        } else {
            OwnedMessage::Binary(bytes)
        }
    }
}

impl<'a> From<&'a OwnedMessage> for Message<'a> {
    fn from(message: &'a OwnedMessage) -> Message<'a> {
        message.as_message()
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Message<'a> {
        Message::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Message<'a> {
        Message::Binary(bytes)
    }
}

/// How a WebSocket ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed<'a> {
    /// Of the client's Close, or that the host has sent because of the client, or [`NO_STATUS`](super::NO_STATUS).
    pub code: u16,
    /// The reason.
    pub reason: &'a str,
    /// The host closes it: a violation of the protocol, a limit, a deadline, or a drain.
    pub by_host: bool,
}

impl<'a> Closed<'a> {
    /// # Safety
    /// The event is the host's, and lives for `'a`.
    pub(crate) unsafe fn of(event: &raw::outrider_websocket_close_event) -> Closed<'a> {
        // The host has checked the reason of a Close, and its own are ASCII.
        let reason = std::str::from_utf8(as_bytes(event.reason)).unwrap_or("");
        Closed { code: event.code as u16, reason, by_host: event.by_host != 0 }
    }
}
