//! Server-sent events: the number of notes.

use crate::database::Database;
use outrider::blocking::Request;
use outrider::{Failure, Field, Responded};
use std::time::Duration;

const EVENTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

pub fn send(database: &mut Database, request: Request<'_>) -> Result<Responded, Failure> {
    let fields = [Field::new("content-type", "text/event-stream"), Field::new("cache-control", "no-cache")];
    let mut response = request.start(200, &fields)?;
    for number in 0..EVENTS {
        if number > 0 {
            std::thread::sleep(PAUSE);
        }
        response.write(format!("data: {{\"count\":{}}}\n\n", database.count()?))?;
    }
    Ok(response.finish())
}
