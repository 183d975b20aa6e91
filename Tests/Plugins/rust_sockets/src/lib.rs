//! WebSockets in Rust: each path is one way to use them. Compiled with one of the features.

use outrider::websocket::Closed;
use outrider::{Failure, Field, Head, Host, Level, Loading, Plugin};

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "event")]
mod event;

/// More than the host copies at once.
const LARGE: usize = 300_000;
/// More than a client is sent without reading.
const FLOOD: usize = 2000;

struct Sockets {
    host: Host,
}

impl Plugin for Sockets {
    fn load(loading: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Sockets { host: loading.host() })
    }
}

const HALL: &[Field] = &[Field::new("x-hall", "main")];

fn path<'a>(head: &Head<'a>) -> &'a str {
    std::str::from_utf8(head.path()).unwrap_or("")
}

fn subprotocol(head: &Head<'_>) -> Option<&'static str> {
    Some("chat").filter(|name| path(head) == "/subprotocol" && head.offers(name))
}

fn large() -> String {
    "l".repeat(LARGE)
}

fn numbered(number: usize) -> Vec<u8> {
    let mut text = number.to_string().into_bytes();
    text.resize(1000, b'x');
    text
}

impl Sockets {
    fn say(&self, line: &str) {
        self.host.log(Level::Info, line);
    }

    fn say_how(&self, closed: Closed<'_>) {
        let who = if closed.by_host { "the host" } else { "the client" };
        self.say(&format!("closed {} by {}: {}", closed.code, who, closed.reason));
    }
}
