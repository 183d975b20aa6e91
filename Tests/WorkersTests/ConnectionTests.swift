import Glibc
import Testing

@testable import Workers

/// Connections of a worker from head to end, over sockets of this process.
@Suite(.serialized) struct ConnectionTests {
  /// Runs `body` with a client's socket and its connection.
  private func withClient(_ body: (TestWorker, CInt, Connection) throws -> Void) throws {
    let server = unsafe TestWorker.shared
    try server.use {
      let (fd, connection) = try #require(server.connect())
      try body(server, fd, connection)
      #expect(server.close(fd))
    }
  }

  private func exchange(_ text: String, _ server: TestWorker, _ fd: CInt) -> String {
    #expect(send(Array(text.utf8), to: fd))
    server.run()
    return String(decoding: readAll(fd), as: UTF8.self)
  }

  @Test func aRequestIsAnsweredAndTheConnectionKept() throws {
    try withClient { server, fd, connection in
      #expect(connection.record.phase == .idle)
      let response = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", server, fd)
      #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n") && response.hasSuffix("\r\n\r\nhello"))
      #expect(connection.record.phase == .idle && connection.record.input == nil)
      #expect(exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", server, fd).hasSuffix("hello"))
    }
  }

  @Test func aHeadInPiecesIsAPhaseOfItsOwn() throws {
    try withClient { server, fd, connection in
      #expect(exchange("GET / HT", server, fd) == "")
      #expect(connection.record.phase == .head)
      #expect(exchange("TP/1.1\r\nHost: a\r\n\r\n", server, fd).hasSuffix("hello"))
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    try withClient { server, fd, _ in
      let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      let responses = exchange(String(repeating: request, count: 40), server, fd)
      #expect(responses.components(of: "HTTP/1.1 200 OK") == 40)
    }
  }

  @Test func aMalformedHeadIsRefusedAndTheConnectionEnds() throws {
    try withClient { server, fd, connection in
      let response = exchange("GET / HTTP/1.1\r\nHost : a\r\n\r\n", server, fd)
      #expect(response.hasPrefix("HTTP/1.1 400 ") && response.contains("Connection: close"))
      #expect(connection.record.phase == .lingering)
    }
  }

  @Test func aRequestThatAsksForItIsTheLast() throws {
    try withClient { server, fd, connection in
      let response = exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", server, fd)
      #expect(response.contains("Connection: close\r\n"))
      #expect(connection.record.phase == .free)
    }
  }

  @Test func aBodyThatNobodyReadsIsReadAway() throws {
    try withClient { server, fd, connection in
      let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
      #expect(exchange(head + "12345", server, fd).hasSuffix("hello"))
      #expect(connection.record.phase == .discarding)
      #expect(exchange("67890GET / HTTP/1.1\r\nHost: a\r\n\r\n", server, fd).hasSuffix("hello"))
      #expect(connection.record.phase == .idle)
    }
  }

  @Test func anIdleConnectionClosesAtItsDeadline() throws {
    try withClient { server, fd, connection in
      _ = exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", server, fd)
      server.expire(connection)
      #expect(connection.record.phase == .lingering)
      var byte: UInt8 = 0
      let count = unsafe recv(fd, &byte, 1, 0)
      #expect(count == 0)
    }
  }

  @Test func aLateHeadIsRefused() throws {
    try withClient { server, fd, connection in
      _ = exchange("GET / HTTP/1.1\r\n", server, fd)
      server.expire(connection)
      server.run()
      #expect(String(decoding: readAll(fd), as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
    }
  }

  /// The connection preface (RFC 9113 section 3.4), and an empty SETTINGS frame.
  @Test func thePrefaceMakesItHTTP2() throws {
    try withClient { server, fd, connection in
      let frames = exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", server, fd)
      #expect(connection.record.phase == .http2 && connection.record.http2 != nil)
      // SETTINGS of the server's comes first.
      #expect(Array(frames.utf8).dropFirst(3).first == 4)
    }
  }

  @Test func aConnectionThatIsIdleClosesWhenRequestsAreCut() throws {
    try withClient { server, fd, connection in
      #expect(CutAction(connection.record.phase, hasOutput: false) == .close)
      server.worker.driver(connection).close()
      #expect(connection.record.phase == .free)
    }
  }
}

extension String {
  fileprivate func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
