import HTTP
import Logging
import Platform
import Testing

@testable import Workers

/// How many lines of a kind clients can cause, and what is said of those that were held back.
struct ClientLogLimitsTests {
  private static let second = Clock.nanosecondsPerSecond

  private func due(_ limits: inout ClientLogLimits, _ now: UInt64) -> [String] {
    var told: [String] = []
    limits.takeDue(now) { level, what, count in told.append("\(level) \(what) \(count)") }
    return told
  }

  @Test func fiveLinesOfARefusalASecond() {
    var limits = ClientLogLimits()
    let admitted = (0..<8).map { _ in limits.admit(.refusal(.headTooLarge), 0) }
    #expect(admitted == [0, 0, 0, 0, 0, nil, nil, nil])
    // The next one tells of them.
    #expect(limits.admit(.refusal(.headTooLarge), Self.second) == 3)
  }

  @Test func eachSubjectHasItsOwnShare() {
    var limits = ClientLogLimits()
    for _ in 0..<10 { _ = limits.admit(.refusal(.headTooLarge), 0) }
    for subject in ClientLogLimits.Subject.all {
      if case .refusal(.headTooLarge) = subject { continue }
      #expect(limits.admit(subject, 0) == 0, "\(subject)")
    }
  }

  @Test func oneLineOfExhaustionInTenSeconds() {
    var limits = ClientLogLimits()
    #expect(limits.admit(.exhaustion, 0) == 0)
    #expect(limits.admit(.exhaustion, 9 * Self.second) == nil)
    #expect(limits.admit(.exhaustion, 10 * Self.second) == 1)
    #expect(limits.admit(.forwarding, 0) == 0)
    #expect(limits.admit(.forwarding, 59 * Self.second) == nil)
    #expect(limits.admit(.forwarding, 60 * Self.second) == 1)
  }

  @Test func whatNoLineFollowsIsToldWhenItIsDue() {
    var limits = ClientLogLimits()
    #expect(limits.dueAt == .max)
    for _ in 0..<7 {
      _ = limits.admit(.cutResponse, 0)
      _ = limits.admit(.epollFailure, Self.second)
    }
    let first = limits.dueAt
    #expect(first > Self.second && first < 2 * Self.second)
    #expect(due(&limits, first - 1) == [])
    #expect(due(&limits, first) == ["error answer cut off by its plugin 2"])
    #expect(limits.dueAt > first && limits.dueAt != .max)
    #expect(due(&limits, .max - 1) == ["error epoll 2"])
    #expect(limits.dueAt == .max && due(&limits, .max - 1) == [])
  }

  @Test func aFaultOfOursIsAnError() {
    #expect(ClientLogLimits.Subject.refusal(.headTooLarge).level == .info)
    #expect(ClientLogLimits.Subject.refusal(.handlerFailed).level == .error)
    #expect(ClientLogLimits.Subject.forwarding.level == .warning)
  }
}
