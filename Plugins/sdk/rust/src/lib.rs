//! Handlers for the Outrider application server.
//!
//! A plugin is a shared object (`crate-type = ["cdylib"]`) with a type that implements [`Plugin`] and one of the styles:
//!
//! | style | how | for |
//! |---|---|---|
//! | blocking | [`blocking::Handler`], or [`blocking::ThreadHandler`] with a value for each thread | code that waits: files, databases, clients |
//! | event | [`event::EventHandler`] | full control on the worker's loop |
//! | async | an `async fn` of the type: [`future::AsyncHandler`] | many requests that wait, on the worker's loop |
//!
//! [`plugin!`] exports it. Comments name the threads as outrider.h does: `[master]`, `[loop]`, `[request-thread]`,
//! `[any-thread]`. outrider-rust(7) begins with the first minute.
#![warn(missing_docs)]

pub mod blocking;
mod bytes;
pub mod config;
#[doc(hidden)]
pub mod entry;
pub mod event;
mod exchange;
mod failure;
mod field;
pub mod future;
mod head;
pub mod health;
mod host;
mod life;
pub mod metrics;
mod panics;
mod plugin;
mod poll_fn;
mod refused;
mod responded;
mod send;
mod status;
pub mod store;
pub mod sys;
#[cfg(feature = "testing")]
pub mod testing;
pub mod watch;
pub mod websocket;

pub use exchange::{Exchange, Tls, Trace};
pub use failure::Failure;
pub use field::{value_of, Field};
pub use head::{Head, Version};
pub use host::{Host, Level};
pub use plugin::{Loading, Model, Plugin, Purpose, Thread, Worker};
pub use refused::Refused;
pub use responded::Responded;
pub use status::{Accepted, Error};
