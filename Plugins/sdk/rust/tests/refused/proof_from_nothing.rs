//! error[E0423]
use outrider::{blocking::Request, Failure, Responded};

pub fn handle(_: Request<'_>) -> Result<Responded, Failure> {
    Ok(Responded(()))
}

fn main() {}
