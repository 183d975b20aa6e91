//! Acts of a plugin in Rust, in both styles: the async worker model runs `later`, the others run `handle`.

use outrider::blocking::{self, Handler};
use outrider::watch::connect_tcp;
use outrider::{future, Failure, Field, Head, Loading, Plugin, Responded};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PLAIN: &[Field<'_>] = &[Field::new("content-type", "text/plain")];

struct Acts {
    /// The requests that are being served.
    open: AtomicUsize,
}

/// A request that is being served.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn new(count: &'a AtomicUsize) -> Open<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Open(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Plugin for Acts {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Acts { open: AtomicUsize::new(0) })
    }
}

impl Acts {
    /// What is the same in both styles.
    fn text(&self, head: &Head<'_>) -> Result<String, Failure> {
        match head.path() {
            b"/panic" => panic!("on purpose"),
            b"/error" => Err(std::fs::File::open("/nowhere").unwrap_err().into()),
            b"/open" => Ok(self.open.load(Ordering::Relaxed).to_string()),
            _ => Ok("hello\n".to_owned()),
        }
    }

    async fn later(&self, request: future::Request<'_>) -> Result<Responded, Failure> {
        let head = request.head();
        match head.path() {
            b"/wait" => {
                let _open = Open::new(&self.open);
                request.sleep(Duration::from_secs(3600)).await?;
            }
            b"/content" => {
                let _open = Open::new(&self.open);
                let content = request.body().read_all(1 << 20).await?.unwrap_or_default();
                return Ok(request.respond(200, PLAIN, content)?);
            }
            b"/panic-late" => {
                request.start(200, PLAIN)?.write("begun").await?;
                panic!("too late");
            }
            b"/ask" => {
                let address = std::str::from_utf8(head.query())?.parse()?;
                let upstream = connect_tcp(request.host(), address).await?;
                upstream.write_all(b"ping").await?;
                let mut answer = [0; 4];
                upstream.read_exact(&mut answer).await?;
                return Ok(request.respond(200, PLAIN, answer)?);
            }
            _ => {}
        }
        let text = self.text(&head)?;
        Ok(request.respond(200, PLAIN, text)?)
    }
}

impl Handler for Acts {
    fn handle(&self, request: blocking::Request<'_>) -> Result<Responded, Failure> {
        if request.head().path() == b"/panic-late" {
            request.start(200, PLAIN)?.write("begun")?;
            panic!("too late");
        }
        let text = self.text(&request.head())?;
        Ok(request.respond(200, PLAIN, text)?)
    }
}

outrider::plugin!(Acts: blocking, async later);
