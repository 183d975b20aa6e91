//! The blocking style: a call for each request, on a thread that may wait.

mod body;
mod handler;
pub(crate) mod hooks;
mod request;
mod response;

pub use body::Body;
pub use handler::{Handler, ThreadHandler};
pub use request::Request;
pub use response::Response;
