// Text in tests stands for bytes: each character is the byte of its value.

/// The bytes of `text`, whose characters are all below U+0100.
func latin1(_ text: String) -> [UInt8] {
  text.unicodeScalars.map { UInt8(exactly: $0.value) ?? UInt8(ascii: "?") }
}

func latin1(_ bytes: some Sequence<UInt8>) -> String {
  var text = String.UnicodeScalarView()
  for byte in bytes { text.append(Unicode.Scalar(byte)) }
  return String(text)
}
