import Configuration
import Foundation

// Prints a page of the manual with the tables of keys as the schema has them now: between the two comments of the page
// that say so. `make manual` writes it back, `make lint` compares.

let begin = ".\\\" Generated from the schema by `make manual`: begin\n"
let end = ".\\\" Generated from the schema by `make manual`: end\n"

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("\(message)\n".utf8))
  exit(1)
}

guard CommandLine.arguments.count == 2 else { fail("usage: manual-keys PAGE") }
let path = CommandLine.arguments[1]
guard let page = try? String(contentsOfFile: path, encoding: .utf8) else { fail("\(path) can't be read") }
guard let head = page.range(of: begin), let tail = page.range(of: end), head.upperBound <= tail.lowerBound else {
  fail("\(path) has no place for the tables of keys")
}
print(page[..<head.upperBound] + KeyTables(keys: KeyDocumentation.all).mdoc + page[tail.lowerBound...], terminator: "")
