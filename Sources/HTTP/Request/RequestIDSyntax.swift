/// The ids that a trusted peer may give a request.
package enum RequestIDSyntax {
  package static let longest = 128

  /// 1 to 128 letters, digits and `-_.:+/=`.
  package static func isValid(_ id: Bytes) -> Bool {
    guard !id.isEmpty && id.count <= longest else { return false }
    for index in 0..<id.count {
      let byte = id[index]
      switch byte {
      case 0x2D, 0x5F, 0x2E, 0x3A, 0x2B, 0x2F, 0x3D: continue  // - _ . : + / =
      default: guard ASCII.isDigit(byte) || ASCII.isLetter(byte) else { return false }
      }
    }
    return true
  }
}
