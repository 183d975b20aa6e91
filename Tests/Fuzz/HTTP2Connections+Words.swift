/// What mutations put into a script.
enum ScriptWords {
  static let firstByte = 1

  static func word(_ number: (Int) -> Int) -> [UInt8] {
    func argument() -> UInt8 { UInt8(64 + number(32)) }
    /// One of the first streams.
    func stream() -> UInt8 { UInt8(64 + number(4)) }
    let word: [UInt8] =
      switch number(13) {
      case 0, 1: [UInt8(ascii: "r"), argument(), argument()]
      case 2: [UInt8(ascii: "r"), argument(), UInt8(ascii: "@")]
      case 3, 4: [UInt8(ascii: "d"), stream(), argument()]
      case 5: [UInt8(ascii: "w"), stream(), argument()]
      case 6: [UInt8(ascii: "c"), argument()]
      case 7: [UInt8(ascii: "x"), stream()]
      case 8: [UInt8(ascii: "t"), stream()]
      case 9: [UInt8(ascii: "s"), argument()]
      case 10: [UInt8(ascii: "f"), argument()]
      case 11: [UInt8(ascii: "i"), argument()]
      default: [[UInt8(ascii: "p")], [UInt8(ascii: "l")], [UInt8(ascii: "k")], [UInt8(ascii: "g")]][number(4)]
      }
    return number(2) == 0 ? word + [UInt8(ascii: "g")] : word
  }
}
