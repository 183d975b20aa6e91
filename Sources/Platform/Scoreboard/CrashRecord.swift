import CLinux
import Synchronization

/// The last words of a worker, written by its signal handler: which signal, and where each thread stood. It may have been cut
/// short at any point, and plugins can write there: nothing in it is trusted.
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

  /// The thread that got the signal, or that called exit; nil if none was recorded.
  package var thread: UInt64? { signal == nil ? traces.first?.thread : unsafe base.pointee.thread }

  /// The first is that of the thread that got the signal.
  package var traces: [Trace] {
    (0..<count(unsafe base.pointee.count, OUTRIDER_CRASH_TRACES)).map { index in
      var trace = outrider_crash_trace()
      unsafe outrider_crash_trace_at(base, UInt32(index), &trace)
      return unsafe withUnsafeBytes(of: &trace.frames) { bytes in
        let frames = unsafe bytes.bindMemory(to: UInt64.self).prefix(Int(min(trace.count, 32)))
        return unsafe Trace(thread: trace.thread, frames: frames.map { UInt($0) })
      }
    }
  }

  /// A file in the memory of the process.
  package struct Module: Sendable {
    package let addresses: Range<UInt>
    package let name: [UInt8]
  }

  /// Those that the traces lead through.
  package var modules: [Module] {
    (0..<count(unsafe base.pointee.modules_count, OUTRIDER_CRASH_MODULES)).map { index in
      var module = outrider_crash_module()
      unsafe outrider_crash_module_at(base, UInt32(index), &module)
      let (begin, end) = (UInt(module.base), UInt(module.end))
      return unsafe withUnsafeBytes(of: &module.name) { bytes in
        unsafe Module(addresses: begin..<max(begin, end), name: bytes.prefix { $0 != 0 }.map { $0 })
      }
    }
  }

  /// The function at an address of a trace.
  package struct Function: Sendable {
    package let address: UInt
    package let offset: UInt
    package let name: [UInt8]
  }

  /// Those with an exported name.
  package var functions: [Function] {
    (0..<count(unsafe base.pointee.functions_count, OUTRIDER_CRASH_FUNCTIONS)).map { index in
      var function = outrider_crash_function()
      unsafe outrider_crash_function_at(base, UInt32(index), &function)
      let (address, offset) = (UInt(function.address), UInt(function.offset))
      return unsafe withUnsafeBytes(of: &function.name) { bytes in
        unsafe Function(address: address, offset: offset, name: bytes.prefix { $0 != 0 }.map { $0 })
      }
    }
  }

  private func count(_ raw: UInt64, _ most: CInt) -> Int { Int(min(raw, UInt64(most))) }

  package func clear() {
    let size = unsafe MemoryLayout.size(ofValue: base.pointee)
    unsafe UnsafeMutableRawPointer(base).initializeMemory(as: UInt8.self, repeating: 0, count: size)
  }
}
