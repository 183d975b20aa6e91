/// A response over HTTP/1, as far as a client has to know where it ends (RFC 9112 section 6.3).
struct HTTP1Answer: Equatable {
  enum Reading: Equatable {
    case incomplete
    /// - Parameter size: how many bytes it has, with those of informational responses before it.
    case complete(HTTP1Answer, size: Int)
    case malformed
  }

  let status: Int
  /// The server closes the connection behind it.
  let closes: Bool

  /// - Parameters:
  ///   - isToHead: it answers HEAD.
  ///   - isEnded: no bytes follow.
  static func read(_ bytes: [UInt8], isToHead: Bool, isEnded: Bool) -> Reading {
    var start = 0
    while true {
      guard let end = blankLine(bytes, from: start) else { return .incomplete }
      guard let head = Head(bytes[start..<end]) else { return .malformed }
      start = end
      if (100..<200).contains(head.status) { continue }
      let hasBody = !isToHead && head.status != 204 && head.status != 304
      let answer = HTTP1Answer(status: head.status, closes: head.closes)
      guard hasBody else { return .complete(answer, size: start) }
      if head.isChunked {
        return switch chunks(bytes, from: start) {
        case .none: .incomplete
        case .some(-1): .malformed
        case .some(let size): .complete(answer, size: size)
        }
      }
      if let length = head.contentLength {
        return bytes.count - start >= length ? .complete(answer, size: start + length) : .incomplete
      }
      return isEnded ? .complete(answer, size: bytes.count) : .incomplete
    }
  }

  /// The index behind the first empty line.
  private static func blankLine(_ bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count - start >= 4 else { return nil }
    for index in start...(bytes.count - 4)
    where bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 {
      return index + 4
    }
    return nil
  }

  /// The index behind the last chunk and the trailers; nil if they are not whole, -1 if they are malformed.
  private static func chunks(_ bytes: [UInt8], from start: Int) -> Int? {
    var start = start
    while true {
      guard let line = bytes[start...].firstIndex(of: 10) else { return nil }
      let digits = bytes[start..<line].prefix { $0 != 13 && $0 != UInt8(ascii: ";") }
      guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0 else { return -1 }
      start = line + 1
      if size == 0 {
        // Trailers, up to an empty line.
        guard bytes.count - start >= 2 else { return nil }
        if bytes[start] == 13 { return start + 2 }
        return blankLine(bytes, from: start)
      }
      guard bytes.count - start >= size + 2 else { return nil }
      start += size + 2
    }
  }

  /// The fields that say where the message ends.
  private struct Head {
    var status = 0
    var contentLength: Int?
    var isChunked = false
    var closes = false

    init?(_ bytes: ArraySlice<UInt8>) {
      let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      let words = (lines.first ?? "").split(separator: " ")
      guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
      self.status = status
      closes = words[0] == "HTTP/1.0"
      for line in lines.dropFirst() {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let value = line[line.utf8.index(after: colon)...].split(separator: " ").joined(separator: " ").lowercased()
        switch line[..<colon].lowercased() {
        case "content-length": contentLength = Int(value)
        case "transfer-encoding": isChunked = value == "chunked"
        case "connection": closes = value == "close" || closes && value != "keep-alive"
        default: break
        }
      }
    }
  }
}
