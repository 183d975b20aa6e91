//! The few functions of SQLite that notes need: a connection, and statements that are prepared once.

use std::ffi::{c_void, CStr, CString};
use std::fmt;
use std::os::raw::{c_char, c_int, c_uchar};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut, NonNull};

enum RawConnection {}
enum RawStatement {}

#[link(name = "sqlite3")]
extern "C" {
    fn sqlite3_open(path: *const c_char, connection: *mut *mut RawConnection) -> c_int;
    fn sqlite3_close_v2(connection: *mut RawConnection) -> c_int;
    fn sqlite3_errmsg(connection: *mut RawConnection) -> *const c_char;
    fn sqlite3_busy_timeout(connection: *mut RawConnection, ms: c_int) -> c_int;
    fn sqlite3_exec(
        connection: *mut RawConnection,
        sql: *const c_char,
        callback: *const c_void,
        context: *mut c_void,
        message: *mut *mut c_char,
    ) -> c_int;
    fn sqlite3_changes(connection: *mut RawConnection) -> c_int;
    fn sqlite3_last_insert_rowid(connection: *mut RawConnection) -> i64;
    fn sqlite3_prepare_v2(
        connection: *mut RawConnection,
        sql: *const c_char,
        size: c_int,
        statement: *mut *mut RawStatement,
        rest: *mut *const c_char,
    ) -> c_int;
    fn sqlite3_finalize(statement: *mut RawStatement) -> c_int;
    fn sqlite3_reset(statement: *mut RawStatement) -> c_int;
    fn sqlite3_step(statement: *mut RawStatement) -> c_int;
    fn sqlite3_bind_int64(statement: *mut RawStatement, index: c_int, value: i64) -> c_int;
    fn sqlite3_bind_text(
        statement: *mut RawStatement,
        index: c_int,
        text: *const c_char,
        size: c_int,
        destructor: *const c_void,
    ) -> c_int;
    fn sqlite3_column_int64(statement: *mut RawStatement, column: c_int) -> i64;
    fn sqlite3_column_text(statement: *mut RawStatement, column: c_int) -> *const c_uchar;
    fn sqlite3_column_bytes(statement: *mut RawStatement, column: c_int) -> c_int;
}

const OK: c_int = 0;
const ROW: c_int = 100;
const DONE: c_int = 101;

/// What SQLite says about a call that has failed.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SQLite: {}", self.0)
    }
}

impl std::error::Error for Error {}

/// A connection, for one thread.
pub struct Connection(NonNull<RawConnection>);

impl Connection {
    /// Opens a database file, which is created if it does not exist.
    pub fn open(path: &Path) -> Result<Connection, Error> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| Error("a path with a NUL".into()))?;
        let mut raw = null_mut();
        // SAFETY: the path is borrowed during the call. A connection that could not be opened has the reason.
        let status = unsafe { sqlite3_open(name.as_ptr(), &mut raw) };
        let connection = Connection(NonNull::new(raw).ok_or_else(|| Error("no memory".into()))?);
        match connection.check(status) {
            Ok(()) => Ok(connection),
            Err(Error(reason)) => Err(Error(format!("{}: {}", path.display(), reason))),
        }
    }

    fn raw(&self) -> *mut RawConnection {
        self.0.as_ptr()
    }

    fn check(&self, status: c_int) -> Result<(), Error> {
        match status {
            OK | ROW | DONE => Ok(()),
            // SAFETY: the connection is open, and the text is copied.
            _ => Err(Error(unsafe { CStr::from_ptr(sqlite3_errmsg(self.raw())) }.to_string_lossy().into_owned())),
        }
    }

    /// Waits so long for other connections that write.
    pub fn set_busy_timeout(&self, ms: i32) -> Result<(), Error> {
        // SAFETY: the connection is open.
        self.check(unsafe { sqlite3_busy_timeout(self.raw(), ms) })
    }

    /// Runs statements without results.
    pub fn run(&self, sql: &CStr) -> Result<(), Error> {
        // SAFETY: as above; the text is borrowed during the call.
        self.check(unsafe { sqlite3_exec(self.raw(), sql.as_ptr(), null(), null_mut(), null_mut()) })
    }

    /// The number of rows that the last statement has changed.
    pub fn changes(&self) -> i32 {
        // SAFETY: as above.
        unsafe { sqlite3_changes(self.raw()) }
    }

    /// The id of the last row that was inserted.
    pub fn last_id(&self) -> i64 {
        // SAFETY: as above.
        unsafe { sqlite3_last_insert_rowid(self.raw()) }
    }

    /// Prepares a statement.
    pub fn prepare(&self, sql: &str) -> Result<Statement, Error> {
        let mut raw = null_mut();
        // SAFETY: as above.
        self.check(unsafe {
            sqlite3_prepare_v2(self.raw(), sql.as_ptr().cast(), sql.len() as c_int, &mut raw, null_mut())
        })?;
        Ok(Statement(NonNull::new(raw).ok_or_else(|| Error("an empty statement".into()))?))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: nobody uses the connection any more; it is closed once its statements are gone.
        unsafe { sqlite3_close_v2(self.raw()) };
    }
}

/// A value for the first `?` of a statement.
pub enum Value<'a> {
    Nothing,
    Integer(i64),
    Text(&'a str),
}

/// A statement of a connection.
pub struct Statement(NonNull<RawStatement>);

/// A row of a result.
pub struct Row<'a>(&'a Statement);

impl Statement {
    /// Runs the statement, and calls `row` with each row of its result.
    pub fn run(
        &mut self,
        connection: &Connection,
        value: Value<'_>,
        mut row: impl FnMut(Row<'_>),
    ) -> Result<(), Error> {
        let raw = self.0.as_ptr();
        // SAFETY: the statement is of an open connection. A text is borrowed until the statement is reset, below.
        let mut status = unsafe {
            match value {
                Value::Nothing => OK,
                Value::Integer(value) => sqlite3_bind_int64(raw, 1, value),
                Value::Text(text) => sqlite3_bind_text(raw, 1, text.as_ptr().cast(), text.len() as c_int, null()),
            }
        };
        if status == OK {
            loop {
                // SAFETY: as above.
                status = unsafe { sqlite3_step(raw) };
                if status != ROW {
                    break;
                }
                row(Row(self));
            }
        }
        let result = connection.check(status);
        // SAFETY: as above. Its status repeats that of the step.
        unsafe { sqlite3_reset(raw) };
        result
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: nobody uses the statement any more.
        unsafe { sqlite3_finalize(self.0.as_ptr()) };
    }
}

impl Row<'_> {
    /// A column that is an integer.
    pub fn integer(&self, column: i32) -> i64 {
        // SAFETY: the statement is at a row.
        unsafe { sqlite3_column_int64(self.0 .0.as_ptr(), column) }
    }

    /// A column that is text.
    pub fn text(&self, column: i32) -> &str {
        // SAFETY: as above; the text lives until the next step. The size is asked for after the text.
        let bytes = unsafe {
            let data = sqlite3_column_text(self.0 .0.as_ptr(), column);
            match sqlite3_column_bytes(self.0 .0.as_ptr(), column) {
                size if size > 0 && !data.is_null() => std::slice::from_raw_parts(data, size as usize),
                _ => &[],
            }
        };
        std::str::from_utf8(bytes).unwrap_or("")
    }
}
