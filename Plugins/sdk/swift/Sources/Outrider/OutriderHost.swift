public import COutriderPlugin

/// The functions of the server for one `[[plugin]]` entry. It is valid for the life of the process, on every thread.
@frozen @safe
public struct OutriderHost: @unchecked Sendable {
  // Written in load(), before a worker is forked, and never changed or freed.
  @usableFromInline let record: UnsafePointer<Record>

  @usableFromInline @safe
  struct Record {
    @usableFromInline let table: UnsafePointer<outrider_host>
    let log: UnsafePointer<outrider_log>?
    let purpose: Purpose
    let process: LoadingProcess
  }

  init(_ table: UnsafePointer<outrider_host>, _ info: UnsafePointer<outrider_load_info>) {
    let record = UnsafeMutablePointer<Record>.allocate(capacity: 1)
    unsafe record.initialize(
      to: Record(
        table: table, log: Self.find(OUTRIDER_LOG, table), purpose: Purpose(info.pointee.purpose),
        process: info.pointee.process == OUTRIDER_PROCESS_WORKER ? .worker : .master))
    unsafe self.record = UnsafePointer(record)
  }

  @usableFromInline var table: UnsafePointer<outrider_host> { unsafe record.pointee.table }

  /// The table of an extension; nil if this host does not have it.
  func find<Table>(_ name: String, as type: Table.Type = Table.self) -> UnsafePointer<Table>? {
    unsafe Self.find(name, table)
  }

  private static func find<Table>(_ name: String, _ table: UnsafePointer<outrider_host>) -> UnsafePointer<Table>? {
    unsafe table.pointee.extension(table, name)?.assumingMemoryBound(to: Table.self)
  }
}

extension OutriderHost {
  /// Why a plugin is loaded.
  public enum Purpose: Sendable {
    /// To serve requests.
    case serve
    /// To check the configuration (`outrider -t`): open, bind and change nothing outside the process.
    case check
    /// To be shown (`outriderctl inspect`): the same; the configuration may be empty.
    case inspect

    init(_ raw: UInt32) {
      switch raw {
      case OUTRIDER_PURPOSE_SERVE: self = .serve
      case OUTRIDER_PURPOSE_INSPECT: self = .inspect
      default: self = .check
      }
    }
  }

  /// The process that loads a plugin.
  public enum LoadingProcess: Sendable {
    /// Workers are forked from it: start no threads, and create no `Task`, before `workerStart`.
    case master
    /// The entry has `load = "worker"`.
    case worker
  }

  /// Why the plugin is loaded.
  public var purpose: Purpose { unsafe record.pointee.purpose }
  /// The process that loads the plugin.
  public var process: LoadingProcess { unsafe record.pointee.process }

  /// Whether the worker is draining: finish soon, nothing is cut off yet.
  public var isDraining: Bool { unsafe table.pointee.draining(table) != 0 }
}

/// How serious a line of the error log is.
public enum LogLevel: UInt32, Sendable {
  case debug = 1
  case info, warning, error, critical
}

extension OutriderHost {
  /// Whether a line of that level would be written. Cheap: ask before a message is put together.
  public func logs(_ level: LogLevel) -> Bool {
    guard let log = unsafe record.pointee.log else { return true }
    return unsafe log.pointee.enabled(table, level.rawValue) != 0
  }

  /// Writes a line to the error log, with the plugin's name. The host escapes it, and truncates it to 4 KiB.
  public func log(_ level: LogLevel, _ message: String) {
    log(level, message, outrider_exchange(id: 0))
  }

  func log(_ level: LogLevel, _ message: String, _ exchange: outrider_exchange) {
    unsafe message.pass { unsafe table.pointee.log(table, exchange, level.rawValue, $0) }
  }

  /// Notes a value of a request for both logs; see outrider_log.note in outrider/log.h. Without that extension it does
  /// nothing.
  func note(_ key: String, _ value: String, _ exchange: outrider_exchange) throws(OutriderError) {
    guard let log = unsafe record.pointee.log else { return }
    try Acceptance(unsafe value.pass { unsafe log.pointee.note(table, exchange, key, $0) }, of: "note")
  }
}
