/// One thing that clients, or an operator, may do.
struct Trial: Sendable {
  let name: String
  /// What is wrong with what a client has got, in words.
  let run: @Sendable (CheckServer) throws(CheckError) -> String?

  init(_ name: String, _ run: @escaping @Sendable (CheckServer) throws(CheckError) -> String?) {
    self.name = name
    self.run = run
  }

  /// Those for one path.
  static func all(_ path: String, _ model: CheckServer.Model) -> [Trial] {
    http1(path) + (model == .sync ? [] : http2(path))
  }
}
