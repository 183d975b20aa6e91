//! The async style on the mock host: what a client receives, when futures are polled, and when they are dropped.

use outrider::future::{sleep, timeout, Request};
use outrider::testing::{Ending, Mock, Request as MockRequest, Settings};
use outrider::{Error, Failure, Field, Level, Loading, Model, Plugin, Responded, Worker};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const PLAIN: &[Field<'_>] = &[Field::new("content-type", "text/plain")];

struct Pages {
    /// How many futures of /waits were dropped.
    dropped: Cell<u32>,
    /// How often the task that belongs to the worker has run.
    ticks: Arc<AtomicU32>,
}

impl Plugin for Pages {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Pages { dropped: Cell::new(0), ticks: Arc::default() })
    }

    fn worker_start(&mut self, worker: &Worker<'_>) -> Result<(), Failure> {
        let (host, ticks) = (worker.host(), self.ticks.clone());
        worker.spawn(async move {
            loop {
                sleep(host, Duration::from_secs(10)).await?;
                ticks.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(())
    }
}

/// Counts when it is dropped.
struct Counts<'a>(&'a Cell<u32>);

impl Drop for Counts<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// A value that another thread computes.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    struct Slot<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);
    impl<T> Future for Slot<T> {
        type Output = T;
        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
            let mut slot = self.0.lock().unwrap();
            match slot.0.take() {
                Some(value) => Poll::Ready(value),
                None => {
                    slot.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        }
    }
    let slot = Arc::new(Mutex::new((None, None::<Waker>)));
    let theirs = slot.clone();
    std::thread::spawn(move || {
        let value = work();
        let mut slot = theirs.lock().unwrap();
        slot.0 = Some(value);
        if let Some(waker) = slot.1.take() {
            drop(slot);
            waker.wake();
        }
    });
    Slot(slot).await
}

/// Lets the loop have its turns.
async fn give_way(times: u32) {
    struct Once(bool);
    impl Future for Once {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }
    for _ in 0..times {
        Once(false).await;
    }
}

impl Pages {
    async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        let path = request.head().path(); // borrowed across each await
        match path {
            b"/hello" => {
                request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
                Ok(request.respond(200, PLAIN, "hello\n")?)
            }
            b"/sleep" => {
                request.sleep(Duration::from_millis(100)).await?;
                Ok(request.respond(200, PLAIN, path)?)
            }
            b"/waits" => {
                let _counts = Counts(&self.dropped);
                request.sleep(Duration::from_secs(1000)).await?;
                unreachable!()
            }
            b"/dropped" => Ok(request.respond(200, PLAIN, self.dropped.get().to_string())?),
            b"/ticks" => Ok(request.respond(200, PLAIN, self.ticks.load(Ordering::Relaxed).to_string())?),
            b"/thread" => {
                let value = elsewhere(|| 6 * 7).await;
                Ok(request.respond(200, PLAIN, value.to_string())?)
            }
            b"/turns" => {
                give_way(1000).await;
                Ok(request.respond(200, PLAIN, "")?)
            }
            b"/count" => {
                let (mut body, mut sizes) = (request.body(), Vec::new());
                while let Some(size) = body.next(<[u8]>::len).await? {
                    sizes.push(size);
                }
                assert_eq!(body.next(<[u8]>::len).await?, None);
                Ok(request.respond(200, PLAIN, format!("{:?}", sizes))?)
            }
            b"/all" => match request.body().read_all(8).await? {
                Some(content) => Ok(request.respond(200, PLAIN, content)?),
                None => Ok(request.respond(413, PLAIN, "too long")?),
            },
            b"/echo" => {
                let mut body = request.body();
                let mut response = request.start(200, PLAIN)?;
                let mut buffer = [0; 3];
                loop {
                    match body.read(&mut buffer).await? {
                        0 => return Ok(response.finish().await?),
                        got => response.write(&buffer[..got]).await?,
                    }
                }
            }
            b"/late-read" => {
                // The piece comes while nobody waits for it.
                let mut body = request.body();
                let none = timeout(request.host(), Duration::from_millis(1), body.next(<[u8]>::len)).await;
                assert!(none.is_none());
                request.sleep(Duration::from_millis(100)).await?;
                let piece = body.next(<[u8]>::to_vec).await?;
                Ok(request.respond(200, PLAIN, piece.unwrap())?)
            }
            b"/large" => {
                let mut response = request.start(200, PLAIN)?;
                for _ in 0..4 {
                    response.write(vec![b'x'; 1 << 20]).await?;
                    response.write_owned(vec![b'y'; 1 << 20]).await?;
                }
                Ok(response.finish().await?)
            }
            b"/whole" => Ok(request.respond(200, PLAIN, vec![b'x'; 3_000_000])?),
            b"/file" => {
                let mut response = request.start_with_trailers(200, PLAIN)?;
                response.send_file(std::fs::File::open("/proc/self/exe")?, 1, 3).await?;
                Ok(response.trailers(&[Field::new("x-end", "1")]).await?)
            }
            b"/timeout" => {
                let host = request.host();
                let short = timeout(host, Duration::from_millis(10), request.sleep(Duration::from_millis(5))).await;
                let long = timeout(host, Duration::from_millis(10), request.sleep(Duration::from_millis(50))).await;
                Ok(request.respond(200, PLAIN, format!("{:?} {:?}", short, long))?)
            }
            b"/draining" => {
                request.draining().await;
                Ok(request.respond(200, PLAIN, "drained")?)
            }
            b"/spawn" => {
                let host = request.host();
                request.spawn(async move {
                    sleep(host, Duration::from_millis(10)).await?;
                    Err(Failure::new("spawned"))
                });
                Ok(request.respond(200, PLAIN, "")?)
            }
            b"/short" => {
                let mut response = request.start(200, &[Field::new("content-length", "9")])?;
                response.write("too few").await?;
                Ok(response.finish().await?)
            }
            b"/error" => {
                request.sleep(Duration::from_millis(1)).await?;
                Err(std::fs::File::open("/nowhere").unwrap_err().into())
            }
            b"/cancelled" => Err(Error::CANCELLED.into()),
            b"/panic" => panic!("on purpose"),
            b"/panic-late" => {
                let mut response = request.start(200, PLAIN)?;
                response.write("begun").await?;
                sleep(response.host(), Duration::from_millis(1)).await?;
                panic!("too late");
            }
            b"/drop-panics" => {
                struct Panics;
                impl Drop for Panics {
                    fn drop(&mut self) {
                        panic!("dropped");
                    }
                }
                let _panics = Panics;
                request.sleep(Duration::from_secs(1000)).await?;
                unreachable!()
            }
            _ => Ok(request.respond(404, PLAIN, "")?),
        }
    }
}

outrider::plugin!(Pages: async handle);

fn settings() -> Settings {
    Settings::new().model(Model::Async)
}

fn started() -> Mock {
    Mock::start_with(outrider_plugin_v1, &settings())
}

fn text(mock: &Mock, path: &str) -> String {
    mock.serve(&MockRequest::get(path)).response().text().to_owned()
}

#[test]
fn hints_come_before_the_page() {
    let mock = started();
    let response = mock.serve(&MockRequest::get("/hello")).response();
    assert_eq!(response.informational[0].status, 103);
    assert_eq!((response.status, response.ending, response.text()), (200, Ending::Complete, "hello\n"));
}

#[test]
fn a_future_sleeps_on_the_loop() {
    let mock = started();
    let exchanges: Vec<_> = (0..3).map(|_| mock.serve(&MockRequest::get("/sleep"))).collect();
    mock.advance(Duration::from_millis(99));
    assert!(exchanges.iter().all(|exchange| exchange.response().ending == Ending::Open));
    mock.advance(Duration::from_millis(1));
    assert!(exchanges.iter().all(|exchange| exchange.response().text() == "/sleep"));
}

#[test]
fn another_thread_wakes_a_future() {
    let mock = started();
    let exchanges: Vec<_> = (0..50).map(|_| mock.serve(&MockRequest::get("/thread"))).collect();
    while exchanges.iter().any(|exchange| exchange.response().ending == Ending::Open) {
        assert!(mock.wait(Duration::from_secs(60)));
    }
    assert!(exchanges.iter().all(|exchange| exchange.response().text() == "42"));
}

#[test]
fn a_future_that_wakes_itself_gives_way() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::get("/turns"));
    mock.run();
    assert_eq!(exchange.response().ending, Ending::Complete);
}

#[test]
fn content_comes_in_pieces() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::new("POST", "/count").body_follows());
    exchange.feed("one");
    exchange.feed("four");
    exchange.end_body();
    assert_eq!(exchange.response().text(), "[3, 4]");
    assert_eq!(text(&mock, "/count"), "[]");
    assert_eq!(mock.serve(&MockRequest::post("/count", "12345").piece(2)).response().text(), "[2, 2, 1]");
}

#[test]
fn content_is_read_while_the_response_is_written() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::new("POST", "/echo").body_follows());
    exchange.feed("one, two ");
    assert_eq!(exchange.response().text(), "one, two ");
    exchange.feed("and three");
    exchange.end_body();
    assert_eq!((exchange.response().ending, exchange.response().text()), (Ending::Complete, "one, two and three"));
}

#[test]
fn content_is_read_up_to_a_limit() {
    let mock = started();
    for (content, status) in [(&b"12345678"[..], 200), (b"123456789", 413), (b"", 200)] {
        assert_eq!(mock.serve(&MockRequest::post("/all", content).piece(3)).response().status, status);
    }
}

#[test]
fn a_piece_that_nobody_waits_for_is_kept() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::new("POST", "/late-read").body_follows());
    mock.advance(Duration::from_millis(1));
    exchange.feed("a piece");
    exchange.end_body();
    mock.advance(Duration::from_millis(100));
    assert_eq!(exchange.response().text(), "a piece");
}

#[test]
fn a_large_response_waits_for_room() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings().output_limit(64 * 1024));
    let exchange = mock.serve(&MockRequest::get("/large").slow());
    let mut taken = 0;
    while exchange.response().ending == Ending::Open {
        exchange.take(100_000);
        taken += 1;
        assert!(taken < 1000);
    }
    assert_eq!((exchange.response().ending, exchange.response().body.len()), (Ending::Complete, 8 << 20));
    assert_eq!(mock.serve(&MockRequest::get("/whole")).response().body.len(), 3_000_000);
}

#[test]
fn files_and_trailers_are_sent() {
    let response = started().serve(&MockRequest::get("/file").field("te", "trailers")).response();
    assert_eq!((response.ending, &response.body[..]), (Ending::Complete, &b"ELF"[..]));
    assert_eq!(response.trailers, [("x-end".to_owned(), b"1".to_vec())]);
}

#[test]
fn a_timeout_ends_what_takes_longer() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::get("/timeout"));
    mock.advance(Duration::from_millis(15));
    assert_eq!(exchange.response().text(), "Some(Ok(())) None");
}

#[test]
fn a_client_that_leaves_drops_the_future() {
    let mock = started();
    mock.serve(&MockRequest::get("/waits")).leave();
    assert_eq!(text(&mock, "/dropped"), "1");
    assert_eq!(mock.log(), []);
}

#[test]
fn a_deadline_drops_the_future() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings().request_timeout(Duration::from_secs(5)));
    let exchange = mock.serve(&MockRequest::get("/waits"));
    mock.advance(Duration::from_secs(5));
    assert_eq!((exchange.response().status, exchange.response().ending), (504, Ending::Page));
    assert_eq!(text(&mock, "/dropped"), "1");
}

#[test]
fn a_future_learns_of_draining() {
    let mock = started();
    let (drained, waits) = (mock.serve(&MockRequest::get("/draining")), mock.serve(&MockRequest::get("/waits")));
    mock.drain();
    assert_eq!((drained.response().text(), waits.response().ending), ("drained", Ending::Open));
}

#[test]
fn a_future_may_belong_to_the_worker() {
    let mock = started();
    mock.advance(Duration::from_secs(35));
    assert_eq!(text(&mock, "/ticks"), "3");
    mock.serve(&MockRequest::get("/spawn"));
    mock.advance(Duration::from_millis(10));
    assert_eq!(mock.log(), [(Level::Error, "spawned".to_owned())]);
}

#[test]
fn an_error_is_a_500_and_a_line_in_the_log() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::get("/error"));
    mock.advance(Duration::from_millis(1));
    assert_eq!((exchange.response().status, exchange.response().ending), (500, Ending::Page));
    let log = mock.log();
    assert!(log.len() == 1 && log[0].1.contains("No such file or directory"), "{:?}", log);
    assert_eq!(mock.serve(&MockRequest::get("/cancelled")).response().status, 504);
    assert_eq!(mock.log().len(), 1);
}

#[test]
fn a_panic_is_a_500_and_a_line_with_its_place() {
    let mock = started();
    assert_eq!(mock.serve(&MockRequest::get("/panic")).response().status, 500);
    let log = mock.log();
    assert!(log.len() == 1 && log[0].1.starts_with("panicked at tests/future.rs:"), "{:?}", log);
    let late = mock.serve(&MockRequest::get("/panic-late"));
    mock.advance(Duration::from_millis(1));
    assert_eq!((late.response().status, late.response().ending, late.response().text()), (200, Ending::Cut, "begun"));
    mock.serve(&MockRequest::get("/drop-panics")).leave();
    assert!(mock.log()[2].1.ends_with(": dropped"), "{:?}", mock.log());
    assert_eq!(text(&mock, "/hello"), "hello\n");
}

#[test]
fn a_response_that_ends_short_is_cut_off() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings().allow_misuse());
    assert_eq!(mock.serve(&MockRequest::get("/short")).response().ending, Ending::Cut);
    assert_eq!(mock.misuses().len(), 1);
}

#[test]
fn what_is_left_ends_with_the_worker() {
    let mock = started();
    mock.serve(&MockRequest::get("/waits"));
    mock.serve(&MockRequest::get("/thread"));
    mock.serve(&MockRequest::new("POST", "/count").body_follows());
}
