//! same_answer.c in Rust: the same fields and body. The feature decides the style.

use outrider::{Failure, Field, Loading, Plugin};

const BODY: &str = "Hello, Outrider!";
const FIELDS: &[Field<'_>] = &[Field::new("content-type", "text/plain")];

struct SameAnswer;

impl Plugin for SameAnswer {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(SameAnswer)
    }
}

#[cfg(feature = "blocking")]
mod style {
    use super::*;
    use outrider::blocking::{Handler, Request};
    use outrider::Responded;

    impl Handler for SameAnswer {
        fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
            Ok(request.respond(200, FIELDS, BODY)?)
        }
    }

    outrider::plugin!(SameAnswer: blocking);
}

#[cfg(feature = "event")]
mod style {
    use super::*;
    use outrider::event::{EventHandler, Request};

    impl EventHandler for SameAnswer {
        type Exchange = ();

        fn open(&self, request: Request<'_>) -> Result<(), Failure> {
            request.respond(200, FIELDS, BODY)?;
            Ok(())
        }
    }

    outrider::plugin!(SameAnswer: event);
}

#[cfg(feature = "async")]
mod style {
    use super::*;
    use outrider::future::Request;
    use outrider::Responded;

    impl SameAnswer {
        async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
            Ok(request.respond(200, FIELDS, BODY)?)
        }
    }

    outrider::plugin!(SameAnswer: async handle);
}
