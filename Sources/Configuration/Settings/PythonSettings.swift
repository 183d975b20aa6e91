/// The values of `[plugin.config]` for an application in Python. The plugin for these applications reads them.
package struct PythonSettings: Sendable, Equatable {
  package var interface = Interface.auto
  package var factory = false
  /// The folders that are searched first for modules.
  package var path: [String] = []
  /// An absolute path, like `chdir`; empty if there is none.
  package var venv = ""
  package var chdir = ""
  package var env = TextTable()
  package var lifespan = Lifespan.auto
  package var loop = EventLoop.asyncio
  package var mode = Mode.thread
  package var scheduling = Scheduling.batch
  /// The application is imported in the master.
  package var preload = false

  package enum Interface: String, Sendable, CaseIterable { case auto, wsgi, asgi }
  package enum Lifespan: String, Sendable, CaseIterable { case auto, on, off }
  package enum EventLoop: String, Sendable, CaseIterable { case asyncio, uvloop }
  package enum Mode: String, Sendable, CaseIterable { case thread, guest }
  package enum Scheduling: String, Sendable, CaseIterable { case batch, normal }

  /// A table whose values are texts.
  package struct TextTable: Sendable, Equatable {
    var table = TOMLTable()
  }
}

extension PluginSettings {
  static func checkApplication(_ application: String) throws(ValueSyntaxError) {
    if application.utf8.contains(0) { throw ValueSyntaxError(reason: "a NUL in the application") }
    guard application.utf8.first != UInt8(ascii: ":") else {
      throw ValueSyntaxError(reason: "expected module:attribute, found \(QuotedText.shown(application))")
    }
  }

  static func checkDirectory(_ path: String) throws(ValueSyntaxError) {
    if path.utf8.contains(0) { throw ValueSyntaxError(reason: "a NUL in the path") }
  }
}
