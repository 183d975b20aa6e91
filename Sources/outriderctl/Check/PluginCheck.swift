import Control
import Glibc
import Platform

/// Tries a plugin in a server of its own, in each worker model, and says what is wrong with it.
struct PluginCheck {
  /// The exit code where there are findings, and where there is no result.
  static let findings: Int32 = 1
  static let failure: Int32 = 2

  /// After so many ends of workers a path is not tried any further in this model.
  private static let mostLostWorkers = 3
  /// How long the plugin may go on behind its answer, and the log may take to tell of a failure that a client has seen.
  private static let delay = 2 * Clock.nanosecondsPerSecond
  /// How long the log may take to tell the rest of what it has begun to tell.
  private static let logTime = 5 * Clock.nanosecondsPerSecond

  private let options: CheckOptions
  private let program: String
  private let load: String?
  private var report: CheckReport
  private var isOver = false
  /// What the log has said of a path, by what its clients have seen.
  private var causes: [String: [String]] = [:]

  /// - Throws: why there is no result.
  static func run(_ options: CheckOptions) throws(CheckError) -> CheckReport {
    Signals.recordSetup()
    Signals.hold()
    var check = try PluginCheck(options)
    for model in CheckServer.Model.allCases where !check.isOver { try check.run(model) }
    if check.report.models.isEmpty, let gap = check.report.gaps.first { throw .cannotRun(gap.reason) }
    return check.report
  }

  private init(_ options: CheckOptions) throws(CheckError) {
    guard unsafe access(options.plugin, F_OK) == 0 else {
      throw .cannotRun("\(options.plugin): \(Errno.reason(errno))")
    }
    self.options = options
    program = try ServerProgram.path()
    load = options.hasFile ? nil : PluginCheck.loadingProcess(of: options.plugin)
    report = CheckReport(plugin: options.plugin)
  }

  /// `worker` for a plugin that starts threads while it is loaded. What else is wrong with it, the server says.
  private static func loadingProcess(of plugin: String) -> String? {
    do throws(CommandError) {
      return try Inspection.describe(plugin)["threads"]?.number ?? 0 > 0 ? "worker" : nil
    } catch {
      return nil
    }
  }

  /// The name of the plugin's file.
  private var library: String { options.plugin.split(separator: "/").last.map(String.init) ?? options.plugin }

  private mutating func run(_ model: CheckServer.Model) throws(CheckError) {
    let server = try CheckServer.start(options, model, program: program, load: load)
    guard try server.waitUntilItServes() else { return try explainFailedStart(server) }
    report.begin(model)
    var good: [String] = []
    for path in try paths(server) {
      if try run(Trial.all(path, model), of: path, server) { good.append(path) }
    }
    guard !server.hasEnded else { return }
    _ = try run(Trial.left, server)
    guard let path = good.first else { return }
    for trial in Trial.operation(path) where !server.hasEnded { _ = try run(trial, server) }
  }

  /// - Returns: false if the rest of them was not tried, since workers end by them, or wait for ever.
  private mutating func run(_ trials: [Trial], of path: String, _ server: CheckServer) throws(CheckError) -> Bool {
    let before = server.lostWorkers
    causes = [:]
    for trial in trials {
      let isLate = try run(trial, server)
      guard !server.hasEnded else { return false }
      let lost = server.lostWorkers - before
      guard lost < PluginCheck.mostLostWorkers, !isLate else {
        let reason = isLate ? "a client has waited in vain" : "\(lost) workers have ended"
        report.leave(server.model, "\(path) is not tried any further, since \(reason)")
        return false
      }
    }
    return true
  }

  /// - Returns: whether a client has waited for an answer in vain.
  private mutating func run(_ trial: Trial, _ server: CheckServer) throws(CheckError) -> Bool {
    let began = Clock.monotonic()
    let lostBefore = server.lostWorkers
    let fault = try trial.run(server)
    let isLate = fault != nil && Clock.monotonic() &- began >= CheckWait.patience
    // What the plugin does behind its answer is of this trial too, and so is the end of a worker or of a generation.
    _ = try CheckWait.until(Clock.monotonic() &+ PluginCheck.delay) { server.isIdle }
    _ = try CheckWait.until(Clock.monotonic() &+ CheckServer.endTime) { server.isSettled }
    let isExplained = fault.map { causes[$0] != nil } ?? true
    var told = try findings(server, areAwaited: !isExplained || server.lostWorkers != lostBefore)
    if let fault {
      // The log says why, if it is the plugin's doing; of what comes often, it says so only at first.
      if told.isEmpty { told = causes[fault] ?? [fault] }
      causes[fault] = told
    }
    report.add(server.model, trial.name, told)
    return isLate
  }

  private func findings(_ server: CheckServer, areAwaited: Bool) throws(CheckError) -> [String] {
    var lines = server.log.takeLines()
    if areAwaited {
      _ = try CheckWait.until(Clock.monotonic() &+ PluginCheck.delay) {
        lines += server.log.takeLines()
        return !LogFindings.texts(lines, library: library).isEmpty
      }
    }
    _ = try CheckWait.until(Clock.monotonic() &+ PluginCheck.logTime) {
      lines += server.log.takeLines()
      return LogFindings.areWhole(lines)
    }
    return LogFindings.texts(lines, library: library)
  }

  /// Targets of requests.
  private func paths(_ server: CheckServer) throws(CheckError) -> [String] {
    let mounts = server.mounts(of: options.plugin)
    guard !mounts.isEmpty else { throw .cannotRun("\(options.plugin): no [[plugin]] of the file has this path") }
    return options.paths.isEmpty ? mounts : options.paths
  }

  /// A plugin that crashes or hangs is a finding; one that is refused, or refuses, may only lack its configuration, or
  /// be for other worker models.
  private mutating func explainFailedStart(_ server: CheckServer) throws(CheckError) {
    let lines = server.log.takeLines()
    if server.exitStatus == .exited(ExitCode.software.rawValue) {
      let texts = LogFindings.texts(lines, library: library)
      guard texts.isEmpty else {
        report.begin(server.model)
        report.add(server.model, "the start", texts)
        // It would be no other elsewhere.
        isOver = true
        return
      }
    }
    let reasons = lines.map { line in LogLine(line).map { String($0.text) } ?? line }
    report.leave(server.model, reasons.isEmpty ? "the server has ended" : reasons.joined(separator: "; "))
  }
}
