import Control
import Testing

@Test(arguments: [
  ControlCommand.status, .workers, .listeners, .plugins, .config, .metrics, .reload, .reopen, .upgrade, .scale(.by(-3)),
  .scale(.to(3)), .retire(pid: 7),
  .stop(now: true), .stop(now: false),
])
func ordersAreReadAsTheyAreWritten(_ order: ControlCommand) throws {
  #expect(try ControlCommand(line: Array("\(order.json)".utf8)) == order)
}

@Test(arguments: [
  ("x", "not JSON: expected a value at byte 1"), ("[]", "expected one JSON object a line"),
  ("{}", "expected \"command\", a string"), (#"{"command":1}"#, "expected \"command\", a string"),
  (#"{"command":"halt"}"#, "unknown command \"halt\""),
  (#"{"command":"status","x":1}"#, "status: unknown parameter \"x\""),
  (
    #"{"command":"scale","by":0}"#,
    "scale: expected \"to\", a number from 1 to 1024, or \"by\", a number other than 0 from -1024 to 1024"
  ),
  (
    #"{"command":"scale","by":1025}"#,
    "scale: expected \"to\", a number from 1 to 1024, or \"by\", a number other than 0 from -1024 to 1024"
  ),
  (#"{"command":"retire"}"#, "retire: expected \"pid\", the process id of a worker"),
  (#"{"command":"retire","pid":-1}"#, "retire: expected \"pid\", the process id of a worker"),
  (#"{"command":"stop","now":1}"#, "stop: expected \"now\" to be true or false"),
])
func faultsAreClear(_ line: String, _ reason: String) {
  let isMalformed = !line.hasPrefix("{")
  #expect(throws: ControlCommandError(reason: reason, isMalformed: isMalformed)) {
    try ControlCommand(line: Array(line.utf8))
  }
}
