//! The event style on the mock host: what a client receives, and what becomes of failures.

use outrider::event::{Event, EventHandler, Handle, Request, Responder, Response};
use outrider::testing::{Ending, Mock, Request as MockRequest, Settings};
use outrider::{Accepted, Error, Failure, Field, Level, Loading, Model, Plugin};
use std::time::Duration;

const PLAIN: &[Field<'_>] = &[Field::new("content-type", "text/plain")];

struct Pages;

enum Page {
    Answered,
    Late(Option<Responder>),
    Content(Option<Responder>, Vec<u8>),
    Echo(Handle, Option<Response>),
    Large(Option<Response>, u32),
    Thread(Option<Responder>),
    Kept(#[allow(dead_code)] Responder),
    Panics(#[allow(dead_code)] Responder),
    Told(Option<Response>),
}

impl Plugin for Pages {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Pages)
    }
}

impl EventHandler for Pages {
    type Exchange = Page;

    fn open(&self, request: Request<'_>) -> Result<Page, Failure> {
        let head = request.head();
        let handle = request.handle();
        match head.path() {
            b"/hello" => {
                request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
                request.respond(200, PLAIN, "hello\n")?;
                Ok(Page::Answered)
            }
            b"/owned" => {
                request.into_responder().respond_owned(200, PLAIN, vec![b'x'; 3_000_000])?;
                Ok(Page::Answered)
            }
            b"/late" => {
                let first = handle.after(Duration::from_millis(50), 1)?;
                handle.after(Duration::from_millis(100), 2)?;
                handle.cancel(first)?;
                Ok(Page::Late(Some(request.into_responder())))
            }
            b"/content" => {
                handle.receive(1)?;
                Ok(Page::Content(Some(request.into_responder()), Vec::new()))
            }
            b"/echo" => {
                handle.receive(1)?;
                Ok(Page::Echo(handle, Some(request.start(200, PLAIN)?)))
            }
            b"/large" => Ok(large(request.start(200, PLAIN)?, 0)?),
            b"/trailers" => {
                let mut response = request.into_responder().start_with_trailers(200, PLAIN)?;
                response.write("content")?;
                response.trailers(&[Field::new("x-end", "1")])?;
                Ok(Page::Answered)
            }
            b"/file" => {
                let mut response = request.start(200, PLAIN)?;
                response.send_file(std::fs::File::open("/proc/self/exe")?, 1, 3)?;
                response.finish()?;
                Ok(Page::Answered)
            }
            b"/thread" => {
                std::thread::spawn(move || handle.post(7));
                Ok(Page::Thread(Some(request.into_responder())))
            }
            b"/forgotten" => Ok(Page::Answered),
            b"/abort" => {
                request.into_responder().abort(Error::CANCELLED);
                Ok(Page::Answered)
            }
            b"/error" => Err(Failure::new("the cache is empty")),
            b"/panic" => panic!("on purpose"),
            b"/panic-late" => {
                handle.after(Duration::from_millis(1), 0)?;
                Ok(Page::Panics(request.into_responder()))
            }
            b"/short" => {
                let mut response = request.start(200, &[Field::new("content-length", "9")])?;
                response.write("too few")?;
                response.finish()?;
                Ok(Page::Answered)
            }
            b"/told" => {
                let mut response = request.start(200, PLAIN)?;
                response.write_tagged("first", 9)?;
                Ok(Page::Told(Some(response)))
            }
            _ => Ok(Page::Kept(request.into_responder())),
        }
    }

    fn event(&self, page: &mut Page, event: Event<'_>) -> Result<(), Failure> {
        match (page, event) {
            (Page::Late(responder), Event::Timer(token)) => {
                responder.take().unwrap().respond(200, PLAIN, token.to_string())?;
            }
            (Page::Content(responder, content), Event::Content { bytes, more }) => {
                content.extend_from_slice(bytes);
                match more {
                    true => responder.as_ref().unwrap().handle().receive(1)?,
                    false => responder.take().unwrap().respond(200, PLAIN, content)?,
                }
            }
            (Page::Echo(handle, response), Event::Content { bytes, more }) => {
                response.as_mut().unwrap().write(bytes)?;
                match more {
                    true => handle.receive(1)?,
                    false => response.take().unwrap().finish()?,
                }
            }
            (page @ Page::Large(..), Event::Resumed) => {
                if let Page::Large(Some(response), sent) = std::mem::replace(page, Page::Answered) {
                    *page = large(response, sent)?;
                }
            }
            (Page::Thread(responder), Event::Posted(token)) => {
                responder.take().unwrap().respond(200, PLAIN, token.to_string())?;
            }
            (Page::Panics(_), Event::Timer(_)) => panic!("later, on purpose"),
            (Page::Told(response), Event::Sent(tag)) => {
                let mut response = response.take().unwrap();
                response.write(format!(" {}", tag))?;
                response.finish()?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes 64 blocks, as there is room.
fn large(mut response: Response, mut sent: u32) -> Result<Page, Failure> {
    while sent < 64 {
        match response.write([b'x'; 4096]) {
            Ok(Accepted::Paused) => return Ok(Page::Large(Some(response), sent + 1)),
            Err(Error::AGAIN) => return Ok(Page::Large(Some(response), sent)),
            result => drop(result?),
        }
        sent += 1;
    }
    match response.finish() {
        Ok(()) => Ok(Page::Answered),
        Err(refused) if refused.error == Error::AGAIN => Ok(Page::Large(Some(refused.value), sent)),
        Err(refused) => Err(refused.into()),
    }
}

outrider::plugin!(Pages: event);

fn settings() -> Settings {
    Settings::new().model(Model::Async)
}

fn started() -> Mock {
    Mock::start_with(outrider_plugin_v1, &settings())
}

#[test]
fn hints_come_before_the_page() {
    let mock = started();
    let response = mock.serve(&MockRequest::get("/hello")).response();
    assert_eq!(response.informational[0].status, 103);
    assert_eq!((response.status, response.ending, response.text()), (200, Ending::Complete, "hello\n"));
}

#[test]
fn owned_content_may_be_larger_than_the_queue() {
    let response = started().serve(&MockRequest::get("/owned")).response();
    assert_eq!((response.ending, response.body.len()), (Ending::Complete, 3_000_000));
}

#[test]
fn a_timer_comes_at_its_time_unless_it_is_cancelled() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::get("/late"));
    mock.advance(Duration::from_millis(99));
    assert_eq!(exchange.response().ending, Ending::Open);
    mock.advance(Duration::from_millis(1));
    assert_eq!(exchange.response().text(), "2");
}

#[test]
fn a_timer_of_an_exchange_that_is_over_does_not_come() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::get("/late"));
    exchange.leave();
    mock.advance(Duration::from_millis(1000));
    assert_eq!(exchange.response().ending, Ending::None);
}

#[test]
fn content_comes_by_credit() {
    let mock = started();
    for path in ["/content", "/echo"] {
        let exchange = mock.serve(&MockRequest::new("POST", path).body_follows());
        exchange.feed("one ");
        exchange.feed("two");
        exchange.end_body();
        let response = exchange.response();
        assert_eq!((response.ending, response.text()), (Ending::Complete, "one two"));
    }
    assert_eq!(mock.serve(&MockRequest::get("/content")).response().text(), "");
}

#[test]
fn a_large_response_waits_for_room() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings().output_limit(16 * 1024));
    let exchange = mock.serve(&MockRequest::get("/large").slow());
    for _ in 0..1000 {
        exchange.take(1000);
    }
    let response = exchange.response();
    assert_eq!((response.ending, response.body.len()), (Ending::Complete, 64 * 4096));
}

#[test]
fn trailers_and_files_are_sent() {
    let mock = started();
    let response = mock.serve(&MockRequest::get("/trailers").field("te", "trailers")).response();
    assert_eq!((response.ending, response.text()), (Ending::Complete, "content"));
    assert_eq!(response.trailers, [("x-end".to_owned(), b"1".to_vec())]);
    let response = mock.serve(&MockRequest::get("/file")).response();
    assert_eq!((response.ending, &response.body[..]), (Ending::Complete, &b"ELF"[..]));
}

#[test]
fn a_thread_comes_back_to_the_exchange() {
    let mock = started();
    let exchange = mock.serve(&MockRequest::get("/thread"));
    while exchange.response().ending == Ending::Open {
        assert!(mock.wait(Duration::from_secs(60)));
    }
    assert_eq!(exchange.response().text(), "7");
}

#[test]
fn the_kernel_has_what_was_tagged() {
    let mock = started();
    assert_eq!(mock.serve(&MockRequest::get("/told")).response().text(), "first 9");
}

#[test]
fn what_is_not_answered_is_a_500() {
    let mock = started();
    let response = mock.serve(&MockRequest::get("/forgotten")).response();
    assert_eq!((response.status, response.ending), (500, Ending::Page));
    let response = mock.serve(&MockRequest::get("/abort")).response();
    assert_eq!((response.status, response.ending), (504, Ending::Page));
}

#[test]
fn an_error_is_a_500_and_a_line_in_the_log() {
    let mock = started();
    let response = mock.serve(&MockRequest::get("/error")).response();
    assert_eq!((response.status, response.ending), (500, Ending::Page));
    assert_eq!(mock.log(), [(Level::Error, "the cache is empty".to_owned())]);
}

#[test]
fn a_panic_is_a_500_and_a_line_with_its_place() {
    let mock = started();
    assert_eq!(mock.serve(&MockRequest::get("/panic")).response().status, 500);
    let late = mock.serve(&MockRequest::get("/panic-late"));
    mock.advance(Duration::from_millis(1));
    assert_eq!((late.response().status, late.response().ending), (500, Ending::Page));
    let log = mock.log();
    assert!(log.len() == 2 && log[0].1.ends_with(": on purpose") && log[1].1.ends_with(": later, on purpose"));
    assert_eq!(mock.serve(&MockRequest::get("/hello")).response().status, 200);
}

#[test]
fn a_response_that_ends_short_is_cut_off() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings().allow_misuse());
    assert_eq!(mock.serve(&MockRequest::get("/short")).response().ending, Ending::Cut);
    assert_eq!(mock.misuses().len(), 1);
}

#[test]
fn an_exchange_that_is_left_ends_with_the_worker() {
    let mock = started();
    mock.serve(&MockRequest::get("/kept"));
    mock.serve(&MockRequest::get("/late"));
    mock.serve(&MockRequest::new("POST", "/content").body_follows());
}
