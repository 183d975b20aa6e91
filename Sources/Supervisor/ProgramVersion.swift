import Platform

/// The output of `--version`, reduced to what determines whether that program can replace this one.
struct ProgramVersion {
  /// The longest output that is read.
  static let limit = 4096

  private let lines: [String]

  init(_ output: [UInt8]) {
    lines = output.prefix(ProgramVersion.limit).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Why that program can't take over; nil if it can.
  var objection: String? {
    let first = lines.first ?? ""
    let name = PrintableText.oneLine(first, limit: 80)
    guard isServer(first) else {
      return first.isEmpty ? "it does not say that it is outrider" : "it is not outrider, it says \"\(name)\""
    }
    guard let line = lines.first(where: { $0.utf8.starts(with: StateVersion.prefix.utf8) }) else {
      return "\(name) does not tell which state of a supervisor it understands; \(consequence)"
    }
    let number = String(decoding: line.utf8.dropFirst(StateVersion.prefix.utf8.count), as: UTF8.self)
    guard number == "\(StateVersion.number)" else {
      let said = PrintableText.oneLine(number, limit: 20)
      return "\(name) understands the state \(said) of a supervisor; \(consequence)"
    }
    return nil
  }

  private var consequence: String { "this one leaves \(StateVersion.number): to change to it, restart the service" }

  /// `outrider 1.2.3`, with an optional pre-release or build suffix.
  private func isServer(_ line: String) -> Bool {
    let words = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 2, words[0].elementsEqual("outrider".utf8) else { return false }
    let release = words[1].prefix { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }
    let numbers = release.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return numbers.count == 3 && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }
  }
}
