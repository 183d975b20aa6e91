import Glibc
import Platform
import Testing

@Test func errnoSaysWhatWasAttemptedAndWhy() {
  #expect(Errno(code: ENOENT, attempt: "open x").description == "open x: No such file or directory")
}
