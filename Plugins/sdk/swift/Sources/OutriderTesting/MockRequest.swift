import COutriderPlugin
public import Outrider

/// A request to a mock host: `GET / HTTP/1.1` unless it is said otherwise.
public struct MockRequest: Sendable {
  public var method: String
  /// The path with the query.
  public var target: String
  /// Host, content-length and transfer-encoding are added.
  public var fields: Fields
  public var body: [UInt8]
  /// More of the body follows: `MockExchange.feed`, `endBody`.
  public var bodyFollows = false
  public var version: HTTPVersion = .http11
  /// The client receives the response only by `MockExchange.take`.
  public var isSlow = false
  /// The greatest number of bytes in one piece of the body; 0: the host's own bound.
  public var pieceSize = 0

  public init(_ target: String, method: String = "GET", fields: Fields = .none, body: String = "") {
    self.target = target
    self.method = method
    self.fields = fields
    self.body = Array(body.utf8)
  }

  func pass<Result>(_ call: (UnsafePointer<outrider_mock_request>) -> Result) -> Result {
    unsafe method.withCString { method in
      unsafe target.withCString { target in
        unsafe fields.pass { lines, count in
          unsafe body.withUnsafeBufferPointer { body in
            var request = unsafe outrider_mock_request()
            unsafe request.size = UInt32(MemoryLayout<outrider_mock_request>.size)
            unsafe request.flags =
              (bodyFollows ? OUTRIDER_MOCK_BODY_FOLLOWS : 0) | (isSlow ? OUTRIDER_MOCK_SLOW : 0)
            unsafe request.http_version = version.number
            unsafe request.piece = UInt32(clamping: pieceSize)
            unsafe request.method = method
            unsafe request.target = target
            unsafe request.fields = lines
            unsafe request.n_fields = count
            unsafe request.body = outrider_bytes(body)
            return unsafe call(&request)
          }
        }
      }
    }
  }
}

extension HTTPVersion {
  fileprivate var number: UInt32 {
    switch self {
    case .http10: OUTRIDER_HTTP_1_0
    case .http11: OUTRIDER_HTTP_1_1
    case .http2: OUTRIDER_HTTP_2
    }
  }
}
