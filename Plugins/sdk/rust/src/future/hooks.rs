//! The hooks behind async handlers.

use super::handler::AsyncHandler;
use super::request::Request;
use super::state::{Phase, Piece, Received, State};
use super::task::TaskRef;
use crate::head::Head;
use crate::life::Loaded;
use crate::plugin::Plugin;
use crate::send::Sender;
use crate::sys::{self, outrider_event, outrider_exchange, outrider_head, outrider_status};
use crate::websocket::{Closed, Message};
use std::ffi::c_void;
use std::sync::Arc;

/// `open`: makes the task of an exchange, and polls it. [`plugin!`](crate::plugin) calls it with the handler.
///
/// # Safety
/// The arguments are those of the hook of a plugin `P`.
#[doc(hidden)]
pub unsafe fn open<P: Plugin, H>(
    state: *mut c_void,
    exchange: outrider_exchange,
    head: *const outrider_head,
    this: *mut *mut c_void,
    handler: H,
) -> outrider_status
where
    H: for<'a> AsyncHandler<'a, P>,
{
    let loaded = Loaded::<P>::of(state);
    let sender = Sender { host: loaded.host, exchange };
    loaded.runtime.hook(|| {
        // The head lives until close() returns, which drops the future.
        let made = crate::panics::catch(|| {
            Ok(TaskRef::new(Arc::clone(&loaded.runtime), State::new(sender), |header| {
                handler.call(loaded.plugin(), Request::new(Head::new(head), header))
            }))
        });
        match made {
            Ok(task) => {
                task.poll();
                *this = task.into_raw();
                sys::OK
            }
            Err(failure) => crate::life::failed(loaded.host, exchange, &failure),
        }
    })
}

pub(crate) unsafe extern "C" fn on_event(
    _state: *mut c_void,
    this: *mut c_void,
    _exchange: outrider_exchange,
    event: *const outrider_event,
) {
    let header = TaskRef::borrow_raw(this);
    let state = &header.state;
    match (*event).type_ {
        sys::EVENT_REQUEST => {
            let event = &*event.cast::<sys::outrider_body_event>();
            state.is_asked.set(false);
            state.has_ended.set(event.more == 0);
            if event.bytes.size > 0 {
                state.piece.set(Some(Piece::Borrowed(event.bytes.data, event.bytes.size)));
            }
            header.runtime.hook(|| state.content.wake());
            state.keep_piece();
        }
        sys::websocket::EVENT_WEBSOCKET_MESSAGE => {
            let message = Message::of(&*event.cast::<sys::outrider_body_event>());
            state.is_asked.set(false);
            state.websocket.set(Some(Box::new(Received::Message(message.to_owned()))));
            header.runtime.hook(|| state.content.wake());
        }
        sys::websocket::EVENT_WEBSOCKET_CLOSE => {
            let closed = Closed::of(&*event.cast::<sys::websocket::outrider_websocket_close_event>());
            state.phase.set(Phase::Over);
            let reason = closed.reason.to_owned();
            state.websocket.set(Some(Box::new(Received::Closed { code: closed.code, reason })));
            header.runtime.hook(|| {
                state.content.wake();
                state.room.wake();
            });
        }
        sys::EVENT_RESUME => {
            state.is_paused.set(false);
            header.runtime.hook(|| state.room.wake());
        }
        sys::EVENT_DRAINING => {
            state.is_draining.set(true);
            header.runtime.hook(|| state.draining.wake());
        }
        sys::EVENT_DISCONNECT => {
            state.phase.set(Phase::Over);
            cancel(this);
        }
        _ => {}
    }
}

pub(crate) unsafe extern "C" fn close<P: Plugin>(state: *mut c_void, this: *mut c_void, _exchange: outrider_exchange) {
    let task = TaskRef::from_raw(this);
    task.header().state.phase.set(Phase::Over);
    task.cancel();
    task.recycle(&Loaded::<P>::of(state).runtime);
}

/// Drops the future: this is how it is told that the exchange is over.
unsafe fn cancel(this: *mut c_void) {
    let task = std::mem::ManuallyDrop::new(TaskRef::from_raw(this));
    task.cancel();
}

pub(crate) unsafe extern "C" fn on_wake<P: Plugin>(state: *mut c_void) {
    Loaded::<P>::of(state).runtime.hook(|| ());
}
