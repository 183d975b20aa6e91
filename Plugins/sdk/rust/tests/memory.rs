//! Memory is flat: what a request has allocated is free again when it is over, however it ends.

use outrider::future::Request;
use outrider::testing::{Mock, Request as MockRequest, Settings};
use outrider::{Failure, Loading, Model, Plugin, Responded};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

/// Counts the bytes that are allocated.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        System.dealloc(pointer, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Pages;

impl Plugin for Pages {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Pages)
    }
}

impl Pages {
    async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        match request.head().path() {
            b"/content" => {
                let content = request.body().read_all(1 << 20).await?.unwrap_or_default();
                Ok(request.respond_owned(200, &[], content)?)
            }
            b"/sleep" => {
                request.sleep(Duration::from_secs(1)).await?;
                Ok(request.respond(200, &[], "")?)
            }
            b"/draining" => {
                request.draining().await;
                Ok(request.respond(200, &[], "")?)
            }
            b"/large" => {
                let mut response = request.start(200, &[])?;
                response.write(vec![b'x'; 1 << 20]).await?;
                Ok(response.finish().await?)
            }
            b"/spawn" => {
                let host = request.host();
                request.spawn(async move { Ok(outrider::future::sleep(host, Duration::from_millis(1)).await?) });
                Ok(request.respond(200, &[], "")?)
            }
            b"/panic" => panic!("on purpose"),
            _ => Ok(request.respond(200, &[], "hello\n")?),
        }
    }
}

outrider::plugin!(Pages: async handle);

/// One request of each kind, of which half are left by the client.
fn round(mock: &Mock) {
    for leaves in [false, true] {
        for request in [
            MockRequest::get("/"),
            MockRequest::get("/sleep"),
            MockRequest::get("/draining"),
            MockRequest::get("/large").slow(),
            MockRequest::get("/spawn"),
            MockRequest::get("/panic"),
            MockRequest::new("POST", "/content").body_follows(),
        ] {
            let exchange = mock.serve(&request);
            if leaves {
                exchange.leave();
                continue;
            }
            exchange.feed("a piece");
            mock.advance(Duration::from_secs(1));
            exchange.end_body();
            exchange.take(2 << 20);
            exchange.leave();
        }
    }
}

#[test]
fn memory_is_flat() {
    // What is printed is kept by the test's harness.
    std::panic::set_hook(Box::new(|_| {}));
    let settings = Settings::new().model(Model::Async).output_limit(64 * 1024).allow_misuse();
    let mock = Mock::start_with(outrider_plugin_v1, &settings);
    let rounds = |count: u32| {
        for _ in 0..count {
            round(&mock);
        }
        LIVE.load(Ordering::Relaxed)
    };
    let before = rounds(20);
    let after = rounds(200);
    drop(std::panic::take_hook());
    assert_eq!(after, before);
}
