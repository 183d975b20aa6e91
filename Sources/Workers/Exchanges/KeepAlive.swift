/// Whether the connection can be kept after the response, according to client, worker model and request body.
enum KeepAlive: UInt8 {
  case no
  /// Only if the response is sent in parts: the plugin reads the body meanwhile, and the rest of the body is discarded
  /// later.
  case whileRead
  case yes
}
