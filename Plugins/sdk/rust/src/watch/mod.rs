//! Descriptors on the worker's loop: clients of other services, without another thread.
//!
//! A [`Watched`] value is a non-blocking socket, pipe or the like. Its functions wait on the loop, as futures. Those with
//! `poll_` in their names are for traits of other crates, such as `AsyncRead`.
//!
//! ```no_run
//! use outrider::future::Request;
//! use outrider::watch::connect_tcp;
//! use outrider::{Failure, Responded};
//!
//! async fn ask(request: Request<'_>) -> Result<Responded, Failure> {
//!     let upstream = connect_tcp(request.host(), "127.0.0.1:6379".parse()?).await?;
//!     upstream.write_all(b"PING\r\n").await?;
//!     let mut answer = [0; 7];
//!     upstream.read_exact(&mut answer).await?;
//!     Ok(request.respond(200, &[], answer)?)
//! }
//! ```

mod connect;
mod watched;

pub use connect::{connect_tcp, connect_unix};
pub use watched::{Interest, Watched};
