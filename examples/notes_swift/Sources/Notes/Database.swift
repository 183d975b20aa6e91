import CSQLite
import Synchronization

struct Note {
  let id: Int64
  let text: String

  var json: String { "{\"id\":\(id),\"text\":\(JSON.string(text))}" }
}

/// The database of a worker. Its calls are short, and nobody else uses the connection: it is used on the loop alone, which
/// waits for other processes while they write.
@safe
final class Database: Sendable {
  private let path: String
  private let connection = Mutex<Connection?>(nil)

  init(_ path: String) { self.path = path }

  func open() throws {
    let opened = try Connection(path)
    connection.withLock { $0 = opened }
  }

  func close() { connection.withLock { $0 = nil } }

  func list() throws -> [Note] {
    try query("SELECT id, text FROM note ORDER BY id") { try $0.rows { Note(id: $0.integer(0), text: $0.text(1)) } }
  }

  func count() throws -> Int64 { try query("SELECT count(*) FROM note") { try $0.rows { $0.integer(0) }.first ?? 0 } }

  func text(_ id: Int64) throws -> String? {
    try query("SELECT text FROM note WHERE id = ?") { statement in
      statement.bind(id)
      return try statement.rows { $0.text(0) }.first
    }
  }

  /// Returns the id of the new note.
  func insert(_ text: String) throws -> Int64 {
    try query("INSERT INTO note (text) VALUES (?) RETURNING id") { statement in
      statement.bind(text)
      return try statement.rows { $0.integer(0) }.first ?? 0
    }
  }

  /// Whether there was such a note.
  func delete(_ id: Int64) throws -> Bool {
    try query("DELETE FROM note WHERE id = ? RETURNING id") { statement in
      statement.bind(id)
      return try !statement.rows { $0.integer(0) }.isEmpty
    }
  }

  private func query<Result: Sendable>(_ sql: String, _ body: (borrowing Statement) throws -> Result) throws -> Result {
    try connection.withLock { connection in
      guard let connection else { throw DatabaseError(text: "the database is not open") }
      return try body(try Statement(sql, connection))
    }
  }
}

struct DatabaseError: Error, CustomStringConvertible {
  let text: String
  var description: String { text }
}

@safe
private final class Connection: @unchecked Sendable {
  // Its user holds the lock of `Database`.
  fileprivate let handle: OpaquePointer

  // AUTOINCREMENT: the id of a deleted note is not used again. IMMEDIATE: other connections that do the same wait.
  private static let schema = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
    COMMIT
    """

  init(_ path: String) throws {
    var handle: OpaquePointer?
    guard unsafe sqlite3_open(path, &handle) == SQLITE_OK, let opened = unsafe handle else {
      let text = unsafe String(cString: sqlite3_errmsg(handle))
      unsafe sqlite3_close(handle)
      throw DatabaseError(text: "\(path): \(text)")
    }
    unsafe self.handle = opened
    unsafe sqlite3_busy_timeout(opened, 10_000)
    guard unsafe sqlite3_exec(opened, Self.schema, nil, nil, nil) == SQLITE_OK else { throw error }
  }

  deinit { unsafe sqlite3_close(handle) }

  fileprivate var error: DatabaseError { unsafe DatabaseError(text: String(cString: sqlite3_errmsg(handle))) }
}

@safe
private struct Statement: ~Copyable {
  private let handle: OpaquePointer
  private let connection: Connection

  init(_ sql: String, _ connection: Connection) throws {
    var handle: OpaquePointer?
    guard unsafe sqlite3_prepare_v2(connection.handle, sql, -1, &handle, nil) == SQLITE_OK, let prepared = unsafe handle
    else { throw connection.error }
    unsafe self.handle = prepared
    self.connection = connection
  }

  deinit { unsafe sqlite3_finalize(handle) }

  func bind(_ value: Int64) { unsafe sqlite3_bind_int64(handle, 1, value) }

  func bind(_ text: String) {
    // SQLITE_TRANSIENT: the text is copied.
    unsafe sqlite3_bind_text(
      handle, 1, text, Int32(text.utf8.count), unsafeBitCast(-1, to: sqlite3_destructor_type.self))
  }

  func rows<Row>(_ row: (borrowing Statement) -> Row) throws -> [Row] {
    var rows: [Row] = []
    while true {
      switch unsafe sqlite3_step(handle) {
      case SQLITE_ROW: rows.append(row(self))
      case SQLITE_DONE: return rows
      default: throw connection.error
      }
    }
  }

  func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  func text(_ column: Int32) -> String {
    guard let bytes = unsafe sqlite3_column_text(handle, column) else { return "" }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }
}
