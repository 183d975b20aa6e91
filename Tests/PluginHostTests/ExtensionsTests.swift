import COutrider
import Testing

@testable import PluginHost

@Suite struct ExtensionsTests {
  private struct Functions: BitwiseCopyable {
    var size: UInt32 = 0
    var reserved: UInt32 = 0
    var number: Int64 = 7
  }

  @Test func aTableBeginsWithItsSize() {
    let tested = Extension("outrider.tested/1", Functions())
    let table = unsafe tested.table.load(as: Functions.self)
    #expect(table.size == 16 && table.number == 7 && tested.size == 16)
  }

  @Test(arguments: [
    ("outrider.tested/1", true), ("outrider.tested/2", false), ("outrider.tested/", false),
    ("outrider.tested/10", false), ("", false), ("Outrider.tested/1", false),
  ])
  func namesAreComparedWhole(_ name: String, _ matches: Bool) {
    let tested = Extension("outrider.tested/1", Functions())
    #expect(unsafe name.withCString { unsafe tested.isNamed($0) } == matches)
  }

  @Test func everyExtensionIsFoundByItsNameAndOnce() {
    for known in Extensions.all {
      let found = unsafe "\(known.name)".withCString { unsafe Extensions.table(named: $0) }
      #expect(unsafe found == known.table, "\(known.name)")
      let size = unsafe known.table.load(as: UInt32.self)
      #expect(Int(size) == known.size, "\(known.name)")
    }
    #expect(Set(Extensions.names).count == Extensions.names.count)
    #expect(Extensions.names.allSatisfy { $0.contains(/^outrider\.[a-z]+\/[1-9][0-9]*$/) })
  }

  @Test func whatIsNotThereIsNil() {
    #expect(unsafe "outrider.none/1".withCString { unsafe Extensions.table(named: $0) } == nil)
    #expect(unsafe Extensions.table(named: nil) == nil)
  }
}
