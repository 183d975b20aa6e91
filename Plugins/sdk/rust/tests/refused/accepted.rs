//! compiles: what the other files are without their faults.
use outrider::blocking::Handler;
use outrider::{blocking, event, future, Failure, Loading, Plugin, Responded};

pub struct Hello;

impl Plugin for Hello {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Hello)
    }
}

impl Handler for Hello {
    fn handle(&self, request: blocking::Request<'_>) -> Result<Responded, Failure> {
        request.early_hints(&[])?;
        Ok(request.respond(200, &[], "")?)
    }
}

impl Hello {
    pub async fn later(&self, request: future::Request<'_>) -> Result<Responded, Failure> {
        let path = request.head().path();
        request.sleep(std::time::Duration::ZERO).await?;
        Ok(request.respond(200, &[], path)?)
    }
}

pub fn elsewhere(responder: event::Responder) {
    std::thread::spawn(move || responder.respond(200, &[], ""));
}

outrider::plugin!(Hello: blocking, async later);

fn main() {}
