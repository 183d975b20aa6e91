//! What WebSockets (RFC 6455) of both styles have in common.
//!
//! A WebSocket begins with a request, its handshake, for which [`Head::is_websocket`](crate::Head::is_websocket) is true. A
//! handler accepts it, by [`event::Request::accept`](crate::event::Request::accept) or
//! [`future::Request::accept`](crate::future::Request::accept), or responds, which refuses it. The host owns frames, pings,
//! limits and deadlines; see outrider-extensions(7).

mod ended;
mod message;
mod sending;

pub(crate) use ended::{has_ended, note_end};
pub use message::{Closed, Message, OwnedMessage};

use crate::sys::websocket as raw;

/// The purpose is fulfilled.
pub const NORMAL: u16 = raw::NORMAL as u16;
/// The endpoint goes away.
pub const GOING_AWAY: u16 = raw::GOING_AWAY as u16;
/// The client has violated the protocol.
pub const PROTOCOL_ERROR: u16 = raw::PROTOCOL_ERROR as u16;
/// Messages of that kind are not accepted.
pub const UNSUPPORTED_DATA: u16 = raw::UNSUPPORTED_DATA as u16;
/// The client's Close had no code. It is not sent.
pub const NO_STATUS: u16 = raw::NO_STATUS as u16;
/// A message was not what its kind says.
pub const INVALID_DATA: u16 = raw::INVALID_DATA as u16;
/// A message violates the policy of the endpoint.
pub const POLICY: u16 = raw::POLICY as u16;
/// A message is too large.
pub const TOO_BIG: u16 = raw::TOO_BIG as u16;
/// The handler has failed.
pub const INTERNAL_ERROR: u16 = raw::INTERNAL_ERROR as u16;
/// The worker drains: come again.
pub const SERVICE_RESTART: u16 = raw::SERVICE_RESTART as u16;
/// Come again later.
pub const TRY_AGAIN_LATER: u16 = raw::TRY_AGAIN_LATER as u16;
