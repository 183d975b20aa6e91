//! An event handler that sends early hints at once and its page later, and blocks nothing meanwhile. outrider-rust(7)
//! explains it.

use outrider::event::{Event, EventHandler, Request, Responder};
use outrider::{Failure, Field, Loading, Plugin};
use std::time::Duration;

outrider::config! {
    struct Settings {
        delay_ms: u16 = 100,
    }
}

struct Hello {
    delay: Duration,
}

impl Plugin for Hello {
    fn load(loading: &Loading<'_>) -> Result<Self, Failure> {
        let settings: Settings = loading.config()?.decode()?;
        Ok(Hello { delay: Duration::from_millis(settings.delay_ms.into()) })
    }
}

impl EventHandler for Hello {
    /// What is kept of a request until it is over.
    type Exchange = Option<Responder>;

    fn open(&self, request: Request<'_>) -> Result<Self::Exchange, Failure> {
        request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
        request.handle().after(self.delay, 0)?;
        Ok(Some(request.into_responder()))
    }

    fn event(&self, exchange: &mut Self::Exchange, event: Event<'_>) -> Result<(), Failure> {
        if let Event::Timer(_) = event {
            if let Some(responder) = exchange.take() {
                responder.respond(200, &[Field::new("content-type", "text/plain")], "hello\n")?;
            }
        } // other events, such as a worker that drains, need nothing here
        Ok(())
    }
}

outrider::plugin!(Hello: event);

#[cfg(test)]
mod tests;
