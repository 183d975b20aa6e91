//! The proof of a response.

/// The proof that a request has its response. Only what responds makes one, and a handler that succeeds returns it.
#[derive(Debug)]
#[must_use = "the handler returns it"]
pub struct Responded(pub(crate) ());
