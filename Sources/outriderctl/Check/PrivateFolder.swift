import Glibc
import Platform

/// A folder that only this user can enter, for a control socket. It goes with the value.
struct PrivateFolder: ~Copyable {
  let path: String

  init() throws(Errno) {
    var template = Array("/tmp/outriderctl-check-XXXXXX".utf8CString)
    let isMade = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) != nil }  // not empty
    guard isMade else { throw .last("make a folder in /tmp") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  var socket: String { "\(path)/control.sock" }

  deinit {
    unsafe unlink(socket)
    unsafe rmdir(path)
  }
}
