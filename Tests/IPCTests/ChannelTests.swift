import Glibc
import IPC
import Platform
import Testing

/// Messages between processes, as a process sees them that trusts the other side or does not.
@Suite(.serialized) struct ChannelTests {
  private typealias Kind = MasterMessage

  /// How many descriptors of this file the process has; other tests open others meanwhile.
  private func descriptors(of file: CInt) throws -> Int {
    let own = try FileStatus(of: file, "look").identity
    return (0..<1024).count { (try? FileStatus(of: CInt($0), "look"))?.identity == own }
  }

  @Test func messagesComeWholeEachWay() throws {
    for sealed in [false, true] {
      let (upper, lower) = try Channel.pair(sealed: sealed)
      #expect(lower.send(Kind.step, KeyedFields("text", "a\nb")) && lower.send(Kind.ready))
      for expected in [Kind.step, .ready] {
        guard case .message(let kind, let fields, _) = upper.receive() else {
          Issue.record("no message")
          continue
        }
        #expect(kind == expected.rawValue && fields["text"] == (expected == .step ? "a\nb" : nil))
      }
      if case .nothing = upper.receive() {} else { Issue.record("there is nothing more") }
      #expect(!upper.send(Kind.step, KeyedFields("text", String(repeating: "a", count: Channel.capacity))), "too long")
      #expect(upper.send(Kind.step, KeyedFields("text", text: String(repeating: "\u{1}é", count: Channel.capacity))))
      guard case .message(_, let fields, _) = lower.receive() else {
        Issue.record("no message")
        continue
      }
      #expect(fields["text"].map { $0.hasPrefix("\u{1}é") && !$0.contains("\u{FFFD}") } == true, "it is cut")
    }
  }

  @Test func oneDescriptorComes() throws {
    let (upper, lower) = try Channel.pair(sealed: true)
    #expect(upper.send(Kind.listener, descriptor: 0))
    guard case .message(1, _, let descriptor) = lower.receive() else {
      Issue.record("no message")
      return
    }
    switch descriptor {
    case .some(let descriptor): #expect(fcntl(descriptor.raw, F_GETFD) == FD_CLOEXEC)
    case .none: Issue.record("no descriptor")
    }
  }

  /// Sends so many descriptors at once as sendmsg(2) would.
  private func hand(_ count: Int, of file: CInt, over socket: CInt) -> Int {
    var kind: UInt8 = 1
    let space = (count * 4 + 7) / 8 * 8 + 16
    let control = UnsafeMutableRawPointer.allocate(byteCount: space, alignment: 8)
    defer { unsafe control.deallocate() }
    unsafe control.storeBytes(of: 16 + count * 4, as: Int.self)
    unsafe control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
    unsafe control.storeBytes(of: 1, toByteOffset: 12, as: CInt.self)  // SCM_RIGHTS
    for index in 0..<count { unsafe control.storeBytes(of: file, toByteOffset: 16 + 4 * index, as: CInt.self) }
    return unsafe withUnsafeMutableBytes(of: &kind) { bytes in
      var vector = unsafe iovec(iov_base: bytes.baseAddress, iov_len: 1)
      return unsafe withUnsafeMutablePointer(to: &vector) { vector in
        var message = unsafe msghdr()
        unsafe message.msg_iov = vector
        unsafe message.msg_iovlen = 1
        unsafe message.msg_control = control
        unsafe message.msg_controllen = 16 + count * 4
        return unsafe sendmsg(socket, &message, CInt(MSG_NOSIGNAL))
      }
    }
  }

  @Test(arguments: [2, 3, 100, 253]) func ofSeveralDescriptorsNoneIsLeft(count: Int) throws {
    let (upper, lower) = try Channel.pair(sealed: false)
    let file = try MemoryFile.make(name: "handed", contents: [])
    for _ in 0..<20 {
      #expect(hand(count, of: file.raw, over: lower.socketRaw) == 1)
      if case .malformed = upper.receive() {} else { Issue.record("that is no message") }
      #expect(try descriptors(of: file.raw) == 1)
    }
  }

  @Test func whatIsSealedTakesNone() throws {
    let (upper, lower) = try Channel.pair(sealed: true)
    #expect(hand(1, of: 0, over: lower.socketRaw) == -1 && errno == EPIPE)
    // Bytes that are no message of a server's are those of somebody who holds the end of the pipe.
    #expect(lower.send(Kind.listener))
    if case .message(1, _, nil) = upper.receive() {} else { Issue.record("the pipe has no descriptors") }
  }

  /// What hostile code writes into its end of the pipe.
  @Test(arguments: ["\u{1}x", "\u{1}text=x", "\u{1}=x\n", "\u{1}text=\\q\n", "\u{1}text=x\ntext=y\n"])
  func whatHasNoFieldsIsNoMessage(bytes: String) throws {
    let (upper, lower) = try Channel.pair(sealed: true)
    guard let pipe = lower.pipeRaw else {
      Issue.record("no pipe")
      return
    }
    let bytes = Array(bytes.utf8)
    #expect(unsafe write(pipe, bytes, bytes.count) == bytes.count)
    if case .malformed = upper.receive() {} else { Issue.record("that is no message") }
    #expect(lower.send(Kind.ready))
    if case .message(Kind.ready.rawValue, _, nil) = upper.receive() {} else { Issue.record("the next one is") }
  }

  @Test func anEndShows() throws {
    for sealed in [false, true] {
      let upper = try Channel.pair(sealed: sealed).upper
      if case .closed = upper.receive() {} else { Issue.record("the other side is gone") }
      #expect(!upper.send(Kind.listener))
    }
  }
}

/// Memory for other processes.
@Suite struct MemoryFileTests {
  @Test func whatIsMadeIsReadAndCanNotChange() throws {
    let file = try MemoryFile.make(name: "test", contents: [1, 2, 3])
    #expect(MemoryFile.contents(of: file, limit: 3) == [1, 2, 3])
    #expect(MemoryFile.contents(of: file, limit: 2) == nil)
    #expect(ftruncate(file.raw, 1) == -1 && ftruncate(file.raw, 10) == -1)
    #expect(unsafe pwrite(file.raw, "x", 1, 0) == -1)
    #expect(MemoryFile.contents(of: try MemoryFile.make(name: "test", contents: []), limit: 0) == [])
  }

  @Test func anythingElseIsRefused() throws {
    for path in ["/dev/null", "/etc/hostname", "/", "/proc/self/mem"] {
      let file = try FileDescriptor.open(path, flags: O_RDONLY)
      #expect(MemoryFile.sealedSize(of: file.raw) == nil)
      #expect(MemoryFile.contents(of: file, limit: 1 << 20) == nil)
      let isBoard = isThere(Scoreboard(reading: file))
      #expect(!isBoard)
    }
    let path = try FileDescriptor.open("/etc/hostname", flags: 0o10000000)  // O_PATH
    #expect(MemoryFile.contents(of: path, limit: 1 << 20) == nil)
    var ends: [CInt] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    #expect(MemoryFile.contents(of: FileDescriptor(owning: reader), limit: 1 << 20) == nil, "and is not waited for")
    close(writer)
  }

  @Test func aScoreboardIsOfItsSize() throws {
    let layout = ScoreboardLayout(slots: 2, plugins: 1, threads: 1, refusals: 1)
    let board = try Scoreboard(layout, names: ["a"])
    #expect(MemoryFile.sealedSize(of: board.raw) == layout.byteCount)
    guard let copy = board.duplicateDescriptor(), let read = Scoreboard(reading: copy) else {
      Issue.record("it can be read")
      return
    }
    #expect(read.layout == layout && read.pluginName(0) == "a" && read.pluginName(7) == "")
  }

  private func isThere(_ board: consuming Scoreboard?) -> Bool {
    switch consume board {
    case .none: false
    case .some: true
    }
  }
}

/// Text of others in a log.
@Suite struct PrintableTextTests {
  @Test(arguments: [
    ("plain é 😀", "plain é 😀"), ("a\nb\r", "a\\u{a}b\\u{d}"), ("\u{1B}[31m", "\\u{1b}[31m"),
    ("\u{7F}\u{85}\u{2028}", "\\u{7f}\\u{85}\\u{2028}"), ("", ""),
  ])
  func controlCharactersAreShown(text: String, shown: String) { #expect(PrintableText.escaped(text) == shown) }

  @Test func thereIsABound() {
    #expect(PrintableText.escaped("abcdef", limit: 3) == "abc…")
    #expect(PrintableText.oneLine("a\nb\n", limit: 100) == "a; b")
    #expect(PrintableText.oneLine("a\r\nb", limit: 100) == "a\\u{d}; b")
    #expect(PrintableText.oneLine("a\nbcdef", limit: 3) == "a; b…")
  }
}

/// The message with the user that masters and workers switch to.
@Suite struct ServiceUserTests {
  @Test func textComesBack() throws {
    let user = try #require(ServiceUser(id: 33, group: 34, groups: [34, 100]))
    #expect(ServiceUser(text: user.text) == user)
    let many = try #require(ServiceUser(id: 33, group: 34, groups: (0..<1000).map { $0 }))
    #expect(many.groups.count == ServiceUser.maxGroups && many.text.utf8.count < Channel.capacity - 32)
  }

  @Test(arguments: ["", "1", "0 0", "x 1", "1 x", "-1 1", "4294967295 1", "1 4294967295", "1 2 x", "4294967296 1"])
  func anythingElseIsNone(text: String) { #expect(ServiceUser(text: text) == nil) }
}
