import HTTP

// Views of memory that lives as long as the closure runs; exactly as large as what is seen.

func withBytes<Result>(_ bytes: [UInt8], _ body: (Bytes) throws -> Result) rethrows -> Result {
  try unsafe bytes.withUnsafeBufferPointer { try unsafe body(Bytes(base: $0.baseAddress, count: $0.count)) }
}

func withBytes<Result>(_ text: String, _ body: (Bytes) throws -> Result) rethrows -> Result {
  try withBytes(latin1(text), body)
}

/// Names and values in order.
typealias FieldList = KeyValuePairs<String, String>

func withFields<Result>(_ list: FieldList, _ body: (Fields) throws -> Result) rethrows -> Result {
  try withBytes(list.map { $0 + $1 }.joined()) { all in
    var fields: [Field] = []
    var position = 0
    for (name, value) in list {
      let middle = position + name.unicodeScalars.count
      let end = middle + value.unicodeScalars.count
      fields.append(Field(name: all.slice(position, middle), value: all.slice(middle, end)))
      position = end
    }
    return try unsafe fields.withUnsafeBufferPointer { try unsafe body(Fields(base: $0.baseAddress, count: $0.count)) }
  }
}

/// What a view shows, copied.
func copy(_ bytes: Bytes) -> [UInt8] { (0..<bytes.count).map { bytes[$0] } }

func text(_ bytes: Bytes) -> String { latin1(copy(bytes)) }

/// What `write` writes into memory of `capacity` bytes.
func written(capacity: Int = 4096, _ write: (inout ByteWriter) throws -> Void) rethrows -> String {
  let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
  defer { unsafe memory.deallocate() }
  var writer = unsafe ByteWriter(base: memory, capacity: capacity)
  try write(&writer)
  return unsafe text(Bytes(base: memory, count: writer.count))
}
