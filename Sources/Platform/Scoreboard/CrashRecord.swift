import CLinux
import Synchronization

/// The last words of a worker, written by its signal handler: which signal, and where each thread stood.
@safe
package struct CrashRecord {
  static let words = MemoryLayout<outrider_crash>.size / 8

  private let base: UnsafeMutablePointer<outrider_crash>

  init(_ words: UnsafeMutablePointer<Atomic<UInt64>>) {
    unsafe base = UnsafeMutableRawPointer(words).assumingMemoryBound(to: outrider_crash.self)
  }

  /// [worker-main] From here on a fatal signal of this process is recorded here; then it takes its usual course.
  package func install() throws(Errno) {
    guard unsafe outrider_record_crashes(base) == 0 else { throw .last("sigaltstack") }
  }

  /// [request-thread] The calling thread wants its stack in the record, too; and has a stack for signals of its own.
  package static func joinThread() { outrider_crash_join_thread() }

  /// [request-thread] Last on such a thread.
  package static func leaveThread() { outrider_crash_leave_thread() }

  package struct Trace: Sendable {
    package let thread: UInt64
    package let frames: [UInt]
  }

  /// The signal, or nil if none was recorded.
  package var signal: CInt? {
    let raw = unsafe base.pointee.signal
    return raw == 0 ? nil : CInt(truncatingIfNeeded: raw)
  }

  /// The first is that of the thread that got the signal.
  package var traces: [Trace] {
    let count = unsafe Int(min(base.pointee.count, UInt64(OUTRIDER_CRASH_TRACES)))
    return (0..<count).map { index in
      var trace = outrider_crash_trace()
      unsafe outrider_crash_trace_at(base, UInt32(index), &trace)
      return unsafe withUnsafeBytes(of: &trace.frames) { bytes in
        let frames = unsafe bytes.bindMemory(to: UInt64.self).prefix(Int(min(trace.count, 32)))
        return unsafe Trace(thread: trace.thread, frames: frames.map { UInt($0) })
      }
    }
  }

  package func clear() { unsafe base.pointee = outrider_crash() }
}
