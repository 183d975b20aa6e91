//! One descriptor on the loop.

use crate::failure::io_error;
use crate::host::{Host, NO_EXCHANGE};
use crate::poll_fn::poll_fn;
use crate::status::{done, Error};
use crate::sys::{self, loop_ as raw, outrider_status};
use std::ffi::c_void;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::ManuallyDrop;
use std::os::unix::io::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// What a descriptor is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// There is something to be read, or the end.
    Readable,
    /// There is room to write, or a connection is made.
    Writable,
}

const READABLE: u32 = raw::READABLE | raw::PEER_CLOSED;
const WRITABLE: u32 = raw::WRITABLE;

impl Interest {
    fn events(self) -> u32 {
        match self {
            Interest::Readable => READABLE,
            Interest::Writable => WRITABLE,
        }
    }
}

/// A descriptor that the worker's loop watches. `[loop]` It belongs to the worker: it may be used by one request after the
/// other. Dropped, it is unwatched and closed. One that is dropped on another thread is closed without being unwatched, and
/// counts as a watch until the worker ends.
pub struct Watched<T: AsRawFd> {
    watch: Arc<Watch>,
    inner: T,
}

/// The watch. The loop has a reference until it ends.
struct Watch {
    host: Host,
    table: &'static raw::outrider_loop,
    id: AtomicU64,
    waiting: Mutex<Waiting>,
}

/// Who waits for the descriptor.
#[derive(Default)]
struct Waiting {
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// What the loop is asked for. It stays when a waiter was woken, who usually comes again; it goes when the loop calls and
    /// nobody waits.
    events: u32,
    /// The worker ends.
    is_over: bool,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn change(&self, waiting: &mut Waiting, events: u32) -> Result<(), Error> {
        if events == waiting.events {
            return Ok(());
        }
        // SAFETY: the host's tables live for ever.
        done(unsafe { (self.table.change)(self.host.table(), self.id.load(Ordering::Relaxed), events) })?;
        waiting.events = events;
        Ok(())
    }
}

impl<T: AsRawFd> Watched<T> {
    /// Watches a descriptor, and makes it non-blocking. An error of another thread than the loop's is [`Error::THREAD`], of a
    /// regular file [`Error::INVALID`], of a host without the extension [`Error::UNSUPPORTED`].
    pub fn new(host: Host, inner: T) -> io::Result<Watched<T>> {
        // SAFETY: the extension has this table.
        let table = unsafe { host.extension::<raw::outrider_loop>(raw::LOOP) };
        let table = table.ok_or_else(|| io_error(Error::UNSUPPORTED))?;
        // SAFETY: the descriptor is open, and is not closed here. Any descriptor can be made non-blocking like this.
        ManuallyDrop::new(unsafe { UnixStream::from_raw_fd(inner.as_raw_fd()) }).set_nonblocking(true)?;
        let watch = Arc::new(Watch { host, table, id: AtomicU64::new(0), waiting: Mutex::default() });
        let context: *mut c_void = Arc::into_raw(Arc::clone(&watch)) as *mut c_void;
        let mut id = 0;
        // SAFETY: the host's tables live for ever. The watch has the reference until it ends.
        let watched =
            done(unsafe { (table.watch)(host.table(), NO_EXCHANGE, inner.as_raw_fd(), 0, run, context, &mut id) });
        if let Err(error) = watched {
            // SAFETY: a call that is refused takes nothing over.
            drop(unsafe { Arc::from_raw(context as *const Watch) });
            return Err(io_error(error));
        }
        // The loop, which is this thread, calls run() later.
        watch.id.store(id, Ordering::Relaxed);
        Ok(Watched { watch, inner })
    }

    /// What is watched.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Waits until an operation does not return [`ErrorKind::WouldBlock`], which is tried again whenever the descriptor is
    /// ready.
    pub async fn when<R>(&self, interest: Interest, mut operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        poll_fn(|context| self.poll_when(context, interest, &mut operation)).await
    }

    /// The same, for traits of other crates.
    pub fn poll_when<R>(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        operation: &mut impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            match operation(&self.inner) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => return Poll::Ready(result),
            }
            return match self.wait(context, interest) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(io_error(error))),
            };
        }
    }

    fn wait(&self, context: &mut Context<'_>, interest: Interest) -> Result<(), Error> {
        let mut waiting = self.watch.lock();
        if waiting.is_over {
            return Err(Error::CANCELLED);
        }
        let events = waiting.events | interest.events();
        self.watch.change(&mut waiting, events)?;
        let waker = context.waker().clone();
        let former = match interest {
            Interest::Readable => waiting.reader.replace(waker),
            Interest::Writable => waiting.writer.replace(waker),
        };
        // A waker may free a task: not under the lock.
        drop(waiting);
        drop(former);
        Ok(())
    }
}

/// Wakes who waits for what is ready.
unsafe extern "C" fn run(context: *mut c_void, why: outrider_status, events: u32) {
    let watch = ManuallyDrop::new(Arc::from_raw(context as *const Watch));
    let is_over = why != sys::OK;
    let everyone = is_over || events & (raw::ERROR | raw::HANGUP) != 0;
    let (reader, writer) = {
        let mut waiting = watch.lock();
        waiting.is_over = is_over;
        let reader = if everyone || events & READABLE != 0 { waiting.reader.take() } else { None };
        let writer = if everyone || events & WRITABLE != 0 { waiting.writer.take() } else { None };
        if !is_over && reader.is_none() && writer.is_none() {
            let unwanted = if everyone { READABLE | WRITABLE } else { events };
            let events = waiting.events & !unwanted;
            // A watch that has ended reports nothing more.
            let _ = watch.change(&mut waiting, events);
        }
        (reader, writer)
    };
    for waker in reader.into_iter().chain(writer) {
        waker.wake();
    }
    if is_over {
        drop(ManuallyDrop::into_inner(watch));
    }
}

impl<T: AsRawFd> Drop for Watched<T> {
    fn drop(&mut self) {
        let watch = &self.watch;
        // SAFETY: the host's tables live for ever.
        let unwatched = unsafe { (watch.table.unwatch)(watch.host.table(), watch.id.load(Ordering::Relaxed)) };
        if unwatched == sys::OK {
            // SAFETY: run() is not called any more: its reference is given back here.
            drop(unsafe { Arc::from_raw(Arc::as_ptr(watch)) });
        }
    }
}

impl<T: AsRawFd> Watched<T>
where
    for<'a> &'a T: Read,
{
    /// Reads what is there, and waits until there is something. 0 is the end, unless the buffer is empty.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.when(Interest::Readable, |mut inner| inner.read(buffer)).await
    }

    /// The same, for traits of other crates.
    pub fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_when(context, Interest::Readable, &mut |mut inner: &T| inner.read(buffer))
    }

    /// Fills the buffer. [`ErrorKind::UnexpectedEof`]: the end came before.
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                got => filled += got,
            }
        }
        Ok(())
    }
}

impl<T: AsRawFd> Watched<T>
where
    for<'a> &'a T: Write,
{
    /// Writes a part of the bytes, and waits until there is room for one.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.when(Interest::Writable, |mut inner| inner.write(bytes)).await
    }

    /// The same, for traits of other crates.
    pub fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_when(context, Interest::Writable, &mut |mut inner: &T| inner.write(bytes))
    }

    /// Writes all bytes.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }
}
