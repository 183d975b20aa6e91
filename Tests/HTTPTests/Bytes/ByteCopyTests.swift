import HTTP
import Testing

@Suite struct ByteCopyTests {
  /// Each count has its own pair of moves, and none may reach beyond its run.
  @Test(arguments: 0...160)
  func copiesItsRunAndNothingElse(count: Int) {
    let margin = 64
    let source = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    var place = [UInt8](repeating: 0xEE, count: count + 2 * margin)
    unsafe source.withUnsafeBufferPointer { source in
      unsafe place.withUnsafeMutableBufferPointer { place in
        guard let from = source.baseAddress, let to = place.baseAddress else { return }
        unsafe ByteCopy.copy(from, count, to: to + margin)
      }
    }
    #expect(Array(place[margin..<margin + count]) == source)
    #expect(place[..<margin].allSatisfy { $0 == 0xEE } && place[(margin + count)...].allSatisfy { $0 == 0xEE })
  }
}
