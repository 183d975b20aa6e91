/// Traps with `what` unless `condition` holds: how a target tells the fuzzer of a finding.
@inline(__always)
func require(
  _ condition: Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
  if !condition { fatalError(what(), file: file, line: line) }
}
