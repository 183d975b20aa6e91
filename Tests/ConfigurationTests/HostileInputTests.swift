import Configuration
import Testing

/// None of these may trap, hang or exhaust the stack.
@Suite struct HostileInputTests {
  private func diagnostics(_ bytes: [UInt8]) -> [String] {
    ConfigurationTests.diagnostics(ConfigurationSources(file: .init(name: "f", bytes: bytes), workingDirectory: "/"))
  }

  private func diagnostics(_ text: String) -> [String] { diagnostics(Array(text.utf8)) }

  @Test func randomBytesAndMutations() {
    var random = SplitMix(state: 7)
    let seed = Array(
      "\(minimal)[plugin.config]\na.b = [1, {c = 'x'}, \"\"\"y\"\"\"]\n[[listener]]\nbind = \"[::1]:1\"\n[limits]\nhead = 1e9"
        .utf8)
    for _ in 0..<500 {
      #expect(
        !diagnostics((0..<Int.random(in: 1...200, using: &random)).map { _ in .random(in: 0...255, using: &random) })
          .isEmpty
      )
      var mutated = seed
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: mutated.indices, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: mutated[index] = "[]{}.,='\"\\\n#é01-: ".utf8.randomElement(using: &random) ?? 0
        case 1: mutated.remove(at: index)
        default: mutated.insert(contentsOf: mutated[index...].prefix(9), at: index)
        }
      }
      _ = diagnostics(mutated)
    }
  }

  /// toml++ 3.3 by itself overflows the stack on the first two.
  @Test(arguments: [
    ("", "a.", "f:1:32: a key of more than 16 parts"),
    ("[", "a.", "f:1:33: a key of more than 16 parts"),
    ("", "\"a\" . 'b' .", "f:1:88: a key of more than 16 parts"),
    ("", "[", "f:1:17: arrays and tables more than 16 deep"),
    ("a = ", "[\n", "f:17:1: arrays and tables more than 16 deep"),
    ("a = ", "{b = ", "f:1:85: arrays and tables more than 16 deep"),
    ("a = [", "{a.b = 1}, [1.5, 'x.y'], ", "f:1:"),
  ])
  func deepNesting(start: String, unit: String, expected: String) {
    let text = start + String(repeating: unit, count: 20_000)
    #expect(diagnostics(text).first?.hasPrefix(expected) == true)
  }

  /// Invalid text that breaks an assertion of toml++ 3.3, or has it reach what it takes for unreachable.
  @Test(arguments: [
    "[=", "[[ .", "[{", "a = [}", "a = }", "a = 12:3x", "a = ]", "k = [é", "é = 1", "a = 1 é", "a = \u{A0}1",
  ])
  func assertions(text: String) {
    #expect(diagnostics(text).first?.hasPrefix("f:1:") == true)
  }

  @Test func deepKeysInHeadersAndTables() {
    let sixteen = Array(repeating: "k", count: 16).joined(separator: ".")
    #expect(diagnostics("[\(sixteen)]\n\(sixteen) = 1\n\(minimal)") == ["f:1:2: unknown table \"k\""])
    #expect(diagnostics("[\(sixteen).k]\n\(minimal)") == ["f:1:33: a key of more than 16 parts"])
    #expect(diagnostics("x = '''\n''''.\(sixteen).k = 1").count == 1)
    // Dots in strings and comments are no keys.
    let dots = String(repeating: ".", count: 100)
    #expect(
      diagnostics("# \(dots)\n\(minimal)config = { a = \"\(dots)\", b = '\(dots)', c = '''\n\(dots)''' } # \(dots)")
        .isEmpty)
  }

  @Test func deepPluginConfigIsRefusedBeforeTheDumpCouldNotBeRead() throws {
    func config(_ depth: Int) -> String {
      let list = String(repeating: "[", count: 10) + String(repeating: "]", count: 10)
      let key = Array(repeating: "k", count: depth - 10).joined(separator: ".")
      return "\(minimal)[plugin.config]\n\(key).k = \(list)"
    }
    #expect(diagnostics(config(17)) == ["f:4:28: plugin.config: arrays and tables more than 16 deep"])
    let configuration = try sources(config(16)).read()
    #expect(try settings(configuration.dump()) == configuration.settings)
  }

  @Test func sizes() {
    let comment = "#" + String(repeating: "x", count: (1 << 20) - minimal.utf8.count - 2) + "\n"
    #expect(diagnostics(comment + minimal).isEmpty)
    #expect(diagnostics(comment + minimal + "\n") == ["f:1:1: the file is larger than 1 MiB"])
    #expect(diagnostics("plugin = [" + String(repeating: "1,", count: 20_000) + "]").count == 101)
    #expect(diagnostics(String(repeating: "[[plugin]]\n", count: 2000)).count == 101)
    #expect(diagnostics((0..<5000).map { "k\($0)=1\n" }.joined()).last == "further faults are not listed")
    #expect(diagnostics("x = \"" + String(repeating: "y", count: 100_000)).count == 1)
    #expect(
      diagnostics(String(repeating: "z", count: 100_000) + " = 1\n" + minimal).first.map { $0.utf8.count < 200 } == true
    )
    #expect(
      diagnostics("log.level = \"" + String(repeating: "y", count: 100_000) + "\"\n" + minimal).first.map {
        $0.utf8.count < 300
      } == true)
  }

  @Test func notUTF8() {
    #expect(diagnostics([0xFF, 0xFE, 0x00]).count == 1)
    #expect(diagnostics(Array("a = \"".utf8) + [0xC3, 0x28] + Array("\"".utf8)).count == 1)
    #expect(diagnostics(Array(minimal.utf8) + [0]).count == 1)
    // A byte order mark is no fault.
    #expect(diagnostics([0xEF, 0xBB, 0xBF] + Array(minimal.utf8)).isEmpty)
  }
}

/// The same numbers in each run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
