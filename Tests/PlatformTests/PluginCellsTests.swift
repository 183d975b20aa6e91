import Platform
import Testing

@Suite struct PluginCellsTests {
  @Test func theLastMethodIsAnyOther() {
    #expect(PluginCells.otherMethod == PluginCells.methods.count - 1)
    #expect("\(PluginCells.methods[PluginCells.otherMethod])" == "other")
  }
}
