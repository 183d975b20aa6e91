import CNghttp2
import COpenSSL
import CSystemd
import Glibc
import Platform
import PluginHost

/// The versions of the server and of the libraries that it runs with.
enum Versions {
  static let outrider = "0.1.0"

  static var text: String {
    """
    outrider \(outrider)
    plugin ABI \(ABI.text(ABI.version))
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

  /// libsystemd tells no version; the file that was loaded has it in its name.
  private static var systemd: String {
    let function: @convention(c) (CInt, UnsafePointer<CChar>?) -> CInt = unsafe sd_notify
    let file = unsafe Process.libraryFile(of: unsafeBitCast(function, to: UnsafeRawPointer.self))
    return "libsystemd " + (file.map { String($0.dropFirst("libsystemd.so.".count)) } ?? "?")
  }
}
