//! compiles: a plugin with a blocking handler that has a value for each thread, and an event handler.
use outrider::blocking::{self, ThreadHandler};
use outrider::event::{self, EventHandler};
use outrider::{Failure, Loading, Plugin, Responded, Thread};

pub struct Hello;

impl Plugin for Hello {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Hello)
    }
}

impl ThreadHandler for Hello {
    type Thread = std::rc::Rc<()>;

    fn thread_start(&self, _: &Thread<'_>) -> Result<Self::Thread, Failure> {
        Ok(std::rc::Rc::new(()))
    }

    fn handle(&self, _: &mut Self::Thread, request: blocking::Request<'_>) -> Result<Responded, Failure> {
        Ok(request.respond(200, &[], "")?)
    }
}

impl EventHandler for Hello {
    type Exchange = ();

    fn open(&self, request: event::Request<'_>) -> Result<(), Failure> {
        Ok(request.respond(200, &[], "")?)
    }
}

outrider::plugin!(Hello: blocking, event);

fn main() {}
