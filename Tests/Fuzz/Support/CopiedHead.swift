import HTTP

/// A head, copied.
struct CopiedHead: Equatable {
  var method: [UInt8] = []
  var target: [UInt8] = []
  var path: [UInt8] = []
  var query: [UInt8] = []
  var authority: [UInt8] = []
  var version = HTTPVersion.http11
  var fields: [CopiedField] = []
  var framing = BodyFraming.none
  var traits: RequestTraits = []
}

extension CopiedHead {
  init(_ head: RequestHead) {
    method = Array(head.method)
    target = Array(head.target)
    path = Array(head.path)
    query = Array(head.query)
    authority = Array(head.authority)
    version = head.version
    fields = CopiedField.all(head.fields)
    framing = head.framing
    traits = head.traits
  }
}
