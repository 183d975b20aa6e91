import Glibc
import HTTP
import PluginHost
import Testing

@testable import Workers

@Suite struct OutputQueueTests {
  private func isEmpty(_ result: OutputQueue.FlushResult) -> Bool {
    if case .empty = result { return true }
    return false
  }

  private func isBlocked(_ result: OutputQueue.FlushResult) -> Bool {
    if case .blocked = result { return true }
    return false
  }

  private func append(_ bytes: [UInt8], to queue: inout OutputQueue, _ pool: inout BufferPool) {
    unsafe bytes.withUnsafeBufferPointer { queue.append(unsafe Bytes(base: $0.baseAddress, count: $0.count), &pool) }
  }

  @Test func copiedBytesArriveInOrder() {
    let pair = SocketPair()
    var pool = BufferPool()
    var queue = OutputQueue()
    let content = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for start in stride(from: 0, to: content.count, by: 9_000) {
      append(Array(content[start..<min(start + 9_000, content.count)]), to: &queue, &pool)
    }
    holds(queue.count == content.count)
    holds(isEmpty(queue.flush(to: pair.server, &pool)))
    holds(pair.received() == content)
    holds(queue.isEmpty && queue.count == 0 && queue.sent == UInt64(content.count))
  }

  @Test func whatTheSocketDoesNotTakeStaysAndFollows() {
    let pair = SocketPair()
    var pool = BufferPool()
    var queue = OutputQueue()
    let content = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    append(content, to: &queue, &pool)
    var received: [UInt8] = []
    var blocked = 0
    while !queue.isEmpty {
      if isBlocked(queue.flush(to: pair.server, &pool)) { blocked += 1 }
      received += pair.received()
      holds(queue.count + Int(queue.sent) == content.count)
      guard blocked < 1000 else { break }
    }
    holds(blocked > 0)
    holds(received + pair.received() == content)
  }

  /// Lent memory is not copied, and its owner is told when it is done with: once.
  @Test func lentMemoryIsSettledWhenItHasLeft() {
    let pair = SocketPair()
    var pool = BufferPool()
    var queue = OutputQueue()
    append(Array("head".utf8), to: &queue, &pool)
    let lent = [UInt8](repeating: 7, count: 10_000)
    unsafe lent.withUnsafeBufferPointer { buffer in
      let lease = unsafe Lease(release: { _ in }, context: nil)
      queue.append(
        lent: unsafe Bytes(base: buffer.baseAddress, count: buffer.count), lease: lease, tag: 5, owner: 77, &pool)
      holds(queue.count == 10_004 && queue.held == 4)
      holds(queue.done.isEmpty)
      holds(isEmpty(queue.flush(to: pair.server, &pool)))
    }
    var done = queue.takeDone()
    let segment = done.pop()
    holds(segment?.record.tag == 5 && segment?.record.owner == 77)
    holds(done.pop() == nil && queue.done.isEmpty)
    if let segment { pool.give(segment) }
    holds(pair.received() == Array("head".utf8) + lent)
  }

  /// A response that lends goes no further; those before it, and their copies, do.
  @Test func discardingWhatIsLentKeepsWhatIsBeforeIt() {
    let pair = SocketPair()
    var pool = BufferPool()
    var queue = OutputQueue()
    append(Array("before".utf8), to: &queue, &pool)
    let lent = [UInt8](repeating: 1, count: 100)
    let dropped = unsafe lent.withUnsafeBufferPointer { buffer in
      let lease = unsafe Lease(release: { _ in }, context: nil)
      queue.append(
        lent: unsafe Bytes(base: buffer.baseAddress, count: buffer.count), lease: lease, tag: 0, owner: 1, &pool)
      append(Array("behind".utf8), to: &queue, &pool)
      return queue.discardLent(&pool)
    }
    holds(dropped == 106)
    holds(!queue.done.isEmpty)
    holds(isEmpty(queue.flush(to: pair.server, &pool)))
    holds(pair.received() == Array("before".utf8))
  }

  @Test func aFileGoesOutBetweenTheBytesAroundIt() throws {
    let pair = SocketPair()
    var pool = BufferPool()
    var queue = OutputQueue()
    let spool = try Spool(limit: 1 << 20)
    let content = (0..<30_000).map { UInt8(truncatingIfNeeded: $0) }
    let offset = unsafe content.withUnsafeBytes {
      unsafe spool.append($0.baseAddress.unsafelyUnwrapped, $0.count, workerLimit: 1 << 20)
    }
    holds(offset == 0)
    append(Array("a".utf8), to: &queue, &pool)
    queue.append(
      file: FilePart(descriptor: spool.raw, offset: 10, length: 20_000, lease: .call, tag: 0), owner: 0, &pool)
    append(Array("b".utf8), to: &queue, &pool)
    holds(queue.count == 2 && queue.total == 20_002)
    var received: [UInt8] = []
    for _ in 0..<1000 where !queue.isEmpty {
      _ = queue.flush(to: pair.server, &pool)
      received += pair.received()
    }
    holds(received == Array("a".utf8) + content[10..<20_010] + Array("b".utf8))
  }

  @Test func aClientThatHasLeftIsTold() {
    let pair = SocketPair()
    var pool = BufferPool()
    var queue = OutputQueue()
    append([1, 2, 3], to: &queue, &pool)
    shutdown(pair.client, CInt(SHUT_RDWR))
    guard case .failed(.closed) = queue.flush(to: pair.server, &pool) else {
      Issue.record("no failure")
      return
    }
    queue.discard(&pool)
    holds(queue.isEmpty)
  }

  @Test func aQueueThatJoinsAnotherLeavesItEmpty() {
    let pair = SocketPair()
    var pool = BufferPool()
    var one = OutputQueue()
    var other = OutputQueue()
    append(Array("one ".utf8), to: &one, &pool)
    append(Array("other".utf8), to: &other, &pool)
    one.append(&other)
    holds(other.isEmpty && other.count == 0 && one.count == 9)
    holds(isEmpty(one.flush(to: pair.server, &pool)))
    holds(pair.received() == Array("one other".utf8))
  }
}

@Suite struct BodyPipeTests {
  private func put(_ bytes: ArraySlice<UInt8>, in pipe: inout BodyPipe) {
    unsafe bytes.withUnsafeBufferPointer { pipe.put(unsafe Bytes(base: $0.baseAddress, count: $0.count)) }
  }

  /// The ring wraps at every place.
  @Test func bytesComeOutAsTheyWentIn() {
    var pipe = BodyPipe()
    defer { pipe.free() }
    let content = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var (written, read) = (0, [UInt8]())
    var room = [UInt8](repeating: 0, count: 40_000)
    var step = 1
    while read.count < content.count {
      let count = min(pipe.room, content.count - written, step % 50_000)
      if count > 0 { put(content[written..<written + count], in: &pipe) }
      written += count
      let taken = unsafe room.withUnsafeMutableBytes {
        unsafe pipe.take($0.baseAddress.unsafelyUnwrapped, 1 + step % 40_000)
      }
      read += room.prefix(taken)
      step += 7919
    }
    holds(read == content)
    holds(pipe.count == 0 && pipe.room == BodyPipe.capacity)
  }
}
