import CNghttp2
import COpenSSL
import CSystemd
import Glibc
import Platform
import PluginHost
import Supervisor

/// The versions of the server and of the libraries that it runs with.
enum Versions {
  static let outrider = "0.1.0"

  static var text: String {
    """
    outrider \(outrider)
    plugin ABI \(ABI.text(ABI.version))
    \(StateText.versionLine)
    \(openSSL)
    nghttp2 \(nghttp2)
    \(systemd)
    """
  }

  private static var openSSL: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }

  private static var nghttp2: String {
    guard let info = unsafe nghttp2_version(0) else { return "?" }
    return unsafe String(cString: info.pointee.version_str)
  }

  /// libsystemd tells no version, but each release marks its new symbols with one.
  private static var systemd: String {
    // Keeps the library linked until more of it is used here.
    _ = unsafe sd_notify as (CInt, UnsafePointer<CChar>?) -> CInt
    let newest = (209..<400).last { Process.hasSymbolVersion("LIBSYSTEMD_\($0)") }
    return "libsystemd \(newest.map(String.init) ?? "?")"
  }
}
