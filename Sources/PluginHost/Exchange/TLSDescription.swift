import COutrider
import HTTP

/// The description of a connection's TLS for plugins: made when a plugin first asks for it, in memory that lives as
/// long as this object.
@safe
package final class TLSDescription: @unchecked Sendable {
  // Not changed after `init`.
  package let address: UnsafeMutableRawPointer
  private var memory: [UnsafeMutableRawPointer] = unsafe []

  package typealias Name = (kind: StaticString, value: [UInt8])

  /// - Parameters:
  ///   - fingerprint: the fingerprint of the first certificate.
  ///   - certificates: the client's, in DER, its own first.
  ///   - names: alternative names of its subject.
  package init(
    version: [UInt8], cipher: [UInt8], serverName: [UInt8], protocolName: [UInt8], isResumed: Bool, subject: [UInt8],
    fingerprint: [UInt8], certificates: [[UInt8]], names: [Name]
  ) {
    let table = UnsafeMutablePointer<outrider_tls>.allocate(capacity: 1)
    unsafe address = UnsafeMutableRawPointer(table)
    unsafe table.initialize(to: outrider_tls())
    unsafe table.pointee.size = UInt32(MemoryLayout<outrider_tls>.size)
    unsafe table.pointee.flags = isResumed ? OUTRIDER_TLS_RESUMED : 0
    unsafe table.pointee.version = keep(version)
    unsafe table.pointee.cipher = keep(cipher)
    unsafe table.pointee.server_name = keep(serverName)
    unsafe table.pointee.alpn = keep(protocolName)
    unsafe table.pointee.client_subject = keep(subject)
    unsafe table.pointee.client_sha256 = keep(fingerprint)
    unsafe table.pointee.client_chain = UnsafePointer(keepAll(certificates.map { unsafe keep($0) }))
    unsafe table.pointee.n_client_chain = certificates.count
    let fields = unsafe names.map { name in unsafe outrider_field(name: Bytes(name.kind).abi, value: keep(name.value)) }
    unsafe table.pointee.client_names = UnsafePointer(keepAll(fields))
    unsafe table.pointee.n_client_names = names.count
  }

  deinit {
    for index in unsafe memory.indices { unsafe memory[index].deallocate() }
    unsafe address.deallocate()
  }

  private func keep(_ bytes: [UInt8]) -> outrider_bytes {
    unsafe Bytes(base: keepAll(bytes), count: bytes.count).abi
  }

  private func keepAll<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
    if elements.isEmpty { return nil }
    let block = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
    unsafe block.initialize(from: elements, count: elements.count)
    unsafe memory.append(UnsafeMutableRawPointer(block))
    return unsafe block
  }
}
