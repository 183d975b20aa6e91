//! A blocking handler that sends early hints before its page. outrider-rust(7) explains it.

use outrider::blocking::{Handler, Request};
use outrider::{Failure, Field, Loading, Plugin, Responded};

struct Hello;

impl Plugin for Hello {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Hello)
    }
}

impl Handler for Hello {
    fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        // On the wire before this returns.
        request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
        Ok(request.respond(200, &[Field::new("content-type", "text/plain")], "hello\n")?)
    }
}

outrider::plugin!(Hello: blocking);

#[cfg(test)]
mod tests;
