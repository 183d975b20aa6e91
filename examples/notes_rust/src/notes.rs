//! Requests for notes.

use crate::database::Database;
use crate::range::Range;
use crate::{error, json, not_found, JSON};
use outrider::blocking::Request;
use outrider::{Failure, Field, Responded};

const MAX_NOTE: usize = 64 * 1024;
const TEXT: Field<'_> = Field::new("content-type", "text/plain; charset=utf-8");

/// The id that a path ends with.
pub fn id(digits: &[u8]) -> Option<i64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

fn note(id: i64, text: &str) -> String {
    format!("{{\"id\":{},\"text\":{}}}", id, json::quoted(text))
}

pub fn list(database: &mut Database, request: Request<'_>) -> Result<Responded, Failure> {
    request.early_hints(&[Field::new("link", "</notes.css>; rel=preload; as=style")])?;
    let mut notes = Vec::new();
    database.list(|id, text| notes.push(note(id, text)))?;
    Ok(request.respond(200, &[JSON], format!("[{}]", notes.join(",")))?)
}

pub fn add(database: &mut Database, request: Request<'_>) -> Result<Responded, Failure> {
    let content = match request.body().read_all(MAX_NOTE)? {
        Some(content) => content,
        None => return Ok(error(request, 413, "a note has at most 64 KiB", &[])?),
    };
    let text = match json::text(&content).filter(|text| !text.is_empty()) {
        Some(text) => text,
        None => return Ok(error(request, 400, "a note is an object with a text", &[])?),
    };
    let id = database.add(&text)?;
    let location = format!("/notes/{}", id);
    Ok(request.respond(201, &[JSON, Field::new("location", &location)], note(id, &text))?)
}

pub fn get(database: &mut Database, request: Request<'_>, id: i64) -> Result<Responded, Failure> {
    let text = match database.get(id)? {
        Some(text) => text,
        None => return Ok(not_found(request)?),
    };
    let head = request.head();
    let wanted = head.field("range").filter(|_| head.method() == b"GET");
    match Range::read(wanted.unwrap_or_default(), text.len()) {
        Range::Ignored => Ok(request.respond(200, &[TEXT], text)?),
        Range::Satisfiable(first, last) => {
            let place = format!("bytes {}-{}/{}", first, last, text.len());
            let part = &text.as_bytes()[first..=last];
            Ok(request.respond(206, &[TEXT, Field::new("content-range", &place)], part)?)
        }
        Range::Unsatisfiable => {
            let place = format!("bytes */{}", text.len());
            let fields = [Field::new("content-range", &place)];
            Ok(error(request, 416, "no byte of the note is within the range", &fields)?)
        }
    }
}

pub fn delete(database: &mut Database, request: Request<'_>, id: i64) -> Result<Responded, Failure> {
    match database.delete(id)? {
        true => Ok(request.respond(204, &[], "")?),
        false => Ok(not_found(request)?),
    }
}
