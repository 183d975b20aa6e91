import HTTP
import Testing

/// The rows of Sources/EarlyHints.md that are decided before a plugin is asked.
@Suite struct EarlyHintRulesTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var enabled = true
    var http1 = EarlyHintRules.HTTP1.direct
    var version = HTTPVersion.http11
    var traits: RequestTraits = []
    var proxied = false
    let allowed: Bool
    var explained = false

    var testDescription: String { "\(self)" }
  }

  @Test(arguments: [
    // Defaults: who comes directly gets them, who comes through a proxy does not, and the operator is told why.
    Row(allowed: true), Row(proxied: true, allowed: false, explained: true), Row(version: .http10, allowed: false),
    Row(version: .http10, proxied: true, allowed: false), Row(version: .http2, allowed: true),
    Row(version: .http2, proxied: true, allowed: true),
    Row(http1: .all, allowed: true), Row(http1: .all, proxied: true, allowed: true),
    Row(http1: .all, version: .http10, allowed: false),
    Row(http1: .all, version: .http2, allowed: true),
    Row(http1: .none, allowed: false), Row(http1: .none, proxied: true, allowed: false),
    Row(http1: .none, version: .http2, allowed: true),
    Row(enabled: false, allowed: false), Row(enabled: false, http1: .all, allowed: false),
    Row(enabled: false, version: .http2, allowed: false),
    Row(enabled: false, proxied: true, allowed: false),
    Row(traits: .refusesEarlyHints, allowed: false), Row(traits: .refusesEarlyHints, proxied: true, allowed: false),
    Row(http1: .all, traits: .refusesEarlyHints, allowed: false),
    Row(version: .http2, traits: .refusesEarlyHints, allowed: false),
    Row(traits: [.head, .keepAlive, .expectsContinue, .acceptsTrailers], allowed: true),
  ])
  func whoGetsThem(_ row: Row) {
    var rules = EarlyHintRules()
    rules.enabled = row.enabled
    rules.http1 = row.http1
    let policy = rules.policy(version: row.version, traits: row.traits, proxied: row.proxied)
    #expect(policy.allowed == row.allowed)
    let withheld = rules.isWithheldFromProxy(version: row.version, traits: row.traits, proxied: row.proxied)
    #expect(withheld == row.explained)
  }

  @Test func theBoundsAreThoseOfTheSettings() {
    var rules = EarlyHintRules()
    #expect(rules.enabled && rules.http1 == .direct && rules.maxPerRequest == 5 && rules.maxBytes == 8192)
    rules.maxPerRequest = 3
    rules.maxBytes = 100
    let policy = rules.policy(version: .http11, traits: [], proxied: false)
    #expect(policy.maxPerRequest == 3 && policy.maxBytes == 100)
  }
}
