//! The async style: a future for each request, on the worker's loop, without another thread.

mod blocks;
mod body;
mod draining;
mod handler;
pub(crate) mod hooks;
mod request;
mod response;
pub(crate) mod runtime;
mod sleep;
pub(crate) mod spawn;
mod state;
mod task;
mod websocket;

pub use body::Body;
pub use draining::Draining;
pub use handler::AsyncHandler;
pub use request::Request;
pub use response::Response;
pub use sleep::{sleep, timeout, Sleep};
pub use websocket::WebSocket;
