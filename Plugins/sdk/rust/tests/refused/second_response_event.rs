//! error[E0382]: use of moved value: `responder`
use outrider::{event::Responder, Failure};

pub fn answer(responder: Responder) -> Result<(), Failure> {
    responder.respond(200, &[], "one")?;
    responder.start(200, &[])?;
    Ok(())
}

fn main() {}
