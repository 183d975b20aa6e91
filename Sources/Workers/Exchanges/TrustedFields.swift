import Configuration

/// The fields that are believed when they come from a trusted proxy (`proxy.fields`).
struct TrustedFields: OptionSet {
  let rawValue: UInt8

  static let xForwardedFor = TrustedFields(rawValue: 1 << 0)
  static let xForwardedProto = TrustedFields(rawValue: 1 << 1)
  static let xForwardedHost = TrustedFields(rawValue: 1 << 2)
  static let forwarded = TrustedFields(rawValue: 1 << 3)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ fields: [ProxyField]) {
    self = []
    for field in fields {
      switch field {
      case .xForwardedFor: insert(.xForwardedFor)
      case .xForwardedProto: insert(.xForwardedProto)
      case .xForwardedHost: insert(.xForwardedHost)
      case .forwarded: insert(.forwarded)
      }
    }
  }
}
