import HTTP
import Testing

@Suite struct PathDecodingTests {
  private enum Decoded: Equatable {
    case path(String)
    case fault(PathError)
  }

  /// Decodes into exactly as much memory as is asked for, and looks at what stands behind.
  private func decode(_ path: String) -> Decoded {
    withBytes(path) { path in
      let room = UnsafeMutablePointer<UInt8>.allocate(capacity: path.count + 8)
      defer { unsafe room.deallocate() }
      unsafe room.initialize(repeating: 0xAA, count: path.count + 8)
      defer {
        let behind = unsafe copy(Bytes(base: room + path.count, count: 8))
        #expect(behind.allSatisfy { $0 == 0xAA })
      }
      do throws(PathError) {
        let count = try unsafe PathDecoding.decode(path, into: room)
        return unsafe .path(text(Bytes(base: room, count: count)))
      } catch {
        return .fault(error)
      }
    }
  }

  private func isPlain(_ path: String) -> Bool { withBytes(path) { PathDecoding.isPlain($0) } }

  @Test(arguments: [
    "", "/", "*", "/a", "/a/", "/a/b.c", "//", "/a//b", "/a../b", "/a.b/c.", "/~;=@:!$&'()*+,", "/\u{E9}", "/a..",
    "x..y",
  ])
  func plainPaths(path: String) {
    #expect(isPlain(path))
    #expect(decode(path) == .path(path))
  }

  @Test(arguments: [
    ("/%41", "/A"), ("/%2f", "//"), ("/%c3%A9", "/\u{C3}\u{A9}"), ("/%ff", "/\u{FF}"), ("/%01", "/\u{01}"),
    ("/%2541", "/%41"),
    ("/%252e%252e/", "/%2e%2e/"), ("/a%20b", "/a b"), ("/%7E%7e", "/~~"),
    ("/.", "/"), ("/./", "/"), ("/././.", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"), ("/a/../", "/"),
    ("/a/../b", "/b"),
    ("/a/b/..", "/a/"), ("/a/b/../c", "/a/c"), ("/a/b/../../c", "/c"), ("/a//..", "/a/"), ("/a//../b", "/a/b"),
    ("//..", "/"), ("//../a", "/a"),
    ("/...", "/..."), ("/.a", "/.a"), ("/..a", "/..a"), ("/.a/..", "/"), ("/..a/../b", "/b"), ("/a/.../b", "/a/.../b"),
    ("/..;/a", "/..;/a"),
    ("/%2e", "/"), ("/a/%2E%2e", "/"), ("/a/.%2e/b", "/b"), ("/a%2f..%2fb", "/b"), ("/a%2F%2E%2E", "/"),
  ])
  func otherPaths(path: String, expected: String) {
    #expect(!isPlain(path))
    #expect(decode(path) == .path(expected))
  }

  @Test(arguments: [
    "/%", "/a%", "/%4", "/a%4", "/%zz", "/%4g", "/%g4", "/%%41", "/%-1", "/% 1", "/%00", "/a%00b", "/%4\u{E9}", "/../%",
  ])
  func malformed(path: String) {
    #expect(decode(path) == .fault(.malformed))
    #expect(!isPlain(path))
  }

  @Test(arguments: [
    "/..", "/../", "/../a", "/a/../..", "/a/../../b", "/./..", "/%2e%2e", "/.%2e/a", "/a/b/../../../c", "//../..",
    "/a%2f..%2f..", "/../..",
  ])
  func climbingOut(path: String) {
    #expect(decode(path) == .fault(.escapesRoot))
    #expect(!isPlain(path))
  }

  /// Paths are looked at several bytes at a time.
  @Test func everyPlaceInEveryLength() {
    for length in 3...40 {
      let plain = "/" + String(repeating: "a", count: length - 1)
      #expect(isPlain(plain))
      for place in 1..<length {
        var bytes = Array(plain.utf8)
        bytes[place] = UInt8(ascii: "%")
        #expect(!isPlain(latin1(bytes)), "\(place) of \(length)")
        bytes[place] = UInt8(ascii: ".")
        #expect(isPlain(latin1(bytes)) == (place > 1), "\(place) of \(length)")
      }
    }
  }

  @Test func faultsAreRefused() {
    #expect(PathError.malformed.refusal == .malformedPath && PathError.escapesRoot.refusal == .pathEscapesRoot)
  }

  /// Against the same done with lists of segments.
  @Test func randomPaths() {
    var random = SplitMix(3)
    let parts = ["/", "/", ".", "..", "/.", "/..", "a", "%2e", "%2F", "%41", "%00", "%", "bc"]
    for _ in 0..<20_000 {
      let path =
        "/"
        + (0..<Int.random(in: 0...9, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
      let decoded = decode(path)
      #expect(decoded == slowly(path), "\(path)")
      if isPlain(path) { #expect(decoded == .path(path)) }
    }
  }

  private func slowly(_ path: String) -> Decoded {
    var bytes: [UInt8] = []
    var rest = latin1(path)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(latin1(rest.prefix(2)), radix: 16), value != 0 else {
        return .fault(.malformed)
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    var kept: [String] = []
    let segments = latin1(bytes).split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
    for (index, segment) in segments.enumerated() {
      if segment == ".." && kept.popLast() == nil { return .fault(.escapesRoot) }
      if segment != "." && segment != ".." {
        kept.append(segment)
      } else if index == segments.count - 1 {
        kept.append("")
      }
    }
    return .path(kept.map { "/" + $0 }.joined())
  }
}
