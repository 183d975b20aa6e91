import Testing

@testable import Supervisor

@Suite struct ProgramVersionTests {
  private func objection(_ text: String) -> String? { ProgramVersion(Array(text.utf8)).objection }

  @Test(arguments: ["0.1.0", "10.20.30", "1.2.3-rc.1", "1.2.3+build"])
  func takesOver(version: String) {
    #expect(objection("outrider \(version)\nplugin ABI 1.0\n\(StateVersion.line)\nOpenSSL 3\n") == nil)
    #expect(objection("outrider \(version)\n\(StateVersion.line)") == nil)
  }

  @Test(arguments: [
    "", "\n", "outrider", "outrider ", "outrider 1", "outrider 1.2", "outrider 1.2.", "outrider 1.2.3.4",
    "outrider a.b.c", "outrider -1.2.3", "outrider 1.2.3 x", " outrider 1.2.3", "Outrider 1.2.3", "outriderctl 1.2.3",
    "x\noutrider 1.2.3",
  ])
  func isNoServer(first: String) {
    #expect(objection("\(first)\n\(StateVersion.line)\n")?.contains("outrider") == true)
  }

  @Test(arguments: [
    "", "supervisor state", "supervisor state ", "supervisor state 2", "supervisor state 3 ", "xsupervisor state 3",
    "supervisor state 4",
  ])
  func understandsAnotherState(line: String) {
    #expect(objection("outrider 1.2.3\n\(line)\n")?.hasPrefix("outrider 1.2.3 ") == true)
  }

  @Test func whatItSaysIsPrintable() {
    #expect(objection("\u{1B}[2J") == "it is not outrider, it says \"\\u{1b}[2J\"")
  }
}
