/// A response that says why there is no other.
struct HTTPError: Error {
  let status: Int
  let reason: String
  let fields: [(name: String, value: String)]

  init(_ status: Int, _ reason: String, _ fields: [(name: String, value: String)] = []) {
    self.status = status
    self.reason = reason
    self.fields = fields
  }

  static let notFound = HTTPError(404, "not found")

  static func notAllowed(_ methods: String) -> HTTPError {
    HTTPError(405, "method not allowed", [(name: "allow", value: methods)])
  }
}
