/// Requests over HTTP/1, as bytes.
struct HTTP1Request {
  let method: String
  let path: String
  var version = "HTTP/1.1"
  var fields: [String] = []
  var body: [UInt8] = []

  var head: [UInt8] {
    let lines = ["\(method) \(path) \(version)", "Host: localhost"] + fields
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  var bytes: [UInt8] { head + body }

  static func get(_ path: String) -> HTTP1Request { HTTP1Request(method: "GET", path: path) }

  /// With a content of so many bytes.
  static func post(_ path: String, size: Int) -> HTTP1Request {
    HTTP1Request(
      method: "POST", path: path, fields: ["Content-Type: text/plain", "Content-Length: \(size)"],
      body: Array(repeating: UInt8(ascii: "x"), count: size))
  }

  /// With a content in so many chunks.
  static func post(_ path: String, chunks: Int) -> HTTP1Request {
    HTTP1Request(
      method: "POST", path: path, fields: ["Content-Type: text/plain", "Transfer-Encoding: chunked"],
      body: Array(String(repeating: "5\r\nchunk\r\n", count: chunks).utf8) + Array("0\r\n\r\n".utf8))
  }
}
