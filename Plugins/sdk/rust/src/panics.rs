//! Panics end at the boundary to the host: they become failures, with the message and the place in the error log.

use crate::failure::Failure;
use crate::host::{Host, Level};
use crate::sys;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, Location};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::Once;

thread_local! {
    /// Whether the thread is the host's: it runs hooks, and `catch` tells of its panics.
    static IS_OF_HOST: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread has said, and where.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The table of the entry that was loaded last, for panics of threads that belong to none; NULL: there is none.
static HOST: AtomicPtr<sys::outrider_host> = AtomicPtr::new(null_mut());

/// Replaces the panic hook of this shared object. A panic in a hook writes nothing to the standard error stream. One in a
/// thread of the plugin's own becomes a line of the error log. In tests, whose assertions panic on the thread that runs the
/// hooks, the previous hook is called as well.
pub(crate) fn install(host: Host) {
    static ONCE: Once = Once::new();
    HOST.store(host.table() as *const _ as *mut _, Ordering::Release);
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let is_told = tell(info.payload(), info.location());
            if cfg!(feature = "testing") || !is_told {
                previous(info);
            }
        }));
    });
}

/// The entry is unloaded.
pub(crate) fn forget(host: Host) {
    let table = host.table() as *const _ as *mut _;
    let _ = HOST.compare_exchange(table, null_mut(), Ordering::AcqRel, Ordering::Relaxed);
}

/// Keeps the message for `catch`, or logs it. False: there is no host to log it.
fn tell(payload: &(dyn Any + Send), place: Option<&Location<'_>>) -> bool {
    let message = match place {
        Some(place) => format!("panicked at {}:{}:{}: {}", place.file(), place.line(), place.column(), words(payload)),
        None => format!("panicked: {}", words(payload)),
    };
    if IS_OF_HOST.try_with(Cell::get).unwrap_or(false) {
        return LAST
            .try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(message)).is_ok())
            .unwrap_or(false);
    }
    // SAFETY: the table lives until the entry is unloaded, when its threads have ended.
    let host = match unsafe { HOST.load(Ordering::Acquire).as_ref() } {
        Some(table) => unsafe { Host::new(table) },
        None => return false,
    };
    let thread = std::thread::current();
    host.log(Level::Error, &format!("thread {:?} {}", thread.name().unwrap_or("without a name"), message));
    true
}

/// Says that the calling thread is the host's.
pub(crate) fn note_thread_of_host() {
    IS_OF_HOST.with(|is_of_host| is_of_host.set(true));
}

/// Runs the body. A panic becomes a failure.
#[inline]
pub(crate) fn catch<R>(body: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => Err(failure(payload)),
    }
}

#[cold]
fn failure(payload: Box<dyn Any + Send>) -> Failure {
    let message = LAST.try_with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take())).ok().flatten();
    let message = message.unwrap_or_else(|| format!("panicked: {}", words(&*payload)));
    // The payload's own destructor may panic, and so may that of the next.
    let mut payload = payload;
    for _ in 0..3 {
        match panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return Failure::new(message),
            Err(again) => payload = again,
        }
    }
    std::mem::forget(payload);
    Failure::new(message)
}

fn words(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with a payload that is no text")
}
