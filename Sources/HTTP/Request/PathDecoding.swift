/// Decodes a request path for mounts and plugins: percent-decodes once and removes dot segments (RFC 3986 section
/// 5.2.4).
package enum PathDecoding {
  /// Whether decoding leaves `path` unchanged, so that no copy is needed: there is no percent sign and no dot segment.
  package static func isPlain(_ path: Bytes) -> Bool {
    guard let base = unsafe path.base, path.count > 0 else { return true }
    return unsafe ByteScan.hasNoPercentOrDot(base, base + path.count) || hasPlainDots(path)
  }

  /// The same for a path that may have dots within its segments.
  @inline(never)
  private static func hasPlainDots(_ path: Bytes) -> Bool {
    var previous: UInt8 = 0
    for index in 0..<path.count {
      let byte = path[index]
      if byte == ASCII.percent { return false }
      if byte == ASCII.dot && previous == ASCII.slash { return false }
      previous = byte
    }
    return true
  }

  /// Decodes `path` into `output`, which must hold at least `path.count` bytes.
  ///
  /// - Returns: the number of bytes written.
  /// - Throws: `.malformedPath` for a `%` without two digits and for `%00`, `.pathEscapesRoot` for a `..` segment
  ///   without a segment to remove.
  package static func decode(_ path: Bytes, into output: UnsafeMutablePointer<UInt8>) throws(PathError) -> Int {
    let decoded = try unsafe percentDecode(path, into: output)
    return try unsafe removeDotSegments(output, count: decoded)
  }

  private static func percentDecode(
    _ path: Bytes, into output: UnsafeMutablePointer<UInt8>
  ) throws(PathError) -> Int {
    var written = 0
    var index = 0
    while index < path.count {
      var byte = path[index]
      index += 1
      if byte == ASCII.percent {
        guard index + 1 < path.count, let high = ASCII.hexValue(path[index]),
          let low = ASCII.hexValue(path[index + 1])
        else { throw .malformed }
        byte = high << 4 | low
        guard byte != 0 else { throw .malformed }
        index += 2
      }
      unsafe output[written] = byte  // written never passes index, which never passes path.count
      written += 1
    }
    return written
  }

  /// Works in place, segment by segment: the write position never passes the read position.
  private static func removeDotSegments(
    _ path: UnsafeMutablePointer<UInt8>, count: Int
  ) throws(PathError) -> Int {
    guard count > 0, unsafe path[0] == ASCII.slash else { return count }
    var written = 0
    var read = 0
    while read < count {
      var end = read + 1
      while end < count, unsafe path[end] != ASCII.slash { end += 1 }
      let length = end - read - 1
      let isDots = unsafe length > 0 && length <= 2 && path[read + 1] == ASCII.dot && path[end - 1] == ASCII.dot
      if isDots {
        if length == 2 {
          guard written > 0 else { throw .escapesRoot }
          repeat { written -= 1 } while unsafe path[written] != ASCII.slash
        }
        if end == count {  // "/a/." is "/a/"
          unsafe path[written] = ASCII.slash
          written += 1
        }
      } else {
        for index in read..<end {
          unsafe path[written] = path[index]
          written += 1
        }
      }
      read = end
    }
    return written
  }
}

/// Why a path is invalid.
package enum PathError: Error {
  case malformed, escapesRoot

  package var refusal: Refusal {
    switch self {
    case .malformed: .malformedPath
    case .escapesRoot: .pathEscapesRoot
    }
  }
}
