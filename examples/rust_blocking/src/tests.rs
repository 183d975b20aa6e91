//! Tests in the mock host of outrider-testing(3): no server, no socket.

use crate::outrider_plugin_v1;
use outrider::testing::{Ending, Mock, Request};
use outrider::Version;

#[test]
fn hints_come_before_the_page() {
    let response = Mock::start(outrider_plugin_v1).serve(&Request::get("/")).response();
    assert_eq!(response.informational.len(), 1);
    assert_eq!(response.informational[0].status, 103);
    assert_eq!((response.ending, response.status, response.text()), (Ending::Complete, 200, "hello\n"));
}

#[test]
fn a_client_of_http_1_0_gets_the_page_alone() {
    let mock = Mock::start(outrider_plugin_v1);
    let response = mock.serve(&Request::get("/").version(Version::Http10)).response();
    assert!(response.informational.is_empty());
    assert_eq!((response.status, response.text()), (200, "hello\n"));
}
