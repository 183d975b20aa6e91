import Glibc
import Platform

/// The server's program: beside this one, or else in PATH.
enum ServerProgram {
  static func path() throws(CheckError) -> String {
    var folders = (Process.environment("PATH") ?? "").split(separator: ":").map(String.init)
    if let own = try? ProgramFile.path(calledAs: CommandLine.arguments.first ?? ""),
      let slash = own.utf8.lastIndex(of: UInt8(ascii: "/"))
    {
      folders.insert(String(own[..<slash]), at: 0)
    }
    for folder in folders where unsafe access("\(folder)/outrider", X_OK) == 0 { return "\(folder)/outrider" }
    throw .cannotRun("no program outrider beside outriderctl or in PATH")
  }
}
