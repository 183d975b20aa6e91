//! error[E0521]: borrowed data escapes outside of
use outrider::{future::Request, Failure};

pub fn handle(other: &Request<'_>, request: Request<'_>) {
    other.spawn(async move {
        request.respond(200, &[], "")?;
        Ok::<(), Failure>(())
    });
}

fn main() {}
