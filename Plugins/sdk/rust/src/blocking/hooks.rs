//! The hooks behind [`ThreadHandler`].

use super::{Request, ThreadHandler};
use crate::head::Head;
use crate::life::{failed, Loaded};
use crate::panics;
use crate::plugin::Thread;
use crate::sys::{
    self, outrider_error, outrider_exchange, outrider_head, outrider_io, outrider_status, outrider_thread_info,
};
use std::ffi::c_void;

pub(crate) unsafe extern "C" fn thread_start<H: ThreadHandler>(
    state: *mut c_void,
    info: *const outrider_thread_info,
    thread: *mut *mut c_void,
    error: *mut outrider_error,
) -> outrider_status {
    panics::note_thread_of_host();
    let loaded = Loaded::<H>::of(state);
    match panics::catch(|| loaded.plugin().thread_start(&Thread::new(info)).map(Box::new)) {
        Ok(value) => {
            *thread = Box::into_raw(value).cast();
            sys::OK
        }
        Err(failure) => failure.refuse(&mut *error),
    }
}

pub(crate) unsafe extern "C" fn thread_stop<H: ThreadHandler>(state: *mut c_void, thread: *mut c_void) {
    let value = Box::from_raw(thread.cast::<H::Thread>());
    let loaded = Loaded::<H>::of(state);
    if let Err(failure) = panics::catch(|| {
        drop(value);
        Ok(())
    }) {
        failed(loaded.host, crate::host::NO_EXCHANGE, &failure);
    }
}

pub(crate) unsafe extern "C" fn handle<H: ThreadHandler>(
    state: *mut c_void,
    thread: *mut c_void,
    exchange: outrider_exchange,
    head: *const outrider_head,
    io: *const outrider_io,
) -> outrider_status {
    let loaded = Loaded::<H>::of(state);
    let request = Request { host: loaded.host, io: &*io, exchange, head: Head::new(head) };
    let value = &mut *thread.cast::<H::Thread>();
    match panics::catch(|| loaded.plugin().handle(value, request)) {
        Ok(_) => sys::OK,
        Err(failure) => failed(loaded.host, exchange, &failure),
    }
}
