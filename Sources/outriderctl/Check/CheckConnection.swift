import Glibc
import Platform

/// A connection of a client with which a plugin is tried.
struct CheckConnection: ~Copyable {
  enum Received: Equatable {
    case bytes([UInt8])
    /// The server has closed or reset the connection.
    case end
    /// Nothing has come by the deadline.
    case late
  }

  private let descriptor: FileDescriptor

  /// To a port of the loopback.
  init(port: UInt16) throws(CheckError) {
    do throws(Errno) {
      descriptor = try ClientSocket.connect(loopbackPort: port)
    } catch {
      throw .cannotRun("\(error)")
    }
  }

  /// - Returns: false if the server takes no more, in time or at all.
  @discardableResult
  func send(_ bytes: [UInt8]) throws(CheckError) -> Bool {
    let deadline = CheckWait.deadline
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe ConnectedSocket.send(descriptor.raw, bytes.baseAddress! + sent, bytes.count - sent)  // not empty
      }
      if count > 0 {
        sent += count
        continue
      }
      guard errno == EAGAIN, try CheckWait.socket(descriptor.raw, writing: true, deadline) else { return false }
    }
    return true
  }

  /// Each byte by itself, so that the server reads it by itself.
  @discardableResult
  func sendSlowly(_ bytes: [UInt8]) throws(CheckError) -> Bool {
    for byte in bytes {
      guard try send([byte]) else { return false }
      usleep(500)
    }
    return true
  }

  func receive(atMost count: Int, by deadline: UInt64) throws(CheckError) -> Received {
    var buffer = [UInt8](repeating: 0, count: count)
    while true {
      let received = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe ConnectedSocket.receive(descriptor.raw, bytes.baseAddress!, bytes.count)  // not empty
      }
      if received > 0 { return .bytes(Array(buffer[..<received])) }
      guard received < 0, errno == EAGAIN else { return .end }
      guard try CheckWait.socket(descriptor.raw, writing: false, deadline) else { return .late }
    }
  }

  /// Nothing more is sent; answers can still be read.
  func finishSending() { ConnectedSocket.shutdownWriting(descriptor.raw) }

  /// Ends the connection as a client does that is gone.
  consuming func reset() { resetWhenClosed() }

  /// It will end so.
  func resetWhenClosed() { ConnectedSocket.resetOnClose(descriptor.raw) }
}
