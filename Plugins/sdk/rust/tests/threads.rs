//! A panic of a thread that the plugin has started. It is logged by the entry that was loaded last: this test is alone in its
//! process.

use outrider::event::{EventHandler, Request};
use outrider::testing::{Ending, Mock, Request as MockRequest};
use outrider::{Failure, Level, Loading, Plugin};
use std::thread;
use std::time::Duration;

struct Pages;

impl Plugin for Pages {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Pages)
    }
}

impl EventHandler for Pages {
    type Exchange = ();

    fn open(&self, request: Request<'_>) -> Result<(), Failure> {
        let responder = request.into_responder();
        thread::Builder::new().name("pump".to_owned()).spawn(move || {
            let _responder = responder;
            panic!("in a thread");
        })?;
        Ok(())
    }
}

outrider::plugin!(Pages: event);

#[test]
fn a_panic_of_a_thread_is_logged_and_drops_its_responder() {
    let mock = Mock::start(outrider_plugin_v1);
    let exchange = mock.serve(&MockRequest::get("/"));
    while exchange.response().ending == Ending::Open {
        assert!(mock.wait(Duration::from_secs(60)));
    }
    assert_eq!((exchange.response().status, exchange.response().ending), (500, Ending::Page));
    let (level, line) = &mock.log()[0];
    assert!(*level == Level::Error && line.starts_with("thread \"pump\" panicked at tests/threads.rs:"), "{}", line);
    assert!(line.ends_with(": in a thread"), "{}", line);
}
