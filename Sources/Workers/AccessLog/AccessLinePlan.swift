import Configuration
import HTTP

/// A log format in the form that a worker writes it from: pieces without reference counts, which live as long as the
/// process.
@safe
struct AccessLinePlan {
  enum Piece {
    case literal(Bytes)
    case atom(AccessAtom)
    case requestField(Bytes)
    /// The number of a kept field of the response.
    case responseField(Int)
    case note(Bytes)
  }

  let isJSON: Bool
  private let pieces: UnsafeMutablePointer<Piece>
  let count: Int
  /// The names of the response fields that are kept, in lower case.
  private let names: UnsafeMutablePointer<Bytes>
  let nameCount: Int
  /// The most bytes that all values of a line take together, beyond the minimum of each.
  let room: Int

  /// The longest line, including its end: the system writes so much in one piece.
  static let lineLength = 4096
  /// The most that one value takes.
  static let valueLength = 2048
  /// What each atom has in any case: the longest number or time, or the beginning of a value.
  static let atomLength = 40
  /// What a note takes beside its key and its value.
  static let noteLength = 4

  init(_ format: AccessFormat) {
    isJSON = format.notation == .json
    count = format.pieces.count
    unsafe pieces = .allocate(capacity: max(1, count))
    unsafe names = .allocate(capacity: AccessFormat.mostResponseFields)
    var nameCount = 0
    var fixed = 1
    for (index, piece) in format.pieces.enumerated() {
      let made: Piece
      switch piece {
      case .literal(let text):
        fixed += text.utf8.count
        made = .literal(Bytes(permanent: text))
      case .atom(let atom):
        fixed += AccessLinePlan.atomLength * (atom == .requestLine ? 2 : 1)
        made = .atom(atom)
      case .requestField(let name):
        fixed += AccessLinePlan.atomLength
        made = .requestField(Bytes(permanent: name))
      case .note(let key):
        fixed += AccessLinePlan.atomLength
        made = .note(Bytes(permanent: key))
      case .responseField(let name):
        fixed += AccessLinePlan.atomLength
        unsafe (names + nameCount).initialize(to: Bytes(permanent: name))
        made = .responseField(nameCount)
        nameCount += 1
      }
      unsafe (pieces + index).initialize(to: made)
    }
    self.nameCount = nameCount
    room = AccessLinePlan.lineLength - fixed
  }

  subscript(_ index: Int) -> Piece {
    precondition(index >= 0 && index < count)
    return unsafe pieces[index]
  }

  func name(_ index: Int) -> Bytes {
    precondition(index >= 0 && index < nameCount)
    return unsafe names[index]
  }
}

extension Bytes {
  /// The text's bytes, for the life of the process.
  init(permanent text: String) {
    let bytes = Array(text.utf8)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    unsafe memory.update(from: bytes, count: bytes.count)
    unsafe self.init(base: memory, count: bytes.count)
  }
}
