//! The table `[plugin.config]`, with types, and with errors that name the key they are about.
//!
//! ```
//! # use outrider::{Failure, Loading};
//! use std::path::PathBuf;
//!
//! outrider::config! {
//!     /// What the operator can set.
//!     pub struct Settings {
//!         database: PathBuf,                   // required
//!         greeting: String = "hello".into(),   // optional
//!         limit: u32 = 10,
//!         admins: Option<Vec<String>>,
//!     }
//! }
//!
//! fn settings(loading: &Loading<'_>) -> Result<Settings, Failure> {
//!     loading.config()?.decode()
//! }
//! ```
//!
//! Every error is reported with its place, `file:line:column: plugin.config.limit: must be an integer from 0 to 4294967295`,
//! and so is every key that the structure does not have.

mod decode;
mod structure;
mod table;

pub use decode::Decode;
pub use table::{Kind, Table, Value};
