//! Notes in SQLite.

use crate::sqlite::{Connection, Error, Statement, Value};
use std::ffi::CStr;
use std::path::Path;

/// AUTOINCREMENT: the id of a deleted note is not used again. IMMEDIATE: other connections that do the same wait.
const SCHEMA: &[u8] = b"BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
    COMMIT\0";

/// A connection of one thread, with its statements, which end before it.
pub struct Database {
    list: Statement,
    count: Statement,
    add: Statement,
    get: Statement,
    delete: Statement,
    connection: Connection,
}

impl Database {
    pub fn open(path: &Path) -> Result<Database, Error> {
        let connection = Connection::open(path)?;
        connection.set_busy_timeout(10_000)?;
        connection.run(CStr::from_bytes_with_nul(SCHEMA).expect("a NUL at its end"))?;
        Ok(Database {
            list: connection.prepare("SELECT id, text FROM note ORDER BY id")?,
            count: connection.prepare("SELECT count(*) FROM note")?,
            add: connection.prepare("INSERT INTO note (text) VALUES (?)")?,
            get: connection.prepare("SELECT text FROM note WHERE id = ?")?,
            delete: connection.prepare("DELETE FROM note WHERE id = ?")?,
            connection,
        })
    }

    /// Calls `note` with each note, by id.
    pub fn list(&mut self, mut note: impl FnMut(i64, &str)) -> Result<(), Error> {
        self.list.run(&self.connection, Value::Nothing, |row| note(row.integer(0), row.text(1)))
    }

    pub fn count(&mut self) -> Result<i64, Error> {
        let mut count = 0;
        self.count.run(&self.connection, Value::Nothing, |row| count = row.integer(0))?;
        Ok(count)
    }

    /// The id of the new note.
    pub fn add(&mut self, text: &str) -> Result<i64, Error> {
        self.add.run(&self.connection, Value::Text(text), |_| ())?;
        Ok(self.connection.last_id())
    }

    pub fn get(&mut self, id: i64) -> Result<Option<String>, Error> {
        let mut text = None;
        self.get.run(&self.connection, Value::Integer(id), |row| text = Some(row.text(0).to_owned()))?;
        Ok(text)
    }

    /// False: there was none.
    pub fn delete(&mut self, id: i64) -> Result<bool, Error> {
        self.delete.run(&self.connection, Value::Integer(id), |_| ())?;
        Ok(self.connection.changes() > 0)
    }
}
