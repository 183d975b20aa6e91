import HTTP
import Testing

@Suite struct ResponseEncoderTests {
  private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

  private func head(
    _ status: UInt32, _ list: FieldList = [:], _ framing: ResponseEncoder.Framing,
    _ connection: ResponseEncoder.ConnectionOption? = nil
  ) throws -> String {
    try withFields(list) { fields in
      let verdict = try #require(FieldValidation.check(fields, for: .final))
      let head = ResponseEncoder.FinalHead(
        status: status, fields: fields, framing: framing, verdict: verdict, connection: connection)
      var date = DateField()
      date.update(784_111_777)
      let text = written { ResponseEncoder.write(head, date: date, to: &$0) }
      #expect(text.unicodeScalars.count <= ResponseEncoder.bound(fields: fields, fieldBytes: verdict.bytes))
      return text
    }
  }

  private static let start = "HTTP/1.1 200 OK\r\nServer: outrider\r\nDate: \(date)\r\n"

  @Test func framings() throws {
    let start = ResponseEncoderTests.start
    #expect(try head(200, .length(0)) == start + "Content-Length: 0\r\n\r\n")
    #expect(try head(200, .length(12)) == start + "Content-Length: 12\r\n\r\n")
    #expect(try head(200, .length(.max)) == start + "Content-Length: 9223372036854775807\r\n\r\n")
    #expect(try head(200, .chunked) == start + "Transfer-Encoding: chunked\r\n\r\n")
    #expect(try head(200, .untilClose, .close) == start + "Connection: close\r\n\r\n")
    #expect(try head(200, .none) == start + "\r\n")
    #expect(
      try head(200, ["Content-Length": "5"], .lengthGiven) == start + "Content-Length: 5\r\n\r\n")
  }

  @Test func connections() throws {
    let start = ResponseEncoderTests.start
    #expect(try head(200, .length(1), .keepAlive) == start + "Content-Length: 1\r\nConnection: keep-alive\r\n\r\n")
    #expect(try head(200, .chunked, .close) == start + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
  }

  @Test func fieldsAsGivenAndInOrder() throws {
    let fields: FieldList = ["B": "2", "a": "1", "B": "", "X": "a\tb \u{E9}"]
    #expect(
      try head(200, fields, .length(0))
        == ResponseEncoderTests.start + "B: 2\r\na: 1\r\nB: \r\nX: a\tb \u{E9}\r\nContent-Length: 0\r\n\r\n")
  }

  @Test func dateAndServerOfThePlugin() throws {
    #expect(
      try head(200, ["date": "x", "Server": "y"], .none) == "HTTP/1.1 200 OK\r\ndate: x\r\nServer: y\r\n\r\n")
    #expect(
      try head(200, ["SERVER": "y"], .none)
        == "HTTP/1.1 200 OK\r\nDate: \(ResponseEncoderTests.date)\r\nSERVER: y\r\n\r\n")
    #expect(try head(200, ["DATE": "x"], .none) == "HTTP/1.1 200 OK\r\nServer: outrider\r\nDATE: x\r\n\r\n")
  }

  @Test(
    arguments: [
      (200, "200 OK"), (201, "201 Created"), (204, "204 No Content"), (304, "304 Not Modified"), (404, "404 Not Found"),
      (431, "431 Request Header Fields Too Large"), (500, "500 Internal Server Error"), (299, "299 "), (599, "599 "),
      (999, "999 "),
    ] as [(UInt32, String)])
  func statusLines(status: UInt32, expected: String) throws {
    #expect(try head(status, .none).hasPrefix("HTTP/1.1 \(expected)\r\n"))
  }

  /// RFC 8297 section 2: the fields, nothing of the server's own.
  @Test func informational() {
    func encoded(_ status: UInt32, _ list: FieldList) -> String {
      withFields(list) { fields in
        written { ResponseEncoder.writeInformational(status: status, fields: fields, to: &$0) }
      }
    }
    #expect(
      encoded(103, ["Link": "</a.css>; rel=preload", "link": "</b.js>"])
        == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nlink: </b.js>\r\n\r\n")
    #expect(encoded(102, ["X": "y"]) == "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n")
    #expect(encoded(199, ["X": "y"]) == "HTTP/1.1 199 \r\nX: y\r\n\r\n")
  }

  @Test(
    arguments: [
      (1, "1\r\n"), (9, "9\r\n"), (10, "a\r\n"), (16, "10\r\n"), (255, "ff\r\n"), (65_536, "10000\r\n"),
      (.max, "ffffffffffffffff\r\n"),
    ] as [(UInt64, String)])
  func chunkHeads(count: UInt64, expected: String) {
    #expect(
      written(capacity: ResponseEncoder.chunkHeadBound) { ResponseEncoder.writeChunkHead(count, to: &$0) } == expected)
  }

  @Test func endsOfChunks() {
    #expect(text(Bytes(ResponseEncoder.chunkEnd)) == "\r\n")
    #expect(text(Bytes(ResponseEncoder.lastChunk)) == "0\r\n\r\n")
  }

  @Test func trailers() {
    func encoded(_ list: FieldList) -> String {
      withFields(list) { fields in
        let bytes = list.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        return written(capacity: ResponseEncoder.bound(fields: fields, fieldBytes: bytes)) {
          ResponseEncoder.writeTrailers(fields, to: &$0)
        }
      }
    }
    #expect(encoded(["X": "y", "Z": ""]) == "0\r\nX: y\r\nZ: \r\n\r\n")
    #expect(encoded([:]) == "0\r\n\r\n")
  }

  /// Nothing that can be sent is longer than the room that is made for it: `head` looks at that each time.
  @Test func theBoundHolds() throws {
    let many: FieldList = ["A": "1", "B": "2", "C": "3", "D": "", "E": "5", "F": "6", "G": "7", "H": "8"]
    for status in UInt32(200)...999 {
      for connection in [ResponseEncoder.ConnectionOption.close, .keepAlive] {
        _ = try head(status, .length(.max), connection)
        _ = try head(status, many, .chunked, connection)
      }
    }
  }

  @Test func pagesOfTheServersOwn() {
    func page(_ status: UInt32) -> String { written(capacity: ErrorPage.bound) { ErrorPage.write(status, to: &$0) } }
    #expect(page(404) == "404 Not Found\n")
    #expect(page(408) == "408 Request Timeout\n")
    for refusal in Refusal.allCases { #expect(page(refusal.status).hasPrefix("\(refusal.status) ")) }
  }
}

extension ResponseEncoderTests {
  private func head(
    _ status: UInt32, _ framing: ResponseEncoder.Framing, _ connection: ResponseEncoder.ConnectionOption? = nil
  ) throws -> String {
    try head(status, [:], framing, connection)
  }
}
