//! The extensions on the mock host: configuration, metrics, notes, store, health, and descriptors on the loop.

use outrider::future::{timeout, Request};
use outrider::metrics::{Counter, Gauge, Histogram, Shown};
use outrider::testing::{Ending, Mock, Request as MockRequest, Settings};
use outrider::watch::{connect_tcp, connect_unix, Watched};
use outrider::{Failure, Field, Level, Loading, Model, Plugin, Purpose, Responded};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

outrider::config! {
    struct Options {
        greeting: String = "hello".into(),
        limit: u16 = 10,
        ratio: f64 = 0.5,
        is_open: bool = true,
        file: Option<PathBuf>,
        names: Vec<String> = Vec::new(),
        upstream: Option<Upstream>,
    }
}

outrider::config! {
    /// A table within.
    struct Upstream {
        address: String,
    }
}

struct Pages {
    options: Options,
    pages: Counter,
    open: Gauge,
    sizes: Histogram,
    idle: RefCell<Vec<Watched<TcpStream>>>,
}

impl Plugin for Pages {
    fn load(loading: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Pages {
            options: loading.config()?.decode()?,
            pages: loading.counter("pages_total", "Pages.", &[("kind", "all")])?,
            open: loading.gauge("open", "Open.", &[], Shown::Maximum)?,
            sizes: loading.histogram("size_bytes", "Sizes.", &[], &[1.0, 10.0])?,
            idle: RefCell::default(),
        })
    }
}

impl Pages {
    async fn handle(&self, request: Request<'_>) -> Result<Responded, Failure> {
        self.pages.add(1);
        self.open.set(3.0);
        self.open.change(-1.0);
        self.sizes.observe(5.0);
        let (exchange, host) = (request.exchange(), request.host());
        let text = match request.head().path() {
            b"/options" => {
                let options = &self.options;
                let upstream = options.upstream.as_ref().map(|upstream| &upstream.address);
                format!(
                    "{} {} {} {} {:?} {:?} {:?}",
                    options.greeting,
                    options.limit,
                    options.ratio,
                    options.is_open,
                    options.file,
                    options.names,
                    upstream
                )
            }
            b"/note" => {
                exchange.note("user", "ann")?;
                exchange.note("user", "bob")?;
                format!("{:?} {:?}", exchange.note("no key", ""), exchange.note(&"x".repeat(64), ""))
            }
            b"/trace" => match exchange.trace() {
                Some(trace) => format!("{} {}", String::from_utf8_lossy(trace.trace_id_text()), trace.is_sampled()),
                None => "none".into(),
            },
            b"/tls" => format!("{}", exchange.tls().is_some()),
            b"/store" => self.store(&request)?,
            b"/unready" => {
                let health = host.health().unwrap();
                let thread = health.watch("pump")?;
                thread.alive()?;
                thread.idle()?;
                health.not_ready("no connection")?;
                drop(thread);
                String::new()
            }
            b"/ready" => {
                host.health().unwrap().ready()?;
                String::new()
            }
            b"/tcp" => {
                let address: SocketAddr = self.options.upstream.as_ref().unwrap().address.parse()?;
                let kept = self.idle.borrow_mut().pop();
                let upstream = match kept {
                    Some(upstream) => upstream,
                    None => connect_tcp(host, address).await?,
                };
                upstream.write_all(b"ping").await?;
                let mut answer = [0; 4];
                upstream.read_exact(&mut answer).await?;
                self.idle.borrow_mut().push(upstream);
                String::from_utf8_lossy(&answer).into_owned()
            }
            b"/tcp-large" => {
                let upstream = connect_tcp(host, self.options.upstream.as_ref().unwrap().address.parse()?).await?;
                upstream.write_all(&vec![b'x'; 8 << 20]).await?;
                String::new()
            }
            b"/silent" => {
                let upstream = connect_tcp(host, self.options.upstream.as_ref().unwrap().address.parse()?).await?;
                let read = timeout(host, Duration::from_secs(1), upstream.read(&mut [0; 4])).await;
                format!("{:?}", read.map(Result::unwrap))
            }
            b"/unix" => {
                let upstream = connect_unix(host, &self.options.upstream.as_ref().unwrap().address)?;
                let mut answer = [0; 4];
                upstream.read_exact(&mut answer).await?;
                String::from_utf8_lossy(&answer).into_owned()
            }
            _ => return Ok(request.respond(404, &[], "")?),
        };
        Ok(request.respond(200, &[Field::new("content-type", "text/plain")], text)?)
    }

    fn store(&self, request: &Request<'_>) -> Result<String, Failure> {
        let store = request.host().store().unwrap();
        assert_eq!(store.get("a")?, None);
        store.set("a", vec![b'x'; 1000], None)?;
        assert_eq!(store.get("a")?.unwrap().len(), 1000);
        let mut small = [0; 10];
        assert_eq!(store.get_into("a", &mut small)?.unwrap().size, 1000);
        assert!(!store.compare_and_set("a", Some(b"y"), "z", None)?);
        assert!(!store.compare_and_set("a", None, "z", None)?);
        assert!(store.compare_and_set("b", None, "1", Some(Duration::from_secs(60)))?);
        let copied = store.get_into("b", &mut small)?.unwrap();
        assert!(copied.size == 1 && copied.left.unwrap() <= Duration::from_secs(60));
        assert_eq!((store.add("n", 5, None)?, store.add("n", -7, None)?), (5, -2));
        let mut keys = store.keys(b"").collect::<Result<Vec<_>, _>>()?;
        keys.sort();
        assert_eq!(keys, [b"a", b"b", b"n"]);
        assert!(store.remove("a")? && !store.remove("a")?);
        Ok("stored".into())
    }
}

outrider::plugin!(Pages: async handle);

fn settings(config: &str) -> Settings {
    Settings::new().model(Model::Async).config(config).store_size(1 << 20)
}

fn started(config: &str) -> Mock {
    Mock::start_with(outrider_plugin_v1, &settings(config))
}

fn text(mock: &Mock, path: &str) -> String {
    let exchange = mock.serve(&MockRequest::get(path));
    while exchange.response().ending == Ending::Open {
        assert!(mock.wait(Duration::from_secs(60)));
    }
    let response = exchange.response();
    assert_eq!(response.status, 200, "{:?} {:?}", response, mock.log());
    response.text().to_owned()
}

#[test]
fn the_configuration_has_defaults_and_types() {
    assert_eq!(text(&started("{}"), "/options"), "hello 10 0.5 true None [] None");
    let config = r#"{"greeting": "hi", "limit": 65535, "ratio": 2, "is_open": false, "file": "/a/b",
                     "names": ["x", "y"], "upstream": {"address": "z"}}"#;
    let expected = r#"hi 65535 2 false Some("/a/b") ["x", "y"] Some("z")"#;
    assert_eq!(text(&started(config), "/options"), expected);
}

#[test]
fn every_error_of_the_configuration_is_reported() {
    let config = r#"{"limit": 65536, "names": ["x", 1, 2], "upstream": {"adress": "z"}, "is_open": "yes", "more": 1}"#;
    let reason = Mock::load(outrider_plugin_v1, &settings(config), Purpose::Check).unwrap_err();
    for error in [
        "limit: must be an integer from 0 to 65535",
        "names[1]: must be a string",
        "names[2]: must be a string",
        "upstream: unknown key \"adress\"",
        "upstream.address: is required",
        "is_open: must be true or false",
        "unknown key \"more\"",
    ] {
        assert!(reason.contains(error), "{} is not in:\n{}", error, reason);
    }
}

#[test]
fn a_host_without_extensions_is_named() {
    let settings = Settings::new().without_extensions();
    let reason = Mock::load(outrider_plugin_v1, &settings, Purpose::Serve).unwrap_err();
    assert!(reason.contains("outrider.config/1"), "{}", reason);
}

#[test]
fn a_later_host_has_larger_structures() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings("{}").growth(64));
    assert_eq!(text(&mock, "/store"), "stored");
    assert_eq!(text(&mock, "/options"), "hello 10 0.5 true None [] None");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response = mock.serve(&MockRequest::get("/trace").field("traceparent", trace)).response();
    assert_eq!(response.text(), "0af7651916cd43dd8448eb211c80319c true");
}

#[test]
fn metrics_are_recorded() {
    let mock = started("{}");
    text(&mock, "/options");
    text(&mock, "/options");
    assert_eq!(mock.metric("pages_total{kind=\"all\"}"), Some(2.0));
    assert_eq!(mock.metric("open"), Some(2.0));
    assert_eq!((mock.metric("size_bytes_count"), mock.metric("size_bytes_sum")), (Some(2.0), Some(10.0)));
    assert_eq!(mock.metric("other"), None);
}

#[test]
fn notes_and_the_trace_are_those_of_the_request() {
    let mock = Mock::start_with(outrider_plugin_v1, &settings("{}").allow_misuse());
    let exchange = mock.serve(&MockRequest::get("/note"));
    assert_eq!(exchange.note("user").as_deref(), Some("bob"));
    assert_eq!(exchange.response().text().matches("OUTRIDER_E_INVALID").count(), 2);
    assert_eq!(text(&mock, "/trace"), "none");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response = mock.serve(&MockRequest::get("/trace").field("traceparent", trace)).response();
    assert_eq!(response.text(), "0af7651916cd43dd8448eb211c80319c true");
    assert_eq!(text(&mock, "/tls"), "false");
    assert_eq!(mock.serve(&MockRequest::get("/tls").tls()).response().text(), "true");
}

#[test]
fn the_store_keeps_values() {
    assert_eq!(text(&started("{}"), "/store"), "stored");
}

#[test]
fn health_is_told() {
    let mock = started("{}");
    assert_eq!(mock.not_ready(), None);
    text(&mock, "/unready");
    assert_eq!(mock.not_ready().as_deref(), Some("no connection"));
    text(&mock, "/ready");
    assert_eq!(mock.not_ready(), None);
}

fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!(r#"{{"upstream": {{"address": "{}"}}}}"#, listener.local_addr().unwrap());
    (listener, config)
}

#[test]
fn a_socket_is_read_and_written_on_the_loop() {
    let (listener, config) = listening();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4];
        for _ in 0..2 {
            stream.read_exact(&mut buffer).unwrap();
            assert_eq!(&buffer, b"ping");
            stream.write_all(b"po").unwrap();
            stream.write_all(b"ng").unwrap();
        }
    });
    let mock = started(&config);
    assert_eq!(text(&mock, "/tcp"), "pong");
    assert_eq!(text(&mock, "/tcp"), "pong", "by the same connection");
    server.join().unwrap();
}

#[test]
fn a_socket_that_is_full_is_waited_for() {
    let (listener, config) = listening();
    let server = std::thread::spawn(move || {
        let mut content = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut content).unwrap();
        content.len()
    });
    text(&started(&config), "/tcp-large");
    assert_eq!(server.join().unwrap(), 8 << 20);
}

#[test]
fn a_timeout_ends_the_wait_for_a_socket() {
    let (_listener, config) = listening();
    let mock = started(&config);
    let exchange = mock.serve(&MockRequest::get("/silent"));
    mock.run();
    mock.advance(Duration::from_secs(1));
    mock.run();
    mock.advance(Duration::from_secs(1));
    assert_eq!(exchange.response().text(), "None");
}

#[test]
fn a_connection_that_is_refused_is_an_error() {
    let (listener, config) = listening();
    drop(listener);
    let mock = started(&config);
    let exchange = mock.serve(&MockRequest::get("/tcp"));
    while exchange.response().ending == Ending::Open {
        assert!(mock.wait(Duration::from_secs(60)));
    }
    assert_eq!(exchange.response().status, 500);
    assert!(mock.log()[0].1.contains("Connection refused") && mock.log()[0].0 == Level::Error, "{:?}", mock.log());
}

#[test]
fn a_unix_socket_is_read_on_the_loop() {
    let path = std::env::temp_dir().join(format!("outrider-rust-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let mock = started(&format!(r#"{{"upstream": {{"address": "{}"}}}}"#, path.display()));
    let exchange = mock.serve(&MockRequest::get("/unix"));
    listener.accept().unwrap().0.write_all(b"done").unwrap();
    while exchange.response().ending == Ending::Open {
        assert!(mock.wait(Duration::from_secs(60)));
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(exchange.response().text(), "done");
}

#[test]
fn an_exchange_that_waits_for_a_socket_ends_with_the_worker() {
    let (_listener, config) = listening();
    let mock = started(&config);
    mock.serve(&MockRequest::get("/silent"));
    mock.run();
}
