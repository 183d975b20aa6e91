import COutriderPlugin
public import Outrider

/// A request that a mock host has passed to its plugin, with the response to it. Use it within `withMockHost` only.
@safe
public struct MockExchange: ~Copyable {
  private let exchange: OpaquePointer

  init(_ exchange: OpaquePointer) { unsafe self.exchange = exchange }

  /// Delivers more of the body.
  public func feed(_ part: String) { unsafe part.pass { unsafe outrider_mock_feed(exchange, $0) } }

  /// Ends the body. Trailer fields are delivered if its length was not announced.
  public func endBody(trailers: Fields = .none) {
    unsafe trailers.pass { unsafe outrider_mock_end_body(exchange, $0, $1) }
  }

  /// Disconnects the client.
  public func leave() { unsafe outrider_mock_leave(exchange) }

  /// Lets the client receive so many more bytes of the response.
  public func take(_ count: Int) { unsafe outrider_mock_take(exchange, count) }

  /// What the client has received so far.
  public var response: MockResponse { unsafe MockResponse(outrider_mock_response_of(exchange).pointee) }

  /// The value that the request was given by `note`; nil: it has none of that key.
  public func note(_ key: String) -> String? { unsafe String(copying: outrider_mock_note(exchange, key)) }
}

/// A response, as far as the client has received it.
public struct MockResponse: Sendable {
  /// The progress or the end of a response.
  public enum Ending: UInt32, Sendable {
    /// It has not ended.
    case open
    /// It is complete.
    case complete
    /// The server has sent its own page.
    case page
    /// It is cut off after its head.
    case cut
    /// The exchange ended without a final response.
    case none
  }

  /// A field line.
  public struct Field: Sendable, Equatable {
    public let name, value: String
  }

  /// An informational response.
  public struct Informational: Sendable {
    public let status: Int
    public let fields: [Field]

    /// The value of the first field of that name, in any case; nil: there is none.
    public subscript(name: String) -> String? { fields[name] }
  }

  public let ending: Ending
  /// The status of the final head; 0 before it.
  public let status: Int
  public let fields: [Field]
  public let body: String
  public let trailers: [Field]
  public let informational: [Informational]
  /// Everything as HTTP/1.1, without the lines that the server adds.
  public let wire: String

  /// The value of the first field of that name, in any case; nil: there is none.
  public subscript(name: String) -> String? { fields[name] }

  init(_ raw: outrider_mock_response) {
    ending = unsafe Ending(rawValue: raw.ending) ?? .none
    status = Int(unsafe raw.status)
    fields = unsafe Self.list(raw.fields, raw.n_fields)
    body = unsafe String(copying: raw.body) ?? ""
    trailers = unsafe Self.list(raw.trailers, raw.n_trailers)
    informational = unsafe UnsafeBufferPointer(start: raw.informational, count: raw.n_informational).map {
      unsafe Informational(status: Int($0.status), fields: Self.list($0.fields, $0.n_fields))
    }
    wire = unsafe String(copying: raw.wire) ?? ""
  }

  private static func list(_ fields: UnsafePointer<outrider_field>?, _ count: Int) -> [Field] {
    unsafe UnsafeBufferPointer(start: fields, count: fields == nil ? 0 : count).map {
      unsafe Field(name: String(copying: $0.name) ?? "", value: String(copying: $0.value) ?? "")
    }
  }
}

extension [MockResponse.Field] {
  fileprivate subscript(name: String) -> String? {
    first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

extension String {
  init?(copying bytes: outrider_bytes) {
    guard let data = unsafe bytes.data else { return nil }
    self = unsafe String(decoding: UnsafeRawBufferPointer(start: data, count: bytes.size), as: UTF8.self)
  }
}
