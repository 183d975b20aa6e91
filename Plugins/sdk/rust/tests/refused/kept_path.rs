//! error[E0521]: borrowed data escapes outside of
use outrider::{blocking::Request, Failure, Responded};
use std::cell::Cell;

thread_local! { static PATH: Cell<&'static [u8]> = Cell::new(b""); }

pub fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    let path = request.head().path();
    PATH.with(|kept| kept.set(path));
    Ok(request.respond(200, &[], "")?)
}

fn main() {}
