//! The blocking style on the mock host: what a client receives, and what becomes of failures.

use outrider::blocking::{Request, ThreadHandler};
use outrider::testing::{Ending, Mock, Request as MockRequest, Settings};
use outrider::{Error, Failure, Field, Level, Loading, Plugin, Responded, Thread, Version};
use std::io::{Read, Write};

const PLAIN: &[Field<'_>] = &[Field::new("content-type", "text/plain")];

struct Pages;

/// How many requests a thread has served.
struct Served(u32);

impl Plugin for Pages {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Pages)
    }
}

impl ThreadHandler for Pages {
    type Thread = Served;

    fn thread_start(&self, thread: &Thread<'_>) -> Result<Served, Failure> {
        assert_eq!((thread.index(), thread.threads()), (0, 1));
        Ok(Served(0))
    }

    fn handle(&self, served: &mut Served, request: Request<'_>) -> Result<Responded, Failure> {
        served.0 += 1;
        let head = request.head();
        match head.path() {
            b"/hello" => {
                request.early_hints(&[Field::new("link", "</style.css>; rel=preload; as=style")])?;
                Ok(request.respond(200, PLAIN, "hello\n")?)
            }
            b"/served" => Ok(request.respond(200, PLAIN, served.0.to_string())?),
            b"/head" => {
                let text = format!(
                    "{} {} {:?} {:?} {}",
                    String::from_utf8_lossy(head.method()),
                    String::from_utf8_lossy(head.query()),
                    head.version(),
                    head.field("X-One").map(String::from_utf8_lossy),
                    head.fields().len()
                );
                Ok(request.respond(200, PLAIN, text)?)
            }
            b"/echo" => {
                let mut body = request.body();
                let mut response = request.start(200, PLAIN)?;
                let mut buffer = [0; 4];
                loop {
                    match body.read(&mut buffer)? {
                        0 => return Ok(response.finish()),
                        got => response.write(&buffer[..got])?,
                    };
                }
            }
            b"/all" => match request.body().read_all(8)? {
                Some(content) => Ok(request.respond(200, PLAIN, content)?),
                None => Ok(request.respond(413, PLAIN, "too long")?),
            },
            b"/standard" => {
                let mut text = String::new();
                request.body().read_to_string(&mut text)?;
                let mut response = request.start(200, PLAIN)?;
                write!(response, "<{}>", text)?;
                response.flush()?;
                Ok(response.trailers(&[Field::new("x-end", "1")])?)
            }
            b"/file" => {
                let file = std::fs::File::open("/proc/self/exe")?;
                let mut response = request.start(200, PLAIN)?;
                response.send_file(&file, 1, 3)?;
                Ok(response.finish())
            }
            b"/invalid" => Ok(request.respond(200, &[Field::new("x", "a\nb")], "")?),
            b"/error" => Err(std::fs::File::open("/nowhere").unwrap_err().into()),
            b"/message" => Err(Failure::new("the cache is empty")),
            b"/panic" => panic!("on {}", "purpose"),
            b"/panic-late" => {
                request.start(200, PLAIN)?.write("begun")?;
                panic!("too late");
            }
            b"/panic-oddly" => std::panic::panic_any(PanicsAgain),
            _ => Ok(request.respond(404, PLAIN, "")?),
        }
    }
}

/// A payload whose destructor panics.
struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("again");
    }
}

outrider::plugin!(Pages: blocking);

fn started() -> Mock {
    Mock::start(outrider_plugin_v1)
}

#[test]
fn hints_come_before_the_page() {
    let response = started().serve(&MockRequest::get("/hello")).response();
    assert_eq!(response.informational.len(), 1);
    assert_eq!(response.informational[0].status, 103);
    assert_eq!(response.informational[0].field("Link").unwrap(), "</style.css>; rel=preload; as=style");
    assert_eq!((response.status, response.ending, response.text()), (200, Ending::Complete, "hello\n"));
    assert_eq!(response.field("Content-Length"), Some("6"));
}

#[test]
fn a_thread_keeps_its_value() {
    let mock = started();
    mock.serve(&MockRequest::get("/hello"));
    assert_eq!(mock.serve(&MockRequest::get("/served")).response().text(), "2");
}

#[test]
fn the_head_is_that_of_the_request() {
    let request =
        MockRequest::new("PUT", "/head?a=%20b").field("x-one", "1").field("x-ONE", "2").version(Version::Http2);
    let text = started().serve(&request).response().text().to_owned();
    assert!(text.starts_with("PUT a=%20b Http2 Some(\"1\")"), "{}", text);
}

#[test]
fn content_is_read_while_the_response_is_written() {
    let request = MockRequest::new("POST", "/echo").body_in_pieces(&[b"one ", b"two and three"]);
    let response = started().serve(&request).response();
    assert_eq!((response.ending, response.text()), (Ending::Complete, "one two and three"));
}

#[test]
fn content_is_read_up_to_a_limit() {
    let mock = started();
    for (content, status) in [(&b"12345678"[..], 200), (b"123456789", 413), (b"", 200)] {
        assert_eq!(mock.serve(&MockRequest::post("/all", content)).response().status, status);
    }
}

#[test]
fn the_traits_of_std_work_as_well() {
    let request = MockRequest::post("/standard", "text").field("te", "trailers");
    let response = started().serve(&request).response();
    assert_eq!(response.text(), "<text>");
    assert_eq!(response.trailers, [("x-end".to_owned(), b"1".to_vec())]);
}

#[test]
fn a_part_of_a_file_is_sent() {
    assert_eq!(started().serve(&MockRequest::get("/file")).response().body, b"ELF");
}

#[test]
fn a_field_that_is_refused_is_a_failure() {
    let mock = Mock::start_with(outrider_plugin_v1, &Settings::new().allow_misuse());
    let response = mock.serve(&MockRequest::get("/invalid")).response();
    assert_eq!((response.status, response.ending), (500, Ending::Page));
    assert_eq!(mock.misuses().len(), 1);
    assert_eq!(mock.log(), [(Level::Error, Error::INVALID.to_string())]);
}

#[test]
fn an_error_is_a_500_and_a_line_in_the_log() {
    for (path, said) in [("/error", "No such file or directory"), ("/message", "the cache is empty")] {
        let mock = started();
        let response = mock.serve(&MockRequest::get(path)).response();
        assert_eq!((response.status, response.ending), (500, Ending::Page));
        let log = mock.log();
        assert!(log.len() == 1 && log[0].0 == Level::Error && log[0].1.contains(said), "{:?}", log);
    }
}

#[test]
fn a_panic_is_a_500_and_a_line_with_its_place() {
    let mock = started();
    let response = mock.serve(&MockRequest::get("/panic")).response();
    assert_eq!((response.status, response.ending), (500, Ending::Page));
    let log = mock.log();
    assert!(log.len() == 1 && log[0].1.starts_with("panicked at tests/blocking.rs:"), "{:?}", log);
    assert!(log[0].1.ends_with(": on purpose"), "{:?}", log);
    assert_eq!(mock.serve(&MockRequest::get("/hello")).response().status, 200);
}

#[test]
fn a_panic_after_the_head_cuts_the_response_off() {
    let response = started().serve(&MockRequest::get("/panic-late")).response();
    assert_eq!((response.status, response.ending, response.text()), (200, Ending::Cut, "begun"));
}

#[test]
fn a_payload_that_panics_is_a_500_too() {
    let mock = started();
    assert_eq!(mock.serve(&MockRequest::get("/panic-oddly")).response().status, 500);
    assert_eq!(mock.log().len(), 1);
}

#[test]
fn a_client_that_leaves_is_no_failure_of_the_handler() {
    let mock = started();
    let request = MockRequest::new("POST", "/all").body_follows();
    assert_eq!(mock.serve(&request).response().ending, Ending::None);
    assert_eq!(mock.log(), []);
}
