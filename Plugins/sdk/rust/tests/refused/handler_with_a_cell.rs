//! error[E0277]: `Cell<u32>` cannot be shared between threads safely
use outrider::blocking::{Handler, Request};
use outrider::{Failure, Loading, Plugin, Responded};
use std::cell::Cell;

pub struct Hello(Cell<u32>);

impl Plugin for Hello {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Hello(Cell::new(0)))
    }
}

impl Handler for Hello {
    fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        self.0.set(1);
        Ok(request.respond(200, &[], "")?)
    }
}

fn main() {}
