//! The executor: tasks that were woken run on the worker's loop, in the hooks of the entry.
//!
//! Any thread wakes a task by putting it into the queue. If no hook runs the queue at that moment, the waker has the host
//! call `on_wake`. `is_running` decides: the waker first puts the task into the queue and then reads the flag; the loop
//! first clears the flag and then looks whether the queue is empty. One of them sees what the other has done.

use super::blocks::Blocks;
use super::task::TaskRef;
use crate::host::Host;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;

/// The tasks of one `[[plugin]]` entry.
pub(crate) struct Runtime {
    pub(crate) host: Host,
    queue: Mutex<Queue>,
    /// The length of the queue.
    queued: AtomicUsize,
    /// A hook runs the queue before it returns.
    is_running: AtomicBool,
    /// `limits.output`. `[loop]`
    pub(super) output_limit: Cell<u64>,
    /// Memory of tasks. `[loop]`
    pub(super) blocks: Blocks,
    /// The tasks that belong to no exchange. `[loop]`
    pub(super) spawned: Cell<Vec<TaskRef>>,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<TaskRef>,
    /// The worker stops: nothing is run any more, and the host not called.
    is_over: bool,
}

// SAFETY: other threads use the queue and the flags alone.
unsafe impl Send for Runtime {}
unsafe impl Sync for Runtime {}

/// The times that tasks woken by tasks run in the same hook. Then the loop has its turn.
const ROUNDS: u32 = 16;

impl Runtime {
    pub(crate) fn new(host: Host) -> Runtime {
        Runtime {
            host,
            queue: Mutex::default(),
            queued: AtomicUsize::new(0),
            is_running: AtomicBool::new(false),
            output_limit: Cell::new(0),
            blocks: Blocks::new(),
            spawned: Cell::new(Vec::new()),
        }
    }

    /// Has a task polled. `[any-thread]`
    pub(super) fn enqueue(&self, task: TaskRef) {
        let mut queue = self.lock();
        if queue.is_over {
            // The task may be freed by this: not under the lock.
            drop(queue);
            return drop(task);
        }
        queue.tasks.push_back(task);
        self.queued.store(queue.tasks.len(), Ordering::SeqCst);
        if !self.is_running.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Runs the body of a hook, and then what was woken in it. `[loop]`
    #[inline]
    pub(crate) fn hook<R>(&self, body: impl FnOnce() -> R) -> R {
        self.is_running.store(true, Ordering::Relaxed);
        let result = body();
        let mut rounds = 0;
        while self.queued.load(Ordering::Relaxed) != 0 && rounds < ROUNDS {
            self.run_queue();
            rounds += 1;
        }
        self.is_running.store(false, Ordering::SeqCst);
        if self.queued.load(Ordering::SeqCst) != 0 {
            self.wake();
        }
        result
    }

    /// Polls the tasks that are queued now. Those that they wake are queued anew.
    #[cold]
    fn run_queue(&self) {
        let tasks = {
            let mut queue = self.lock();
            self.queued.store(0, Ordering::SeqCst);
            std::mem::take(&mut queue.tasks)
        };
        for task in tasks {
            task.run();
        }
    }

    /// Takes what the worker's configuration says. `[loop]`
    pub(crate) fn start(&self, output_limit: u64) {
        self.output_limit.set(output_limit);
    }

    /// Ends the tasks that belong to no exchange. `[loop]` The worker stops.
    pub(crate) fn end(&self) {
        // A task that ends may begin others.
        loop {
            let tasks = self.spawned.take();
            if tasks.is_empty() {
                break;
            }
            for task in tasks {
                task.cancel();
            }
        }
        // What a task has woken while it ended, and what other threads wake from now on, is not run.
        let left = {
            let mut queue = self.lock();
            queue.is_over = true;
            std::mem::take(&mut queue.tasks)
        };
        drop(left);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock.
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wake(&self) {
        let host = self.host.table();
        // SAFETY: the host's table lives for ever.
        unsafe { (host.wake)(host) }
    }
}
