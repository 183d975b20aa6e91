//! error[E0382]: use of moved value: `request`
use outrider::{blocking::Request, Failure, Responded};

pub fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    request.respond(200, &[], "one")?;
    Ok(request.respond(200, &[], "two")?)
}

fn main() {}
