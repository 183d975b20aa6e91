//! The life of a plugin: what the host calls once for each entry, worker and thread.

use crate::config::Table;
use crate::failure::Failure;
use crate::future::runtime::Runtime;
use crate::future::spawn::spawn;
use crate::host::Host;
use crate::sys;
use std::ffi::CStr;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What every plugin is: a value that `load` makes, once for each `[[plugin]]` entry of the configuration.
///
/// A plugin also has a style: [`Handler`](crate::blocking::Handler), [`EventHandler`](crate::event::EventHandler), or an async function (see
/// [`AsyncHandler`](crate::future::AsyncHandler)). [`plugin!`](crate::plugin) exports it.
///
/// The value is made in the master and used in the workers, which are forks of the master: a thread that `load` starts
/// does not exist in a worker, and a connection that it opens would be shared by all workers. Both belong into
/// [`worker_start`](Plugin::worker_start). The value is dropped when the process that has made it ends cleanly.
pub trait Plugin: Send + Sized + 'static {
    /// Makes the plugin. `[master]` Called once for each entry, as the unprivileged user, before workers are forked. With
    /// `load = "worker"` in the entry: on the loop's thread of each worker.
    ///
    /// Unless [`Purpose::Serve`] is the purpose, nothing outside of the process may be changed. A failure refuses the start
    /// or the reload, and the operator sees its message.
    fn load(loading: &Loading<'_>) -> Result<Self, Failure>;

    /// Tidies up what a worker should not inherit. `[master]` Called before each fork of a worker.
    fn before_fork(&mut self) {}

    /// Opens what belongs to one worker, and starts threads. `[worker-main]` Called once in each worker, before its first
    /// request. A failure ends the worker; at the start, it refuses the start.
    fn worker_start(&mut self, worker: &Worker<'_>) -> Result<(), Failure> {
        let _ = worker;
        Ok(())
    }

    /// Ends what `worker_start` has begun; threads must have ended when it returns. `[worker-main]` Called after the worker's
    /// last request. The process is killed at `deadline_ns`, a time of CLOCK_MONOTONIC in nanoseconds (0: now).
    fn worker_stop(&mut self, deadline_ns: u64) {
        let _ = deadline_ns;
    }
}

/// Why a plugin is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Purpose {
    /// To serve requests.
    Serve,
    /// `outrider -t`: check the configuration; do not open, bind or change anything.
    Check,
    /// `outriderctl inspect`: the same, and the configuration may be empty.
    Inspect,
}

/// What `load` may look at.
pub struct Loading<'a> {
    host: Host,
    info: &'a sys::outrider_load_info,
}

impl Loading<'_> {
    /// # Safety
    /// Both are what the host has passed to `load`.
    pub(crate) unsafe fn new(host: *const sys::outrider_host, info: *const sys::outrider_load_info) -> Self {
        Loading { host: Host::new(host), info: &*info }
    }

    /// The host, which the plugin may keep.
    pub fn host(&self) -> Host {
        self.host
    }

    /// The table `[plugin.config]`. A failure: the host has no typed configuration.
    pub fn config(&self) -> Result<Table, Failure> {
        Table::root(self.host).ok_or_else(|| Failure::new("this server has no extension outrider.config/1"))
    }

    /// Why the plugin is loaded. A purpose of a later version counts as [`Purpose::Inspect`].
    pub fn purpose(&self) -> Purpose {
        match self.info.purpose {
            sys::PURPOSE_SERVE => Purpose::Serve,
            sys::PURPOSE_CHECK => Purpose::Check,
            _ => Purpose::Inspect,
        }
    }

    /// Workers are forked from this process: `load` must not start threads. False with `load = "worker"`.
    pub fn is_in_master(&self) -> bool {
        self.info.process != sys::PROCESS_WORKER
    }
}

/// The worker model, which decides on which threads a blocking handler runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Model {
    /// One request at a time.
    Sync,
    /// A pool of threads.
    Gthread,
    /// Many connections on one loop; blocking handlers run on a pool of threads.
    Async,
}

/// The worker that starts.
pub struct Worker<'a> {
    host: Host,
    runtime: Arc<Runtime>,
    info: &'a sys::outrider_worker_info,
}

impl Worker<'_> {
    /// # Safety
    /// `info` is what the host has passed to `worker_start`.
    pub(crate) unsafe fn new(host: Host, runtime: Arc<Runtime>, info: *const sys::outrider_worker_info) -> Self {
        Worker { host, runtime, info: &*info }
    }

    /// The host.
    pub fn host(&self) -> Host {
        self.host
    }

    /// Runs a future on the worker's loop, until it ends or the worker stops: then it is dropped, before `worker_stop`. A
    /// failure or a panic is logged. It is first polled when the loop runs.
    pub fn spawn(&self, future: impl Future<Output = Result<(), Failure>> + 'static) {
        spawn(&self.runtime, future);
    }

    /// The worker model. One of a later version counts as [`Model::Async`].
    pub fn model(&self) -> Model {
        match self.info.model {
            sys::MODEL_SYNC => Model::Sync,
            sys::MODEL_GTHREAD => Model::Gthread,
            _ => Model::Async,
        }
    }

    /// The number of threads that may run a blocking handler.
    pub fn threads(&self) -> u32 {
        self.info.threads
    }

    /// The worker's index from 0, which its replacement takes over.
    pub fn index(&self) -> u32 {
        self.info.worker
    }

    /// The number of workers of the service at this moment.
    pub fn workers(&self) -> u32 {
        self.info.workers
    }

    /// The time from the begin of draining to the end of the worker (`server.graceful_timeout`).
    pub fn graceful_timeout(&self) -> Duration {
        Duration::from_nanos(self.info.graceful_timeout_ns)
    }

    /// The bytes of a response that the host holds for a slow client (`limits.output`).
    pub fn output_limit(&self) -> u64 {
        self.info.output_limit
    }

    /// The server's version, for display.
    pub fn host_version(&self) -> &'static str {
        // SAFETY: the host owns the text for ever, and ends it with NUL.
        unsafe { CStr::from_ptr(self.info.host_version) }.to_str().unwrap_or("?")
    }
}

/// One of the threads that run a blocking handler.
pub struct Thread<'a> {
    info: &'a sys::outrider_thread_info,
}

impl Thread<'_> {
    /// # Safety
    /// `info` is what the host has passed to `thread_start`.
    pub(crate) unsafe fn new(info: *const sys::outrider_thread_info) -> Self {
        Thread { info: &*info }
    }

    /// The thread's index from 0.
    pub fn index(&self) -> u32 {
        self.info.index
    }

    /// How many such threads there are.
    pub fn threads(&self) -> u32 {
        self.info.threads
    }
}
