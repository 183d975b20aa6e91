//! What is sent on a WebSocket, by any thread.

use super::{raw, Message, OwnedMessage};
use crate::bytes::bytes_of;
use crate::field::{raw as raw_fields, Field};
use crate::refused::Refused;
use crate::send::{body_event, with_owned, Sender};
use crate::status::{accepted, done, Accepted, Error};
use std::mem::size_of;
use std::ptr::null_mut;

impl Sender {
    fn websocket(&self) -> Result<&'static raw::outrider_websocket, Error> {
        // SAFETY: the extension has this table.
        unsafe { self.host.extension(raw::WEBSOCKET) }.ok_or(Error::UNSUPPORTED)
    }

    /// Accepts the handshake.
    pub(crate) fn accept(&self, subprotocol: Option<&str>, fields: &[Field<'_>]) -> Result<(), Error> {
        let options = raw::outrider_websocket_options {
            size: size_of::<raw::outrider_websocket_options>() as u32,
            flags: 0,
            subprotocol: bytes_of(subprotocol.unwrap_or("").as_bytes()),
            fields: raw_fields(fields),
            n_fields: fields.len(),
        };
        // SAFETY: as for all calls here: the tables live for ever, and what is passed is borrowed during the call.
        done(unsafe { (self.websocket()?.accept)(self.host.table(), self.exchange, &options) })
    }

    /// A whole message, which the host copies.
    pub(crate) fn message(&self, message: Message<'_>) -> Result<Accepted, Error> {
        let table = self.websocket()?;
        let send = if message.is_text() { table.text } else { table.binary };
        // SAFETY: as above.
        accepted(unsafe { send(self.host.table(), self.exchange, bytes_of(message.as_bytes())) })
    }

    /// A part of a message, which the host copies.
    pub(crate) fn message_part(&self, part: &[u8], is_text: bool, more: bool) -> Result<Accepted, Error> {
        let mut event = body_event(bytes_of(part), more, 0, None, null_mut());
        event.type_ = raw::EVENT_WEBSOCKET_MESSAGE;
        event.flags = if is_text { raw::TEXT } else { 0 };
        // SAFETY: the event begins as every event does, and the bytes are borrowed during the call.
        unsafe { self.event(&event) }
    }

    /// A whole message that the host keeps until it is sent, whatever its size.
    pub(crate) fn owned_message(&self, message: OwnedMessage) -> Result<Accepted, Refused<OwnedMessage>> {
        let is_text = message.as_message().is_text();
        with_owned(message.into_bytes(), |bytes, release, context| {
            let mut event = body_event(bytes, false, 0, release, context);
            event.type_ = raw::EVENT_WEBSOCKET_MESSAGE;
            event.flags = if is_text { raw::TEXT } else { 0 };
            // SAFETY: the event begins as every event does, and the bytes stay until release is called.
            unsafe { self.event(&event) }
        })
        .map_err(|Refused { error, value }| Refused { error, value: OwnedMessage::from_bytes(value, is_text) })
    }

    /// A Close.
    pub(crate) fn close_websocket(&self, code: u16, reason: &str) -> Result<(), Error> {
        let reason = bytes_of(reason.as_bytes());
        // SAFETY: as above.
        done(unsafe { (self.websocket()?.close)(self.host.table(), self.exchange, code.into(), reason) })
    }
}
