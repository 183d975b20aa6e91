import CLinux
import Synchronization

/// The record of a worker's signal handler: the signal, and the stack of each thread. It may be incomplete, and plugins
/// can write to it: its content is untrusted.
@safe
package struct CrashRecord {
  static let words = MemoryLayout<outrider_crash>.size / 8

  private let base: UnsafeMutablePointer<outrider_crash>

  init(_ words: UnsafeMutablePointer<Atomic<UInt64>>) {
    unsafe base = UnsafeMutableRawPointer(words).assumingMemoryBound(to: outrider_crash.self)
  }

  /// [worker-main] Installs the handler, which records fatal signals before they end the process.
  package func install() throws(Errno) {
    guard unsafe outrider_record_crashes(base) == 0 else { throw .last("sigaltstack") }
  }

  /// [request-thread] Adds the stack of the calling thread to the record, and gives it an alternate signal stack.
  package static func registerThread() { outrider_crash_register_thread() }

  /// [request-thread] Called last on a registered thread.
  package static func unregisterThread() { outrider_crash_unregister_thread() }

  package struct Trace: Sendable {
    package let thread: UInt64
    package let frames: [UInt]
  }

  /// The signal, or nil if none was recorded.
  package var signal: CInt? {
    let raw = unsafe base.pointee.signal
    return raw == 0 ? nil : CInt(truncatingIfNeeded: raw)
  }

  /// The thread that got the signal or called exit; nil if none was recorded.
  package var thread: UInt64? { signal == nil ? traces.first?.thread : unsafe base.pointee.thread }

  /// The stacks; the first is that of the thread that got the signal.
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

  /// A file that is mapped in the process.
  package struct Module: Sendable {
    package let addresses: Range<UInt>
    package let name: [UInt8]
  }

  /// The modules in which the traces are.
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

  /// The function at an address in a trace.
  package struct Function: Sendable {
    package let address: UInt
    package let offset: UInt
    package let name: [UInt8]
  }

  /// The functions that have an exported name.
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

  private func count(_ raw: UInt64, _ limit: CInt) -> Int { Int(min(raw, UInt64(limit))) }

  package func clear() {
    let size = unsafe MemoryLayout.size(ofValue: base.pointee)
    unsafe UnsafeMutableRawPointer(base).initializeMemory(as: UInt8.self, repeating: 0, count: size)
  }
}
