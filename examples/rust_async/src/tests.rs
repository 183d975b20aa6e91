//! Tests in the mock host of outrider-testing(3): no server, no socket, and no time that passes.

use crate::outrider_plugin_v1;
use outrider::testing::{Ending, Mock, Request, Settings};
use outrider::{Model, Purpose};
use std::time::Duration;

fn started(config: &str) -> Mock {
    Mock::start_with(outrider_plugin_v1, &Settings::new().model(Model::Async).config(config))
}

#[test]
fn hints_come_at_once() {
    let mock = started("{}");
    let response = mock.serve(&Request::get("/")).response();
    assert_eq!(response.informational.len(), 1);
    assert_eq!(response.informational[0].status, 103);
    assert_eq!(response.ending, Ending::Open);
}

#[test]
fn the_page_comes_after_the_delay() {
    let mock = started(r#"{"delay_ms": 200}"#);
    let exchange = mock.serve(&Request::get("/"));
    mock.advance(Duration::from_millis(199));
    assert_eq!(exchange.response().ending, Ending::Open);
    mock.advance(Duration::from_millis(1));
    let response = exchange.response();
    assert_eq!((response.ending, response.status, response.text()), (Ending::Complete, 200, "hello\n"));
}

#[test]
fn a_worker_that_drains_answers_as_well() {
    let mock = started("{}");
    let exchange = mock.serve(&Request::get("/"));
    mock.drain();
    mock.advance(Duration::from_millis(100));
    assert_eq!((exchange.response().status, exchange.response().text().to_owned()), (200, "hello\n".to_owned()));
}

#[test]
fn a_client_that_leaves_gets_nothing() {
    let mock = started("{}");
    let exchange = mock.serve(&Request::get("/"));
    exchange.leave();
    mock.advance(Duration::from_secs(1));
    assert_eq!(exchange.response().ending, Ending::None);
}

#[test]
fn a_bad_configuration_is_refused() {
    let settings = Settings::new().config(r#"{"delay_ms": -1}"#);
    let reason = Mock::load(outrider_plugin_v1, &settings, Purpose::Check).unwrap_err();
    assert!(reason.contains("delay_ms: must be an integer from 0 to 65535"), "{}", reason);
}
