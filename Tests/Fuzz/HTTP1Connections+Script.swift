import HTTP

/// What a client sends, with its abbreviations: bytes at random seldom make a request with a body, and never a chunk as
/// long as the line before it.
struct ClientScript {
  private(set) var bytes: [UInt8] = []
  private var requests = 0

  /// The most that is sent, so that nothing takes long.
  private static let longest = 8192

  init(_ script: Bytes) {
    for index in 0..<script.count where bytes.count < ClientScript.longest { append(script[index]) }
  }

  private mutating func append(_ byte: UInt8) {
    let low = Int(byte & 15)
    switch byte >> 4 {
    case 0x8: appendHead("POST", path(low), "Transfer-Encoding: chunked\r\n")
    case 0x9: appendChunk(low * 7 + 1)
    case 0xA: appendLongLine(low)
    case 0xB: append(["0\r\n\r\n", "0\r\nX: y\r\n\r\n", "0\r\nHost: b\r\n\r\n", "0;x\r\n\r\n"][low & 3])
    case 0xC: appendHead("GET", path(low), "")
    case 0xD: append(ClientScript.malformed[low])
    case 0xE:
      appendHead("POST", path(low), "Content-Length: \(low * 23)\r\n")
      appendBody(low * 23)
    case 0xF: appendBody(low * 16 + 1)
    default: bytes.append(byte)
    }
  }

  private mutating func append(_ text: String) { bytes += Array(text.utf8) }

  /// Each with a query of its own.
  private mutating func path(_ choice: Int) -> String {
    requests += 1
    let letter = Array((choice < 8 ? "erspdlwq" : "eripsbxk").utf8)[choice & 7]
    return "/\(choice < 8 ? "" : "b/")\(Character(Unicode.Scalar(letter)))?\(requests)"
  }

  private mutating func appendHead(_ method: String, _ path: String, _ fields: String) {
    append("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
  }

  private mutating func appendBody(_ count: Int) {
    let start = bytes.count
    bytes += (0..<count).map { UInt8(97 + (start + $0) % 26) }
  }

  private mutating func appendChunk(_ count: Int) {
    append(String(count, radix: 16) + "\r\n")
    appendBody(count)
    append("\r\n")
  }

  /// A size line whose extension is too long, by a little or not at all; the size is that of the line, or nearly.
  private mutating func appendLongLine(_ choice: Int) {
    let length = 3 + Limits.all.chunkExtension + [-2, 0, 1, 20][choice & 3]
    let size = String(length + [0, 2, -1, 10][choice >> 2], radix: 16)
    append(size + ";" + String(repeating: "a", count: length - 1 - size.utf8.count) + "\r\n")
  }

  private static let malformed = [
    "5;\u{1}\r\n", "6\u{1}\r\n", "fffffffffffffff\r\n", "ffffffffffffffff\r\n", "5\n", "5 x\r\n", "-1\r\n", "\r\n",
    "GET /r\r\n\r\n", "GET /r HTTP/1.1\r\n\r\n", "GET /r HTTP/2.0\r\nHost: a\r\n\r\n", "GET /r HTTP/1.1\nHost: a\n\n",
    "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
    "POST /b/i HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    "GET /n HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  ]
}

/// What mutations put into a script.
enum ScriptWords {
  static let firstByte = 5

  static func word(_ number: (Int) -> Int) -> [UInt8] {
    // Some come together more often than chance would have it: a head with a chunked body, and chunks.
    switch number(4) {
    case 0: [UInt8(0x80 + number(16)), UInt8(0x90 + number(16)), UInt8(0x90 + number(3) * 16 + number(16)), 0xB0]
    case 1: [UInt8(0x90 + number(3) * 16 + number(16))]
    default: [UInt8(0x80 + number(128))]
    }
  }
}
