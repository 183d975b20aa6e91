//! What an async handler is.

use super::Request;
use crate::failure::Failure;
use crate::plugin::Plugin;
use crate::responded::Responded;
use std::future::Future;

/// An async function that serves requests of the plugin `P`. Every `async fn(&P, Request<'_>) -> Result<Responded, Failure>`
/// is one; [`plugin!`](crate::plugin) names it.
///
/// ```
/// use outrider::future::Request;
/// use outrider::{Failure, Field, Loading, Plugin, Responded};
/// use std::time::Duration;
///
/// struct Hello;
///
/// impl Plugin for Hello {
///     fn load(_: &Loading<'_>) -> Result<Self, Failure> {
///         Ok(Hello)
///     }
/// }
///
/// impl Hello {
///     async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
///         request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
///         request.sleep(Duration::from_millis(100)).await?;
///         Ok(request.respond(200, &[Field::new("content-type", "text/plain")], b"hello\n")?)
///     }
/// }
///
/// outrider::plugin!(Hello: async handle);
/// # fn main() {}
/// ```
///
/// The future borrows the plugin and the head of the request across each `await`. It runs on the worker's loop, needs not
/// be `Send`, and must not block. When the client leaves, a deadline passes or the worker must stop, it is dropped where it
/// waits: what has to be undone is done by destructors. A failure or a panic becomes the server's own page with status 500,
/// and a line of the error log; after a head, the response is cut off.
///
/// A request is answered once:
///
/// ```compile_fail,E0382
/// # use outrider::{future::Request, Failure, Responded};
/// async fn twice(request: Request<'_>) -> Result<Responded, Failure> {
///     request.respond(200, &[], b"one")?;
///     Ok(request.respond(200, &[], b"two")?)
/// }
/// ```
pub trait AsyncHandler<'a, P: Plugin> {
    /// What the function returns.
    type Future: Future<Output = Result<Responded, Failure>> + 'a;

    /// Calls the function.
    fn call(&self, plugin: &'a P, request: Request<'a>) -> Self::Future;
}

impl<'a, P, F, Serving> AsyncHandler<'a, P> for F
where
    P: Plugin,
    F: Fn(&'a P, Request<'a>) -> Serving,
    Serving: Future<Output = Result<Responded, Failure>> + 'a,
{
    type Future = Serving;

    #[inline]
    fn call(&self, plugin: &'a P, request: Request<'a>) -> Serving {
        self(plugin, request)
    }
}
