//! An async handler that sends early hints at once and its page later, and blocks nothing meanwhile. outrider-rust(7)
//! explains it.

use outrider::future::Request;
use outrider::{Failure, Field, Loading, Plugin, Responded};
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

impl Hello {
    /// Serves one request. If the client leaves, the future is dropped where it waits.
    async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
        request.sleep(self.delay).await?;
        Ok(request.respond(200, &[Field::new("content-type", "text/plain")], "hello\n")?)
    }
}

outrider::plugin!(Hello: async handle);

#[cfg(test)]
mod tests;
