//! The hooks behind [`EventHandler`].

use super::{Event, EventHandler, Handle, Request};
use crate::head::Head;
use crate::life::{failed, Loaded};
use crate::panics;
use crate::send::Sender;
use crate::sys::{self, outrider_event, outrider_exchange, outrider_head, outrider_status};
use crate::websocket::note_end;
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr::NonNull;

/// The value of an exchange, in memory of its own for which the host keeps the pointer. It is gone after a failure. A value
/// without size has no memory, and is never gone.
struct Place<E>(NonNull<Option<E>>);

impl<E> Place<E> {
    const HAS_MEMORY: bool = size_of::<E>() != 0;

    fn new() -> Place<E> {
        if Self::HAS_MEMORY {
            Place(NonNull::from(Box::leak(Box::new(None))))
        } else {
            Place(NonNull::dangling())
        }
    }

    /// # Safety
    /// The pointer is that of a place.
    unsafe fn of(pointer: *mut c_void) -> Place<E> {
        Place(NonNull::new_unchecked(pointer.cast()))
    }

    fn pointer(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    /// # Safety
    /// The place has no value, and has not been freed.
    unsafe fn put(&self, value: E) {
        if Self::HAS_MEMORY {
            *self.0.as_ptr() = Some(value);
        } else {
            std::mem::forget(value);
        }
    }

    /// # Safety
    /// The place has not been freed, and nobody else uses the value.
    unsafe fn value<'a>(&self) -> Option<&'a mut E> {
        if Self::HAS_MEMORY {
            (*self.0.as_ptr()).as_mut()
        } else {
            Some(NonNull::<E>::dangling().as_mut())
        }
    }

    /// Drops the value, if there is one.
    ///
    /// # Safety
    /// As for `value`.
    unsafe fn clear(&self) {
        if Self::HAS_MEMORY {
            drop((*self.0.as_ptr()).take());
        }
    }

    /// Drops the value, and frees the memory even if the drop panics.
    ///
    /// # Safety
    /// The place is not used afterwards.
    unsafe fn free(self) {
        if Self::HAS_MEMORY {
            drop(Box::from_raw(self.0.as_ptr()));
        } else {
            NonNull::<E>::dangling().as_ptr().drop_in_place();
        }
    }
}

pub(crate) unsafe extern "C" fn open<H: EventHandler>(
    state: *mut c_void,
    exchange: outrider_exchange,
    head: *const outrider_head,
    this: *mut *mut c_void,
) -> outrider_status {
    let loaded = Loaded::<H>::of(state);
    let place = Place::<H::Exchange>::new();
    let handle = Handle::new::<H>(Sender { host: loaded.host, exchange }, state, place.pointer());
    match panics::catch(|| loaded.plugin().open(Request::new(Head::new(head), handle))) {
        Ok(value) => {
            place.put(value);
            *this = place.pointer();
            sys::OK
        }
        Err(failure) => {
            if Place::<H::Exchange>::HAS_MEMORY {
                place.free();
            }
            failed(loaded.host, exchange, &failure)
        }
    }
}

pub(crate) unsafe extern "C" fn on_event<H: EventHandler>(
    state: *mut c_void,
    this: *mut c_void,
    exchange: outrider_exchange,
    event: *const outrider_event,
) {
    if let Some(event) = Event::of(event) {
        if let Event::Closed(_) = event {
            note_end(exchange);
        }
        deliver::<H>(state, this, exchange, event);
    }
}

/// Passes an event to the handler. After a failure, the value is dropped, and with it what would have responded.
///
/// # Safety
/// Called on the loop while the exchange is open, with what the hooks of the exchange got.
pub(super) unsafe fn deliver<H: EventHandler>(
    state: *mut c_void,
    this: *mut c_void,
    exchange: outrider_exchange,
    event: Event<'_>,
) {
    let loaded = Loaded::<H>::of(state);
    let place = Place::<H::Exchange>::of(this);
    if let Some(value) = place.value() {
        if let Err(failure) = panics::catch(|| loaded.plugin().event(value, event)) {
            failed(loaded.host, exchange, &failure);
            drop_value::<H>(state, exchange, || place.clear());
        }
    }
}

pub(crate) unsafe extern "C" fn close<H: EventHandler>(
    state: *mut c_void,
    this: *mut c_void,
    exchange: outrider_exchange,
) {
    let place = Place::<H::Exchange>::of(this);
    drop_value::<H>(state, exchange, || place.free());
}

/// Runs the value's own code. A panic is logged.
unsafe fn drop_value<H: EventHandler>(state: *mut c_void, exchange: outrider_exchange, body: impl FnOnce()) {
    if let Err(failure) = panics::catch(|| {
        body();
        Ok(())
    }) {
        failed(Loaded::<H>::of(state).host, exchange, &failure);
    }
}
