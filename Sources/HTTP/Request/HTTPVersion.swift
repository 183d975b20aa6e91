/// The protocol versions served, numbered as the plugin ABI does.
package enum HTTPVersion: UInt32, Sendable {
  case http1_0 = 10
  case http1_1 = 11
  case http2 = 20
}
