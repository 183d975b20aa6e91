import COpenSSL
import Glibc
import Platform

/// The PEM blocks of one small file.
struct PEMFile: ~Copyable {
  /// Far above any chain. Prevents a device or a log that was named by mistake from being read to its end.
  private static let limit = 1 << 20

  let path: String
  private let bytes: [UInt8]

  /// - Parameter user: the service's user. With one, root reads only files that other users could not have put there;
  ///   see `Folder`.
  init(path: String, user: ServiceUser?) throws(PEMFileError) {
    self.path = path
    let contents: [UInt8]?
    do throws(Errno) {
      contents = try PEMFile.read(path, user)
    } catch {
      throw PEMFileError(message: "\(error)")
    }
    guard let contents else { throw PEMFileError(message: "\(path): not a regular file") }
    bytes = contents
  }

  /// The bytes of a regular file; nil for any other file. Does not block on a FIFO, which may never have a writer.
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
    // Opening does not block, and the caller checks the file's type.
    return try Folder(of: try absolute(path), user: user, isRead: true).open(flags: O_RDONLY) { _ in true }
  }

  private static func absolute(_ path: String) throws(Errno) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return path }
    guard let here = unsafe getcwd(nil, 0) else { throw .last("open \(path)") }
    defer { unsafe free(here) }
    return unsafe "\(String(cString: here))/\(path)"
  }

  /// Calls `body` with each certificate, which is freed when it returns. Returns their number.
  borrowing func forEachCertificate(_ body: (OpaquePointer) throws(PEMFileError) -> Void) throws(PEMFileError) -> Int {
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
    // The end of the file is reported as a missing block.
    guard ERR_GET_REASON(error) == PEM_R_NO_START_LINE else {
      throw PEMFileError(message: "\(path): certificate \(count + 1): \(OpenSSLError.reason(error))")
    }
    if count == 0 { throw PEMFileError(message: "\(path): no certificate in it (PEM is expected)") }
    return count
  }

  /// The private key, which the caller frees.
  borrowing func privateKey() throws(PEMFileError) -> OpaquePointer {
    let source = unsafe try reader()
    defer { unsafe BIO_free(source) }
    ERR_clear_error()
    if let key = unsafe PEM_read_bio_PrivateKey(source, nil, refusePassword, nil) { return unsafe key }
    let error = ERR_peek_error()
    ERR_clear_error()
    if isEncrypted { throw PEMFileError(message: "\(path): the key is encrypted; store it without a passphrase") }
    let isMissing = ERR_GET_REASON(error) == PEM_R_NO_START_LINE || ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER
    throw PEMFileError(
      message: isMissing
        ? "\(path): no private key in it (PEM is expected)" : "\(path): \(OpenSSLError.reason(error))")
  }

  private var isEncrypted: Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
  }

  private borrowing func reader() throws(PEMFileError) -> OpaquePointer {
    // A copy, since the BIO outlives the access to the array's memory.
    guard let source = unsafe BIO_new(BIO_s_mem()) else { throw PEMFileError(message: "\(path): out of memory") }
    let written = unsafe bytes.withUnsafeBytes { unsafe BIO_write(source, $0.baseAddress, CInt($0.count)) }
    guard written == bytes.count || bytes.isEmpty else {
      unsafe BIO_free(source)
      throw PEMFileError(message: "\(path): out of memory")
    }
    return unsafe source
  }

  /// The bytes of the file. Tickets are bound to them if their sessions relied on the file.
  var contents: [UInt8] { bytes }
}

/// A file that can't be used: its name and why.
struct PEMFileError: Error {
  let message: String
}

/// Prevents OpenSSL from asking for a passphrase on the terminal.
private func refusePassword(
  _: UnsafeMutablePointer<CChar>?, _: CInt, _: CInt, _: UnsafeMutableRawPointer?
) -> CInt { -1 }
