//! An exchange as something to be asked and told, from any thread.

use super::hooks::deliver;
use super::{Event, EventHandler};
use crate::host::{Host, Level};
use crate::send::Sender;
use crate::status::{done, Error};
use crate::sys::{self, outrider_status};
use std::ffi::c_void;
use std::time::Duration;

/// The number of a timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer(u64);

/// A handle of an exchange in event style. `[any-thread]` It may be copied and kept. When the exchange is over, every function
/// returns [`Error::CLOSED`].
#[derive(Clone, Copy)]
pub struct Handle {
    sender: Sender,
    target: Target,
}

/// Where an event of the plugin's own goes to. The pointers are used on the loop, and only while the exchange is open.
#[derive(Clone, Copy)]
struct Target {
    state: *mut c_void,
    exchange: *mut c_void,
    deliver: unsafe fn(state: *mut c_void, exchange: *mut c_void, sys::outrider_exchange, Event<'_>),
}

// SAFETY: other threads only pass the pointers on.
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

/// An event that the loop is to deliver. The host has it until it calls back.
struct Delivery {
    handle: Handle,
    event: Event<'static>,
}

impl Handle {
    /// `state` and `exchange` are those of the hooks.
    pub(super) fn new<H: EventHandler>(sender: Sender, state: *mut c_void, exchange: *mut c_void) -> Handle {
        Handle { sender, target: Target { state, exchange, deliver: deliver::<H> } }
    }

    #[inline]
    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Allows so many more events [`Event::Content`]. Without credit, no part of the content is delivered. The first call
    /// sends 100 (Continue) if the client waits for it. A request without content causes one event, which is empty.
    /// [`Error::STATE`]: the whole content has been delivered.
    pub fn receive(&self, credit: u32) -> Result<(), Error> {
        self.sender.receive(credit)
    }

    /// Has [`Event::Timer`] with that token delivered after a time. [`Error::LIMIT`]: 65,536 calls are pending.
    pub fn after(&self, time: Duration, token: u64) -> Result<Timer, Error> {
        let host = self.sender.host.table();
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let mut timer = 0;
        self.deliver_by(Event::Timer(token), |context| {
            // SAFETY: the host's table lives for ever, and run() takes the context over.
            unsafe { (host.after)(host, self.sender.exchange, ns, run, context, &mut timer) }
        })?;
        Ok(Timer(timer))
    }

    /// Ends a timer: its event does not come. [`Error::CLOSED`]: it has come, or was cancelled already.
    pub fn cancel(&self, timer: Timer) -> Result<(), Error> {
        let host = self.sender.host.table();
        // SAFETY: as above.
        done(unsafe { (host.cancel)(host, timer.0) })
    }

    /// Has [`Event::Posted`] with that token delivered on the loop: the way of the plugin's own threads back to the exchange.
    /// Events come in the order in which they were posted.
    pub fn post(&self, token: u64) -> Result<(), Error> {
        let host = self.sender.host.table();
        self.deliver_by(Event::Posted(token), |context| {
            // SAFETY: as above.
            unsafe { (host.post)(host, self.sender.exchange, run, context) }
        })
    }

    /// Whether the response is still needed: [`Error::CLOSED`] or [`Error::CANCELLED`] if it is not. Cheap.
    pub fn check(&self) -> Result<(), Error> {
        let host = self.sender.host.table();
        // SAFETY: as above.
        done(unsafe { (host.cancelled)(host, self.sender.exchange) })
    }

    /// Writes a line to the error log, with the request's id.
    pub fn log(&self, level: Level, message: &str) {
        self.sender.host.log_about(self.sender.exchange, level, message);
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.sender.host
    }

    fn deliver_by(&self, event: Event<'static>, ask: impl FnOnce(*mut c_void) -> outrider_status) -> Result<(), Error> {
        let context: *mut c_void = Box::into_raw(Box::new(Delivery { handle: *self, event })).cast();
        let result = done(ask(context));
        if result.is_err() {
            // SAFETY: a call that is refused takes nothing over.
            drop(unsafe { Box::from_raw(context.cast::<Delivery>()) });
        }
        result
    }
}

/// Called once for each delivery, on the loop.
unsafe extern "C" fn run(context: *mut c_void, why: outrider_status) {
    let Delivery { handle, event } = *Box::from_raw(context.cast::<Delivery>());
    // Otherwise the exchange is over, and its memory gone, or the timer was cancelled.
    if why == sys::OK {
        let Target { state, exchange, deliver } = handle.target;
        deliver(state, exchange, handle.sender.exchange, event);
    }
}
