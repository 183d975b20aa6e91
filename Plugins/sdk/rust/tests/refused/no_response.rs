//! error[E0308]: mismatched types
use outrider::{blocking::Request, Failure, Responded};

pub fn handle(_: Request<'_>) -> Result<Responded, Failure> {
    Ok(())
}

fn main() {}
