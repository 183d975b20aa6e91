//! Time on the loop.

use crate::host::{Host, NO_EXCHANGE};
use crate::status::{done, Error};
use crate::sys::{self, outrider_status};
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Waits on the loop's timers for a time, from this call on.
pub fn sleep(host: Host, time: Duration) -> Sleep {
    let shared = Arc::new(Mutex::new(Progress::Waits(None)));
    let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let context: *mut c_void = Arc::into_raw(Arc::clone(&shared)) as *mut c_void;
    let mut timer = 0;
    let table = host.table();
    // SAFETY: the host's table lives for ever, and fire() takes the reference over.
    let result = done(unsafe { (table.after)(table, NO_EXCHANGE, ns, fire, context, &mut timer) });
    if let Err(error) = result {
        // SAFETY: a call that is refused takes nothing over.
        drop(unsafe { Arc::from_raw(context as *const Mutex<Progress>) });
        set(&shared, Progress::Over(Err(error)));
    }
    Sleep { host, timer, shared }
}

/// The future of [`sleep`]. [`Error::LIMIT`]: 65,536 timers are pending. [`Error::CLOSED`]: the worker stops. Dropped, it ends
/// the timer.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Sleep {
    host: Host,
    timer: u64,
    shared: Arc<Mutex<Progress>>,
}

enum Progress {
    Waits(Option<Waker>),
    Over(Result<(), Error>),
}

fn set(shared: &Mutex<Progress>, progress: Progress) -> Progress {
    // Nothing panics while it holds the lock.
    let mut present = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    std::mem::replace(&mut *present, progress)
}

/// Called once for each timer, on the loop.
unsafe extern "C" fn fire(context: *mut c_void, why: outrider_status) {
    let shared = Arc::from_raw(context as *const Mutex<Progress>);
    let result = if why == sys::OK { Ok(()) } else { Err(Error::from_status(why)) };
    if let Progress::Waits(Some(waker)) = set(&shared, Progress::Over(result)) {
        waker.wake();
    }
}

impl Future for Sleep {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut progress = self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &mut *progress {
            Progress::Over(result) => Poll::Ready(*result),
            Progress::Waits(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Progress::Waits(_) = set(&self.shared, Progress::Waits(None)) {
            let host = self.host.table();
            // SAFETY: as above. A timer that has run meanwhile is refused, which harms nothing.
            let _ = unsafe { (host.cancel)(host, self.timer) };
        }
    }
}

/// Waits for a future, but no longer than a time. `None`: the time is over, and the future dropped.
pub async fn timeout<F: Future>(host: Host, time: Duration, future: F) -> Option<F::Output> {
    let mut sleep = sleep(host, time);
    let mut future = Box::pin(future);
    crate::poll_fn::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        // Without a timer, the future is waited for as long as it takes.
        match Pin::new(&mut sleep).poll(context) {
            Poll::Ready(Ok(())) => Poll::Ready(None),
            _ => Poll::Pending,
        }
    })
    .await
}
