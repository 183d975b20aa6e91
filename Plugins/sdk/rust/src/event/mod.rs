//! The event style: calls for each event of a request, on the worker's loop, which must not wait.

mod handle;
mod handler;
pub(crate) mod hooks;
mod responder;
mod response;
mod websocket;

pub use handle::{Handle, Timer};
pub use handler::{Event, EventHandler};
pub use responder::{Request, Responder};
pub use response::Response;
pub use websocket::WebSocket;
