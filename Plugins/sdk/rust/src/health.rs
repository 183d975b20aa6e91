//! A plugin's own threads say that they live, and a plugin says whether it is ready.

use crate::bytes::bytes_of;
use crate::host::Host;
use crate::status::{done, Error};
use crate::sys::health as raw;
use std::ffi::CString;

/// What a worker tells of its health; see [`Host::health`]. `[any-thread]`, from `worker_start` on.
#[derive(Clone, Copy)]
pub struct Health {
    host: Host,
    table: &'static raw::outrider_health,
}

impl Host {
    /// The host's interest in health. `None`: this host has none.
    pub fn health(&self) -> Option<Health> {
        // SAFETY: the extension has this table.
        unsafe { self.extension(raw::HEALTH) }.map(|table| Health { host: *self, table })
    }
}

impl Health {
    /// Has a thread watched: if it neither says that it lives nor that it is idle for `timeouts.worker`, the worker is aborted
    /// with a backtrace, and replaced. The name has letters, digits, `-`, `_` and `.`, 32 at most. [`Error::LIMIT`]: a worker
    /// has 16 such threads.
    pub fn watch(&self, name: &str) -> Result<WatchedThread, Error> {
        let name = CString::new(name).map_err(|_| Error::INVALID)?;
        let mut number = 0;
        // SAFETY: as for all calls of the extension: its table lives for ever, and what is passed is borrowed.
        done(unsafe { (self.table.watch)(self.host.table(), name.as_ptr(), &mut number) })?;
        Ok(WatchedThread { health: *self, number })
    }

    /// Says that this entry is ready in this worker, which it is until it says otherwise.
    pub fn ready(&self) -> Result<(), Error> {
        // SAFETY: as above.
        done(unsafe { (self.table.ready)(self.host.table(), 1, bytes_of(&[])) })
    }

    /// Says that it is not, and why, to the operator. /readyz answers 503 if every worker has such an entry. Requests are
    /// still passed to the plugin.
    pub fn not_ready(&self, reason: &str) -> Result<(), Error> {
        // SAFETY: as above.
        done(unsafe { (self.table.ready)(self.host.table(), 0, bytes_of(reason.as_bytes())) })
    }
}

/// A thread that is watched until this is dropped.
pub struct WatchedThread {
    health: Health,
    number: u32,
}

impl WatchedThread {
    /// Says that the thread lives. Cheap.
    pub fn alive(&self) -> Result<(), Error> {
        // SAFETY: as above.
        done(unsafe { (self.health.table.alive)(self.health.host.table(), self.number) })
    }

    /// Says that the thread waits for work, until it is alive again.
    pub fn idle(&self) -> Result<(), Error> {
        // SAFETY: as above.
        done(unsafe { (self.health.table.idle)(self.health.host.table(), self.number) })
    }
}

impl Drop for WatchedThread {
    fn drop(&mut self) {
        // SAFETY: as above. One that is not watched any more is refused, which harms nothing.
        let _ = unsafe { (self.health.table.unwatch)(self.health.host.table(), self.number) };
    }
}
