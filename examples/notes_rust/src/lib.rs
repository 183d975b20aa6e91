//! The notes application (../notes.md) in blocking style: notes in SQLite, server-sent events, uploads.

mod database;
mod events;
mod json;
mod notes;
mod range;
mod sqlite;
mod upload;

use database::Database;
use outrider::blocking::{Request, ThreadHandler};
use outrider::{Error, Failure, Field, Loading, Plugin, Responded, Thread};
use std::path::PathBuf;

outrider::config! {
    struct Settings {
        database: PathBuf,
        uploads: PathBuf,
    }
}

/// An entry of the configuration.
struct Notes {
    settings: Settings,
}

impl Plugin for Notes {
    fn load(loading: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Notes { settings: loading.config()?.decode()? })
    }
}

impl ThreadHandler for Notes {
    /// Each thread has a connection of its own, opened after the fork.
    type Thread = Database;

    fn thread_start(&self, _: &Thread<'_>) -> Result<Database, Failure> {
        Ok(Database::open(&self.settings.database)?)
    }

    fn handle(&self, database: &mut Database, request: Request<'_>) -> Result<Responded, Failure> {
        let head = request.head();
        let path = head.path();
        if path == b"/notes" {
            return match head.method() {
                b"GET" | b"HEAD" => notes::list(database, request),
                b"POST" => notes::add(database, request),
                _ => Ok(not_allowed(request, "GET, HEAD, POST")?),
            };
        }
        if let Some(digits) = path.strip_prefix(b"/notes/") {
            return match (notes::id(digits), head.method()) {
                (None, _) => Ok(not_found(request)?),
                (Some(id), b"GET" | b"HEAD") => notes::get(database, request, id),
                (Some(id), b"DELETE") => notes::delete(database, request, id),
                _ => Ok(not_allowed(request, "GET, HEAD, DELETE")?),
            };
        }
        if let Some(name) = path.strip_prefix(b"/upload/") {
            return match head.method() {
                b"PUT" => upload::receive(&self.settings.uploads, request, name),
                _ => Ok(not_allowed(request, "PUT")?),
            };
        }
        match (path, head.method()) {
            (b"/events", b"GET") => events::send(database, request),
            (b"/events", _) => Ok(not_allowed(request, "GET")?),
            _ => Ok(not_found(request)?),
        }
    }
}

outrider::plugin!(Notes: blocking);

const JSON: Field<'_> = Field::new("content-type", "application/json");

/// Responds with an error and its reason, which needs no escapes. `more` are fields beside the media type.
fn error(request: Request<'_>, status: u32, reason: &str, more: &[Field<'_>]) -> Result<Responded, Error> {
    let fields = [&[JSON], more].concat();
    request.respond(status, &fields, format!("{{\"error\":\"{}\"}}", reason))
}

fn not_found(request: Request<'_>) -> Result<Responded, Error> {
    error(request, 404, "not found", &[])
}

fn not_allowed(request: Request<'_>, methods: &str) -> Result<Responded, Error> {
    error(request, 405, "method not allowed", &[Field::new("allow", methods)])
}
