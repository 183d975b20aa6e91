//! The traits of blocking handlers.

use super::Request;
use crate::failure::Failure;
use crate::plugin::{Plugin, Thread};
use crate::responded::Responded;

/// A plugin in blocking style.
///
/// ```
/// use outrider::blocking::{Handler, Request};
/// use outrider::{Failure, Field, Loading, Plugin, Responded};
///
/// struct Hello;
///
/// impl Plugin for Hello {
///     fn load(_: &Loading<'_>) -> Result<Self, Failure> {
///         Ok(Hello)
///     }
/// }
///
/// impl Handler for Hello {
///     fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
///         request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
///         Ok(request.respond(200, &[Field::new("content-type", "text/plain")], b"hello\n")?)
///     }
/// }
///
/// outrider::plugin!(Hello: blocking);
/// # fn main() {}
/// ```
///
/// A request is answered once: what responds takes the request.
///
/// ```compile_fail,E0382
/// # use outrider::{blocking::Request, Failure, Responded};
/// fn twice(request: Request<'_>) -> Result<Responded, Failure> {
///     request.respond(200, &[], b"one")?;
///     Ok(request.respond(200, &[], b"two")?)
/// }
/// ```
///
/// A 103 comes before the response:
///
/// ```compile_fail,E0382
/// # use outrider::{blocking::Request, Failure, Responded};
/// fn late(request: Request<'_>) -> Result<Responded, Failure> {
///     let responded = request.respond(200, &[], b"")?;
///     request.early_hints(&[])?;
///     Ok(responded)
/// }
/// ```
///
/// And a handler that succeeds has answered:
///
/// ```compile_fail,E0308
/// # use outrider::{blocking::Request, Failure, Responded};
/// fn forgotten(request: Request<'_>) -> Result<Responded, Failure> {
///     Ok(())
/// }
/// ```
pub trait Handler: Plugin + Sync {
    /// Serves one request. `[request-thread]` Several run at the same time, on different threads.
    ///
    /// A failure or a panic becomes the server's own page with status 500, and a line of the error log.
    fn handle(&self, request: Request<'_>) -> Result<Responded, Failure>;
}

/// A plugin in blocking style with a value for each thread, such as a connection to a database. Every [`Handler`] is one,
/// without such a value.
pub trait ThreadHandler: Plugin + Sync {
    /// The value of a thread. It is made, used and dropped on that thread.
    type Thread: 'static;

    /// Makes the value of a thread. `[request-thread]` Called first on each thread that runs [`handle`](Self::handle). The
    /// worker serves when every thread has its value. A failure refuses the start or the reload.
    fn thread_start(&self, thread: &Thread<'_>) -> Result<Self::Thread, Failure>;

    /// Serves one request, as [`Handler::handle`].
    fn handle(&self, thread: &mut Self::Thread, request: Request<'_>) -> Result<Responded, Failure>;
}

impl<H: Handler> ThreadHandler for H {
    type Thread = ();

    fn thread_start(&self, _: &Thread<'_>) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    fn handle(&self, _: &mut (), request: Request<'_>) -> Result<Responded, Failure> {
        Handler::handle(self, request)
    }
}
