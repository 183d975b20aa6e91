//! The hooks behind [`Plugin`]: what the host calls, and what becomes of failures.

use crate::failure::Failure;
use crate::future::runtime::Runtime;
use crate::host::{Host, Level};
use crate::panics;
use crate::plugin::{Loading, Plugin, Worker};
use crate::sys::{self, outrider_error, outrider_host, outrider_load_info, outrider_status, outrider_worker_info};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::sync::Arc;

/// The `state` of an entry, which every hook gets.
pub(crate) struct Loaded<P> {
    pub(crate) host: Host,
    pub(crate) runtime: Arc<Runtime>,
    plugin: UnsafeCell<P>,
}

impl<P: Plugin> Loaded<P> {
    /// The entry of a `state`.
    ///
    /// # Safety
    /// `state` is that of the plugin `P`, and neither `before_fork`, `worker_start`, `worker_stop` nor `unload` runs.
    #[inline]
    pub(crate) unsafe fn of<'a>(state: *mut c_void) -> &'a Self {
        &*state.cast::<Self>()
    }

    #[inline]
    pub(crate) fn plugin(&self) -> &P {
        // SAFETY: of() says that no hook runs that has the plugin for itself.
        unsafe { &*self.plugin.get() }
    }

    /// The plugin, for a hook during which the host calls no other hook of the entry.
    ///
    /// # Safety
    /// No other reference to the plugin exists.
    #[allow(clippy::mut_from_ref)]
    unsafe fn alone(&self) -> &mut P {
        &mut *self.plugin.get()
    }
}

pub(crate) unsafe extern "C" fn load<P: Plugin>(
    host: *const outrider_host,
    info: *const outrider_load_info,
    state: *mut *mut c_void,
    error: *mut outrider_error,
) -> outrider_status {
    let loading = Loading::new(host, info);
    let host = loading.host();
    panics::install(host);
    panics::note_thread_of_host();
    let made = panics::catch(|| {
        let plugin = UnsafeCell::new(P::load(&loading)?);
        Ok(Box::new(Loaded { host, runtime: Arc::new(Runtime::new(host)), plugin }))
    });
    match made {
        Ok(loaded) => {
            *state = Box::into_raw(loaded).cast();
            sys::OK
        }
        Err(failure) => {
            panics::forget(host);
            failure.refuse(&mut *error)
        }
    }
}

pub(crate) unsafe extern "C" fn unload<P: Plugin>(state: *mut c_void) {
    let loaded = Box::from_raw(state.cast::<Loaded<P>>());
    let host = loaded.host;
    told(host, "unload", || drop(loaded));
    panics::forget(host);
}

pub(crate) unsafe extern "C" fn before_fork<P: Plugin>(state: *mut c_void) {
    let loaded = Loaded::<P>::of(state);
    told(loaded.host, "before_fork", || loaded.alone().before_fork());
}

pub(crate) unsafe extern "C" fn worker_start<P: Plugin>(
    state: *mut c_void,
    info: *const outrider_worker_info,
    error: *mut outrider_error,
) -> outrider_status {
    panics::note_thread_of_host();
    let loaded = Loaded::<P>::of(state);
    let worker = Worker::new(loaded.host, Arc::clone(&loaded.runtime), info);
    loaded.runtime.start(worker.output_limit());
    match panics::catch(|| loaded.alone().worker_start(&worker)) {
        Ok(()) => sys::OK,
        Err(failure) => failure.refuse(&mut *error),
    }
}

pub(crate) unsafe extern "C" fn worker_stop<P: Plugin>(state: *mut c_void, deadline_ns: u64) {
    let loaded = Loaded::<P>::of(state);
    loaded.runtime.end();
    told(loaded.host, "worker_stop", || loaded.alone().worker_stop(deadline_ns));
}

/// Runs a hook that cannot fail. A panic is logged.
fn told(host: Host, hook: &str, body: impl FnOnce()) {
    if let Err(failure) = panics::catch(|| {
        body();
        Ok(())
    }) {
        host.log(Level::Error, &format!("{} {}", hook, failure.message().unwrap_or("has failed")));
    }
}

/// Logs why a handler has failed, and gives the status for the host.
#[cold]
pub(crate) fn failed(host: Host, exchange: sys::outrider_exchange, failure: &Failure) -> outrider_status {
    if let Some(message) = failure.message() {
        host.log_about(exchange, Level::Error, message);
    }
    failure.error().status()
}
