import CNghttp2
import COpenSSL
import CSystemd
import Glibc
import Platform
import PluginHost
import Supervisor

/// The versions of the server and of the libraries that it runs with.
enum Versions {
  static var text: String {
    """
    outrider \(ProgramFile.version)
    plugin ABI \(ABI.text(ABI.version))
    extensions \(extensions)
    \(StateVersion.line)
    \(openSSL)
    nghttp2 \(nghttp2)
    \(systemd)
    """
  }

  private static var extensions: String {
    Extensions.names.isEmpty ? "none" : Extensions.names.joined(separator: ", ")
  }

  private static var openSSL: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }

  private static var nghttp2: String {
    guard let info = unsafe nghttp2_version(0) else { return "?" }
    return unsafe String(cString: info.pointee.version_str)
  }

  /// libsystemd does not report its version, but each release has new symbols with a version of its own.
  private static var systemd: String {
    // Keeps the library linked as long as it is not used otherwise.
    _ = unsafe sd_notify as (CInt, UnsafePointer<CChar>?) -> CInt
    let newest = (209..<400).last { Process.hasSymbolVersion("LIBSYSTEMD_\($0)") }
    return "libsystemd \(newest.map(String.init) ?? "?")"
  }
}
