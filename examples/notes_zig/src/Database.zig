//! The notes in a SQLite database. Each thread has a connection of its own.
const std = @import("std");
const c = @import("c");
const cstring = @import("cstring.zig");

const Database = @This();

pub const Note = struct { id: i64, text: []const u8 };

connection: ?*c.sqlite3 = null,
all: ?*c.sqlite3_stmt = null,
number: ?*c.sqlite3_stmt = null,
insert: ?*c.sqlite3_stmt = null,
find: ?*c.sqlite3_stmt = null,
removal: ?*c.sqlite3_stmt = null,

/// AUTOINCREMENT: the id of a deleted note is not used again. IMMEDIATE: other connections that do the same wait.
const schema =
    \\BEGIN IMMEDIATE;
    \\CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
    \\COMMIT
;

/// Opens the file, creates the table if it is not there, and prepares the statements. After an error, reason() says why, and
/// close() is to be called.
pub fn open(notes: *Database, path: []const u8) error{Database}!void {
    var buffer: [4096]u8 = undefined;
    const name = cstring.print(&buffer, "{s}", .{path}) catch return error.Database;
    try check(c.sqlite3_open(name, &notes.connection));
    try check(c.sqlite3_busy_timeout(notes.connection, 10 * 1000));
    try check(c.sqlite3_exec(notes.connection, schema, null, null, null));
    try notes.prepare(&notes.all, "SELECT id, text FROM note ORDER BY id");
    try notes.prepare(&notes.number, "SELECT count(*) FROM note");
    try notes.prepare(&notes.insert, "INSERT INTO note (text) VALUES (?)");
    try notes.prepare(&notes.find, "SELECT text FROM note WHERE id = ?");
    try notes.prepare(&notes.removal, "DELETE FROM note WHERE id = ?");
}

pub fn close(notes: *Database) void {
    for ([_]?*c.sqlite3_stmt{ notes.all, notes.number, notes.insert, notes.find, notes.removal }) |statement|
        _ = c.sqlite3_finalize(statement);
    _ = c.sqlite3_close(notes.connection);
}

/// Why the last call failed.
pub fn reason(notes: *const Database) []const u8 {
    return std.mem.span(c.sqlite3_errmsg(notes.connection));
}

/// The notes, by id.
pub fn list(notes: *Database) Rows {
    return .{ .statement = notes.all };
}

pub const Rows = struct {
    statement: ?*c.sqlite3_stmt,

    /// The next note, whose text is valid until the next call; null: there are no more.
    pub fn next(rows: *Rows) error{Database}!?Note {
        if (!try step(rows.statement)) return null;
        return .{ .id = c.sqlite3_column_int64(rows.statement, 0), .text = column(rows.statement, 1) };
    }

    pub fn reset(rows: *Rows) void {
        _ = c.sqlite3_reset(rows.statement);
    }
};

pub fn count(notes: *Database) error{Database}!i64 {
    defer _ = c.sqlite3_reset(notes.number);
    _ = try step(notes.number);
    return c.sqlite3_column_int64(notes.number, 0);
}

/// Adds a note, and returns its id.
pub fn add(notes: *Database, text: []const u8) error{Database}!i64 {
    defer _ = c.sqlite3_reset(notes.insert);
    try check(c.sqlite3_bind_text(notes.insert, 1, text.ptr, @intCast(text.len), null));
    _ = try step(notes.insert);
    return c.sqlite3_last_insert_rowid(notes.connection);
}

/// The text of a note, valid until endGet(); null if there is none of that id.
pub fn get(notes: *Database, id: i64) error{Database}!?[]const u8 {
    errdefer notes.endGet();
    try check(c.sqlite3_bind_int64(notes.find, 1, id));
    if (try step(notes.find)) return column(notes.find, 0);
    notes.endGet();
    return null;
}

pub fn endGet(notes: *Database) void {
    _ = c.sqlite3_reset(notes.find);
}

/// Whether there was a note of that id.
pub fn delete(notes: *Database, id: i64) error{Database}!bool {
    defer _ = c.sqlite3_reset(notes.removal);
    try check(c.sqlite3_bind_int64(notes.removal, 1, id));
    _ = try step(notes.removal);
    return c.sqlite3_changes(notes.connection) > 0;
}

fn prepare(notes: *Database, statement: *?*c.sqlite3_stmt, sql: [*:0]const u8) error{Database}!void {
    try check(c.sqlite3_prepare_v3(notes.connection, sql, -1, c.SQLITE_PREPARE_PERSISTENT, statement, null));
}

fn check(result: c_int) error{Database}!void {
    if (result != c.SQLITE_OK) return error.Database;
}

/// Whether there is a row.
fn step(statement: ?*c.sqlite3_stmt) error{Database}!bool {
    return switch (c.sqlite3_step(statement)) {
        c.SQLITE_ROW => true,
        c.SQLITE_DONE => false,
        else => error.Database,
    };
}

fn column(statement: ?*c.sqlite3_stmt, place: c_int) []const u8 {
    const text = c.sqlite3_column_text(statement, place);
    const size: usize = @intCast(c.sqlite3_column_bytes(statement, place));
    return if (size == 0) "" else text[0..size];
}
