//! A host in memory, for tests of a plugin without a server: the mock host of outrider-testing(3).
//!
//! The feature `testing` links it, found by `pkg-config outrider-testing`. A plugin has it among its
//! `[dev-dependencies]`, and a module of tests in its own crate:
//!
//! ```
//! # use outrider::blocking::{Handler, Request};
//! # use outrider::{Failure, Field, Loading, Plugin, Responded};
//! # struct Hello;
//! # impl Plugin for Hello { fn load(_: &Loading<'_>) -> Result<Self, Failure> { Ok(Hello) } }
//! # impl Handler for Hello {
//! #     fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
//! #         request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
//! #         Ok(request.respond(200, &[], b"hello\n")?)
//! #     }
//! # }
//! # outrider::plugin!(Hello: blocking);
//! # fn main() {
//! use outrider::testing::{Mock, Request as MockRequest};
//!
//! let mock = Mock::start(outrider_plugin_v1);
//! let response = mock.serve(&MockRequest::get("/")).response();
//! assert_eq!(response.informational[0].status, 103);
//! assert_eq!(response.body, b"hello\n");
//! # }
//! ```
//!
//! All hooks run on the test's thread, within the functions of [`Mock`] and [`Exchange`]. Time does not pass until
//! [`Mock::advance`]. A test fails if the plugin has misused the ABI.

mod exchange;
mod mock;
mod request;
mod response;
mod settings;

pub use exchange::Exchange;
pub use mock::{Entry, Mock};
pub use request::Request;
pub use response::{Ending, Response, Section};
pub use settings::Settings;

/// A field of a request or a response: the name and the value.
pub type OwnedField = (String, Vec<u8>);
