import Glibc
import Platform

/// Where the templates are.
enum TemplatesFolder {
  /// `OUTRIDER_TEMPLATES`, else the folder that is installed with this program, else that of the repository in whose build
  /// folder this program is.
  static var path: String {
    if let named = Process.environment("OUTRIDER_TEMPLATES"), !named.isEmpty { return named }
    let installed = "\(ProgramFile.prefix ?? "")/share/outrider/templates"
    if unsafe access(installed, F_OK) != 0, let examples { return examples }
    return installed
  }

  private static var examples: String? {
    guard let folders = ProgramFile.folder?.split(separator: "/", omittingEmptySubsequences: false),
      let build = folders.lastIndex(where: { $0 == ".build" || $0.hasPrefix(".build-") })
    else { return nil }
    return folders[..<build].joined(separator: "/") + "/examples"
  }
}
