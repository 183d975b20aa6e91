import Glibc
import HTTP
import IPC
import Logging
import Platform

// The state that a supervisor leaves to its successor, as records of fields. Unknown keys and kinds come from another
// version and are ignored. A missing field keeps its default. Numbers are checked where they are read.

extension Supervisor {
  var savedState: KeyedRecords {
    var records = KeyedRecords()
    var own = savedFields
    state.save(to: &own)
    records.append("supervisor", own)
    state.pastCounters.save(to: &records)
    if let reload = state.lastReload { records.append("reload", reload.fields) }
    if let metrics { records.append("metrics", metrics.fields) }
    if let control { records.append("control", control.fields) }
    for path in watch?.paths ?? [] { records.append("watch", path.fields) }
    for connection in waiting {
      var fields = KeyedFields("descriptor", connection.raw)
      if case .generation(let number) = connection.awaited { fields.set("generation", number) }
      records.append("waiting", fields)
    }
    for generation in state.generations { generation.save(to: &records) }
    switch pidFile {
    case .some(let file):
      var fields = KeyedFields("path", file.path)
      fields.set("descriptor", file.raw)
      records.append("pid_file", fields)
    case .none: break
    }
    if let sharedStore { records.append("store", sharedStore.fields) }
    store.save(to: &records)
    return records
  }

  private var savedFields: KeyedFields {
    var fields = KeyedFields("program", launcher.path)
    fields.set("standard_error", launcher.standardErrorNumber)
    fields.set("log_level", log.logLevel.rawValue)
    fields.set("server_header", ServerField.text)
    let setup = unsafe Signals.setup
    fields.set("blocked_signals", setup.blocked)
    fields.set("ignored_signals", setup.ignored)
    fields.set("error_log", errorLog)
    return fields
  }

  mutating func restore(_ own: KeyedFields) {
    log.logLevel = own["log_level"].flatMap { Logger.Level(rawValue: $0) } ?? log.logLevel
    if let text = own["server_header"] { ServerField.use(text) }
    unsafe Signals.setup = Signals.Setup(
      blocked: own.number("blocked_signals") ?? 0, ignored: own.number("ignored_signals") ?? 0)
    errorLog = own["error_log"]
    state.restore(own)
  }

  mutating func restore(_ records: KeyedRecords) throws(Errno) {
    state.pastCounters.restore(records)
    state.lastReload = records["reload"].flatMap { ServiceState.Reload($0) }
    metrics = records["metrics"].flatMap { AdminListener($0) }
    control = records["control"].flatMap { AdminListener($0) }
    registerAdminListeners()
    watchAlone(records.of("watch").prefix(MasterLimits.watched).compactMap { WatchedPath($0) })
    for fields in records.of("waiting") { restoreWaiting(fields) }
    for fields in records.of("generation") {
      guard let generation = Generation(fields, records) else {
        throw Errno(
          code: EPROTO, attempt: "\(Supervisor.stateVariable): a generation whose master is no child of this process")
      }
      state.generations.append(generation)
    }
    if let fields = records["pid_file"], let path = fields["path"],
      let fd = fields.number("descriptor", in: 3...CInt.max),
      (try? FileStatus(of: fd, ""))?.kind == S_IFREG
    {
      Process.closeOnExec(fd)
      // Only a serving generation has one.
      pidFile = PidFile(path: path, user: state.accepting?.settings.user, descriptor: FileDescriptor(owning: fd))
    }
    sharedStore = records["store"].flatMap { KeptStore($0) }
    for fields in records.of("listener") { store.restore(fields) }
  }

  private mutating func restoreWaiting(_ fields: KeyedFields) {
    guard let fd = fields.number("descriptor", in: 3...CInt.max), ListeningSocket.isStreamSocket(fd) else { return }
    Process.closeOnExec(fd)
    let (connection, _) = adminConnections.add(.control, FileDescriptor(owning: fd), now: Clock.monotonic())
    connection.closesAfterResponse = true
    let generation = fields.number("generation", in: 1...Generation.maxNumber)
    connection.wait(for: generation.map { .generation($0) } ?? .replacement)
  }
}

extension KeyedFields {
  /// A descriptor that was passed over an exec; nil if there is none.
  func descriptor(_ key: String) -> FileDescriptor? {
    guard let fd = number(key, in: 3...CInt.max) else { return nil }
    Process.closeOnExec(fd)
    return FileDescriptor(owning: fd)
  }
}
