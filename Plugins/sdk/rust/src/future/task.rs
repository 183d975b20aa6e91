//! A task: a future on the loop, with a count of those that may wake it.

use super::runtime::Runtime;
use super::state::State;
use crate::failure::Failure;
use crate::life::failed;
use crate::panics;
use crate::responded::Responded;
use std::alloc::{dealloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::future::Future;
use std::mem::{needs_drop, ManuallyDrop};
use std::pin::Pin;
use std::ptr::{addr_of_mut, NonNull};
use std::sync::atomic::{fence, AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// What every task begins with. Other threads use `references`, `is_queued` and `runtime` alone.
pub(super) struct Header {
    references: AtomicUsize,
    /// The task is in the queue.
    is_queued: AtomicBool,
    functions: &'static Functions,
    pub(super) runtime: Arc<Runtime>,
    /// The future has ended, or was dropped. `[loop]`
    is_over: Cell<bool>,
    /// The future is being polled. `[loop]`
    is_polled: Cell<bool>,
    /// The exchange. `[loop]`
    pub(super) state: State,
}

/// How a future ends.
type Outcome = Result<Responded, Failure>;

struct Functions {
    poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Poll<Outcome>,
    /// `None`: nothing is to be dropped.
    drop_future: Option<unsafe fn(NonNull<Header>)>,
    /// Of the whole task.
    layout: Layout,
}

/// A task whose future is `F`. The header comes first: its address is that of the task.
#[repr(C)]
struct Task<F> {
    header: Header,
    future: UnsafeCell<ManuallyDrop<F>>,
}

impl<F: Future<Output = Outcome>> Task<F> {
    const FUNCTIONS: Functions = Functions {
        poll: Task::<F>::poll,
        drop_future: if needs_drop::<F>() { Some(Task::<F>::drop_future) } else { None },
        layout: Layout::new::<Task<F>>(),
    };

    /// # Safety
    /// Called on the loop, and the future is not over.
    unsafe fn poll(header: NonNull<Header>, context: &mut Context<'_>) -> Poll<Outcome> {
        let future: *mut ManuallyDrop<F> = header.cast::<Task<F>>().as_ref().future.get();
        // The future is never moved: it stays in its task.
        Pin::new_unchecked(&mut **future).poll(context)
    }

    /// # Safety
    /// Called on the loop, once.
    unsafe fn drop_future(header: NonNull<Header>) {
        ManuallyDrop::drop(&mut *header.cast::<Task<F>>().as_ref().future.get());
    }
}

/// A task whose future is not yet made. If that panics, the rest is freed.
struct Unmade(NonNull<Header>);

impl Drop for Unmade {
    fn drop(&mut self) {
        // SAFETY: the header is complete, and the future was never there.
        unsafe { free(self.0) }
    }
}

/// Drops the header, and frees the memory.
///
/// # Safety
/// Nobody has the task any more, and its future is dropped.
unsafe fn free(header: NonNull<Header>) {
    let layout = header.as_ref().functions.layout;
    header.as_ptr().drop_in_place();
    dealloc(header.as_ptr().cast(), layout);
}

/// A counted reference to a task.
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the header says what other threads may use.
unsafe impl Send for TaskRef {}

impl TaskRef {
    /// Makes a task. The future may borrow the header's state: it is dropped before.
    ///
    /// # Safety
    /// `make` does not let the reference to the state out of the future.
    pub(super) unsafe fn new<'a, F>(runtime: Arc<Runtime>, state: State, make: impl FnOnce(&'a Header) -> F) -> TaskRef
    where
        F: Future<Output = Outcome> + 'a,
    {
        let task: *mut Task<F> = runtime.blocks.take(Layout::new::<Task<F>>()).cast().as_ptr();
        let header = addr_of_mut!((*task).header);
        header.write(Header {
            references: AtomicUsize::new(1),
            is_queued: AtomicBool::new(false),
            functions: &Task::<F>::FUNCTIONS,
            runtime,
            is_over: Cell::new(false),
            is_polled: Cell::new(false),
            state,
        });
        let unmade = Unmade(NonNull::new_unchecked(header));
        addr_of_mut!((*task).future).write(UnsafeCell::new(ManuallyDrop::new(make(&*header))));
        std::mem::forget(unmade);
        TaskRef(NonNull::new_unchecked(task.cast()))
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: the count says that the task lives.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn into_raw(self) -> *mut std::ffi::c_void {
        ManuallyDrop::new(self).0.as_ptr().cast()
    }

    /// # Safety
    /// The pointer is of `into_raw`, and its reference is taken over.
    pub(super) unsafe fn from_raw(pointer: *mut std::ffi::c_void) -> TaskRef {
        TaskRef(NonNull::new_unchecked(pointer.cast()))
    }

    /// The task of a pointer whose reference stays where it is.
    ///
    /// # Safety
    /// The pointer is of `into_raw`, and the task lives for `'a`.
    pub(super) unsafe fn borrow_raw<'a>(pointer: *mut std::ffi::c_void) -> &'a Header {
        &*pointer.cast()
    }

    pub(super) fn is_over(&self) -> bool {
        self.header().is_over.get()
    }

    /// Gives the reference back, and keeps the memory for the next task if it was the last one. `[loop]` The future is over.
    #[inline]
    pub(super) fn recycle(self, runtime: &Runtime) {
        let header = self.0;
        // With no other reference, no other thread can make one.
        if self.header().references.load(Ordering::Acquire) != 1 {
            return;
        }
        std::mem::forget(self);
        // SAFETY: nobody else has the task, and its future is dropped.
        unsafe {
            let layout = header.as_ref().functions.layout;
            header.as_ptr().drop_in_place();
            runtime.blocks.give(header.cast(), layout);
        }
    }

    /// Has the task polled. `[any-thread]`
    pub(super) fn wake(self) {
        if !self.header().is_queued.swap(true, Ordering::AcqRel) {
            // The task may be polled and freed before enqueue() returns.
            let runtime = Arc::clone(&self.header().runtime);
            runtime.enqueue(self);
        }
    }

    /// Polls a task that was queued. `[loop]`
    pub(super) fn run(&self) {
        // What those have written who found it queued is seen by the future.
        self.header().is_queued.swap(false, Ordering::AcqRel);
        self.poll();
    }

    /// Polls the future, unless it is over. `[loop]`
    pub(super) fn poll(&self) {
        let header = self.header();
        if header.is_over.get() || header.is_polled.replace(true) {
            return;
        }
        // SAFETY: the waker borrows this reference, and gives none back.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(self.0.as_ptr().cast(), &VTABLE)) });
        let mut context = Context::from_waker(&waker);
        let polled = panics::catch(|| Ok(unsafe { (header.functions.poll)(self.0, &mut context) }));
        header.is_polled.set(false);
        match polled {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(result)) => self.finish(result),
            Err(panic) => self.finish(Err(panic)),
        }
    }

    fn finish(&self, result: Outcome) {
        self.cancel();
        if let Err(failure) = result {
            let state = &self.header().state;
            failed(state.sender.host, state.sender.exchange, &failure);
            state.fail(failure.error());
        }
    }

    /// Drops the future. `[loop]` A panic is logged.
    pub(super) fn cancel(&self) {
        let header = self.header();
        if header.is_over.replace(true) {
            return;
        }
        if let Some(drop_future) = header.functions.drop_future {
            let dropped = panics::catch(|| {
                // SAFETY: this is the loop, and happens once.
                unsafe { drop_future(self.0) };
                Ok(())
            });
            if let Err(failure) = dropped {
                failed(header.state.sender.host, header.state.sender.exchange, &failure);
            }
        }
        header.state.forget_waiters();
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> TaskRef {
        self.header().references.fetch_add(1, Ordering::Relaxed);
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        if self.header().references.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: this was the last reference. The exchange keeps one until its future is over, and so does the runtime.
            unsafe { free(self.0) }
        }
    }
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(clone_waker, wake, wake_by_ref, drop_waker);

/// # Safety
/// As for all functions of the table: the pointer is that of a task, and the waker has a reference.
unsafe fn task_of(pointer: *const ()) -> ManuallyDrop<TaskRef> {
    ManuallyDrop::new(TaskRef(NonNull::new_unchecked(pointer as *mut Header)))
}

unsafe fn clone_waker(pointer: *const ()) -> RawWaker {
    std::mem::forget(TaskRef::clone(&task_of(pointer)));
    RawWaker::new(pointer, &VTABLE)
}

unsafe fn wake(pointer: *const ()) {
    ManuallyDrop::into_inner(task_of(pointer)).wake();
}

unsafe fn wake_by_ref(pointer: *const ()) {
    TaskRef::clone(&task_of(pointer)).wake();
}

unsafe fn drop_waker(pointer: *const ()) {
    drop(ManuallyDrop::into_inner(task_of(pointer)));
}
