import Glibc
import Platform

/// `outrider --from-gunicorn FILE`. A configuration of gunicorn is a Python program, so a Python program translates it.
enum GunicornTranslation {
  /// The folder of that program: beside this program after a build, or where `make install` puts it.
  private static let name = "from-gunicorn"

  /// Replaces this process by that program. Returns only if this fails.
  ///
  /// - Parameter application: the application on gunicorn's command line; nil for that of the file.
  static func run(_ file: String, application: String?) -> ExitCode {
    let own = ProgramFile.folder ?? "."
    let folders = ["\(own)/\(name)", "\(ProgramFile.prefix ?? "")/libexec/outrider/\(name)"]
    guard let folder = folders.first(where: { unsafe access("\($0)/__main__.py", R_OK) == 0 }) else {
      ErrorLog.writeRaw("--from-gunicorn: there is no \(folders.joined(separator: ", and no "))")
      return .software
    }
    // The Python of a virtual environment has the packages that the file imports.
    let environment = Process.environment("VIRTUAL_ENV").map { "\($0)/bin/python3" }
    let python = environment.flatMap { unsafe access($0, X_OK) == 0 ? $0 : nil } ?? "python3"
    // Bytecode must not be written, in particular not to the installed folder.
    var arguments = ["/usr/bin/env", python, "-B", folder, file]
    if let application { arguments.append("wsgi_app=\(application)") }
    fflush(nil)
    do throws(Errno) {
      try Process.execute(arguments[0], arguments: arguments)
    } catch {
      ErrorLog.writeRaw("\(error)")
      return .osError
    }
  }
}
