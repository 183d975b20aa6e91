//! The trait of event handlers, and the events.

use super::Request;
use crate::failure::Failure;
use crate::field::{fields_of, Field};
use crate::plugin::Plugin;
use crate::status::Error;
use crate::sys;
use crate::websocket::{Closed, Message};

/// A plugin in event style. Everything runs on the worker's loop, one call at a time, and must not wait.
///
/// ```
/// use outrider::event::{Event, EventHandler, Request, Responder};
/// use outrider::{Failure, Field, Loading, Plugin};
/// use std::time::Duration;
///
/// struct Hello;
///
/// impl Plugin for Hello {
///     fn load(_: &Loading<'_>) -> Result<Self, Failure> {
///         Ok(Hello)
///     }
/// }
///
/// impl EventHandler for Hello {
///     type Exchange = Option<Responder>;
///
///     fn open(&self, request: Request<'_>) -> Result<Self::Exchange, Failure> {
///         request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
///         let responder = request.into_responder();
///         responder.handle().after(Duration::from_millis(100), 0)?;
///         Ok(Some(responder))
///     }
///
///     fn event(&self, exchange: &mut Self::Exchange, event: Event<'_>) -> Result<(), Failure> {
///         if let Event::Timer(_) = event {
///             if let Some(responder) = exchange.take() {
///                 responder.respond(200, &[Field::new("content-type", "text/plain")], b"hello\n")?;
///             }
///         }
///         Ok(())
///     }
/// }
///
/// outrider::plugin!(Hello: event);
/// # fn main() {}
/// ```
///
/// What responds takes the responder:
///
/// ```compile_fail,E0382
/// # use outrider::{event::Responder, Failure};
/// fn twice(responder: Responder) -> Result<(), Failure> {
///     responder.respond(200, &[], b"one")?;
///     responder.respond(200, &[], b"two")?;
///     Ok(())
/// }
/// ```
pub trait EventHandler: Plugin {
    /// What is kept of an exchange until it is over. It is dropped when the response is complete or the client has left.
    type Exchange: 'static;

    /// Begins an exchange. `[loop]` Called when the head of a request is complete. The response may be sent here, or later by
    /// the [`Responder`](super::Responder).
    fn open(&self, request: Request<'_>) -> Result<Self::Exchange, Failure>;

    /// Takes an event of an exchange. `[loop]` After a failure or a panic, the value is dropped, and the error log gets a line.
    /// With a [`Responder`](super::Responder) in the value, the client gets the server's own page with status 500; with a
    /// [`Response`](super::Response), the response is cut off.
    fn event(&self, exchange: &mut Self::Exchange, event: Event<'_>) -> Result<(), Failure> {
        let _ = (exchange, event);
        Ok(())
    }
}

/// An event of an exchange.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A piece of the request's content; one for each credit of [`Handle::receive`](super::Handle::receive).
    Content {
        /// The bytes. Only the last piece may be empty.
        bytes: &'a [u8],
        /// Whether more content follows.
        more: bool,
    },
    /// The trailer fields of the request, after the last piece of the content.
    Trailers(&'a [Field<'a>]),
    /// A message of the WebSocket; one for each credit of [`WebSocket::receive`](super::WebSocket::receive).
    Message(Message<'a>),
    /// The WebSocket is closed, by the client or the host. Nothing more can be sent.
    Closed(Closed<'a>),
    /// The exchange is over: the client has left, a deadline has passed, or a limit is reached. Nothing follows.
    Disconnected(Error),
    /// The worker is draining: finish soon. Nothing is cut off yet.
    Draining,
    /// There is room again, after [`Accepted::Paused`](crate::Accepted::Paused) or [`Error::AGAIN`].
    Resumed,
    /// The kernel has all bytes of the part that was sent with this tag.
    Sent(u64),
    /// The time of [`Handle::after`](super::Handle::after) is over; with its token.
    Timer(u64),
    /// A call of [`Handle::post`](super::Handle::post); with its token.
    Posted(u64),
}

impl Event<'_> {
    /// What the host tells. `None`: an event of a later version, which is ignored.
    ///
    /// # Safety
    /// The event is the host's, and lives as long as the result.
    pub(crate) unsafe fn of<'a>(event: *const sys::outrider_event) -> Option<Event<'a>> {
        match (*event).type_ {
            sys::EVENT_REQUEST => {
                let event = &*event.cast::<sys::outrider_body_event>();
                Some(Event::Content { bytes: crate::bytes::as_bytes(event.bytes), more: event.more != 0 })
            }
            sys::EVENT_REQUEST_TRAILERS => {
                let event = &*event.cast::<sys::outrider_head_event>();
                Some(Event::Trailers(fields_of(event.fields, event.n_fields)))
            }
            sys::EVENT_DISCONNECT => {
                let event = &*event.cast::<sys::outrider_notice_event>();
                Some(Event::Disconnected(Error::from_status(event.reason)))
            }
            sys::EVENT_DRAINING => Some(Event::Draining),
            sys::EVENT_RESUME => Some(Event::Resumed),
            sys::websocket::EVENT_WEBSOCKET_MESSAGE => {
                Some(Event::Message(Message::of(&*event.cast::<sys::outrider_body_event>())))
            }
            sys::websocket::EVENT_WEBSOCKET_CLOSE => {
                Some(Event::Closed(Closed::of(&*event.cast::<sys::websocket::outrider_websocket_close_event>())))
            }
            sys::EVENT_SENT => Some(Event::Sent((*event).tag)),
            _ => None,
        }
    }
}
