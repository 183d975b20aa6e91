//! error[E0382]: borrow of moved value: `request`
use outrider::{blocking::Request, Failure, Responded};

pub fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    let responded = request.respond(200, &[], "")?;
    request.early_hints(&[])?;
    Ok(responded)
}

fn main() {}
