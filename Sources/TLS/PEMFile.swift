import COpenSSL
import Glibc
import Platform

/// The PEM blocks of one small file.
struct PEMFile: ~Copyable {
  /// Far above any chain; a device or a log named by mistake is not read to its end.
  private static let limit = 1 << 20

  let path: String
  private let bytes: [UInt8]

  /// - Parameter user: the service's, without whose rights root reads nothing that others can put there; see `Folder`.
  init(path: String, user: ServiceUser?) throws(UnusableFile) {
    self.path = path
    let contents: [UInt8]?
    do throws(Errno) {
      contents = try PEMFile.read(path, user)
    } catch {
      throw UnusableFile(message: "\(error)")
    }
    guard let contents else { throw UnusableFile(message: "\(path): not a regular file") }
    bytes = contents
  }

  /// The bytes of a regular file; nil for anything else, which is not waited for: a FIFO may never have a writer.
  private static func read(_ path: String, _ user: ServiceUser?) throws(Errno) -> [UInt8]? {
    let file = try open(path, user)
    var status = Glibc.stat()
    guard unsafe fstat(file.raw, &status) == 0 else { throw .last("stat \(path)") }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    guard status.st_size <= limit else { throw Errno(code: EFBIG, attempt: "read \(path)") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let (start, wanted) = (count, bytes.count - count)
      let read = unsafe bytes.withUnsafeMutableBytes {
        unsafe FileContents.read(
          file.raw, at: UInt64(start), into: $0.baseAddress.unsafelyUnwrapped + start, count: wanted)
      }
      guard read >= 0 else { throw .last("read \(path)") }
      if read == 0 { break }
      count += read
    }
    return Array(bytes.prefix(count))
  }

  private static func open(_ path: String, _ user: ServiceUser?) throws(Errno) -> FileDescriptor {
    guard user != nil else { return try FileDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY) }
    // It waits for nothing, and is looked at by its reader.
    return try Folder(of: try absolute(path), user: user, isRead: true).open(flags: O_RDONLY) { _ in true }
  }

  private static func absolute(_ path: String) throws(Errno) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return path }
    guard let here = unsafe getcwd(nil, 0) else { throw .last("open \(path)") }
    defer { unsafe free(here) }
    return unsafe "\(String(cString: here))/\(path)"
  }

  /// Calls `body` with each certificate, which is gone when it returns; how many there were.
  borrowing func forEachCertificate(_ body: (OpaquePointer) throws(UnusableFile) -> Void) throws(UnusableFile) -> Int {
    let source = unsafe try reader()
    defer { unsafe BIO_free(source) }
    var count = 0
    ERR_clear_error()
    while let certificate = unsafe PEM_read_bio_X509(source, nil, refusePassword, nil) {
      defer { unsafe X509_free(certificate) }
      count += 1
      try unsafe body(certificate)
    }
    let error = ERR_peek_last_error()
    ERR_clear_error()
    // The end of the file shows as the lack of a further block.
    guard ERR_GET_REASON(error) == PEM_R_NO_START_LINE else {
      throw UnusableFile(message: "\(path): certificate \(count + 1): \(OpenSSLError.reason(error))")
    }
    if count == 0 { throw UnusableFile(message: "\(path): no certificate in it (PEM is expected)") }
    return count
  }

  /// The private key, which the caller frees.
  borrowing func privateKey() throws(UnusableFile) -> OpaquePointer {
    let source = unsafe try reader()
    defer { unsafe BIO_free(source) }
    ERR_clear_error()
    if let key = unsafe PEM_read_bio_PrivateKey(source, nil, refusePassword, nil) { return unsafe key }
    let error = ERR_peek_error()
    ERR_clear_error()
    if isEncrypted { throw UnusableFile(message: "\(path): the key is encrypted; store it without a passphrase") }
    let isMissing = ERR_GET_REASON(error) == PEM_R_NO_START_LINE || ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER
    throw UnusableFile(
      message: isMissing
        ? "\(path): no private key in it (PEM is expected)" : "\(path): \(OpenSSLError.reason(error))")
  }

  private var isEncrypted: Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
  }

  private borrowing func reader() throws(UnusableFile) -> OpaquePointer {
    // A copy of its own: the array's memory is the array's.
    guard let source = unsafe BIO_new(BIO_s_mem()) else { throw UnusableFile(message: "\(path): out of memory") }
    let written = unsafe bytes.withUnsafeBytes { unsafe BIO_write(source, $0.baseAddress, CInt($0.count)) }
    guard written == bytes.count || bytes.isEmpty else {
      unsafe BIO_free(source)
      throw UnusableFile(message: "\(path): out of memory")
    }
    return unsafe source
  }

  /// Of the blocks themselves, in order: what tickets of sessions that relied on them are bound to.
  var contents: [UInt8] { bytes }
}

/// A file that can't be used: its name and why.
struct UnusableFile: Error {
  let message: String
}

/// Instead of asking for a passphrase on the terminal.
private func refusePassword(
  _: UnsafeMutablePointer<CChar>?, _: CInt, _: CInt, _: UnsafeMutableRawPointer?
) -> CInt { -1 }
