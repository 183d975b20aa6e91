// Processes that are killed at random moments while they change a shared store: store-kills COUNT. After every few of them, and
// at the end, the store has to be whole: no cell is lost, what nobody changed is there, a counter has what was counted.

import Glibc
import Platform
import Synchronization

let kills = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1000
let seed = Clock.monotonic()
let children = 3

struct Dice {
  var state: UInt64

  mutating func roll(_ sides: UInt64) -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state % sides
  }
}

func fail(_ reason: String) -> Never {
  print("\(reason); seed \(seed)")
  exit(1)
}

func withBytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
  unsafe Array(text.utf8).withUnsafeBytes { unsafe body($0) }
}

/// Fails a check that does not hold.
func check(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds { fail(what()) } }

let file = try SharedStore.makeFile(size: StoreLayout.minSize)
try SharedStore.prepare(file.raw)
guard let store = try SharedStore(file.raw) else { fail("not a store") }
// How often each of the children, one after the other in one place, has counted and knows that it has.
guard let memory = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) else {
  fail("mmap")
}
nonisolated(unsafe) let counted = unsafe memory.bindMemory(to: Atomic<UInt64>.self, capacity: 512)

let kept = (0..<64).map { "kept-\($0)" }
func value(of key: String) -> String { String(repeating: key + ".", count: key.utf8.count * 7) }
for key in kept {
  let change = unsafe withBytes(key) { name in
    unsafe withBytes(value(of: key)) { unsafe store.set(name, to: $0, lifetime: 0) }
  }
  check(change.outcome == .done, "\(key): \(change)")
}

/// Changes the store for ever.
func work(_ place: Int, _ dice: inout Dice) -> Never {
  let room = [UInt8](repeating: UInt8(place), count: StoreLayout.maxValue)
  while true {
    let key = "\(dice.roll(200))"
    unsafe withBytes(key) { key in
      switch dice.roll(8) {
      case 0: _ = unsafe store.remove(key)
      case 1, 2:
        var sum: Int64 = 0
        let change = unsafe withBytes("counter") { unsafe store.add($0, 1, lifetime: 0, sum: &sum) }
        if change.outcome == .done { unsafe counted[place].wrappingAdd(1, ordering: .relaxed) }
      default:
        let size = Int(dice.roll(dice.roll(10) == 0 ? 20_000 : 600))
        unsafe room.withUnsafeBytes {
          _ = unsafe store.set(
            key, to: UnsafeRawBufferPointer(rebasing: $0[..<size]), if: dice.roll(3) == 0 ? .absent : .any,
            lifetime: (1 + dice.roll(1000)) * Clock.nanosecondsPerMillisecond / 10)
        }
      }
    }
  }
}

func start(_ place: Int, _ number: Int) throws -> pid_t {
  let own = Process.id
  switch try Process.fork() {
  case .parent(let child): return child
  case .child:
    guard Process.bindToParent(own, signal: SIGKILL) else { exit(1) }
    var dice = Dice(state: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15 | 1)
    work(place, &dice)
  }
}

func verify(_ killed: Int) {
  check(store.isSound(), "cells are lost after \(killed) kills")
  var room = [UInt8](repeating: 0, count: StoreLayout.maxValue)
  for key in kept {
    var (size, remaining) = (0, UInt64(0))
    let outcome = unsafe withBytes(key) { name in
      unsafe room.withUnsafeMutableBytes { unsafe store.get(name, into: $0, size: &size, remaining: &remaining) }
    }
    check(outcome == .done && Array(room[..<size]) == Array(value(of: key).utf8), "\(key) is \(outcome)")
  }
  let known = (0..<children).reduce(UInt64(0)) { unsafe $0 + counted[$1].load(ordering: .relaxed) }
  var sum: Int64 = 0
  let change = unsafe withBytes("counter") { unsafe store.add($0, 0, lifetime: 0, sum: &sum) }
  check(change.outcome == .done, "the counter is \(change)")
  // A child that was killed may have counted without having noted that; those that live are at work.
  let after = (0..<children).reduce(UInt64(0)) { unsafe $0 + counted[$1].load(ordering: .relaxed) }
  let most = after + UInt64(killed + children)
  check(known <= UInt64(sum) && UInt64(sum) <= most, "\(sum) counted, not \(known) to \(most)")
}

var dice = Dice(state: seed | 1)
var pids = try (0..<children).map { try start($0, $0) }
for kill in 1...kills {
  usleep(UInt32(dice.roll(1500)))
  let place = Int(dice.roll(UInt64(children)))
  Glibc.kill(pids[place], SIGKILL)
  var status: CInt = 0
  guard unsafe waitpid(pids[place], &status, 0) == pids[place] else { fail("waitpid") }
  check(status & 0x7F == SIGKILL, "a child has ended by itself, with \(status)")
  pids[place] = try start(place, children + kill)
  if kill % 100 == 0 { verify(kill) }
}
verify(kills)
for pid in pids { Glibc.kill(pid, SIGKILL) }
print("\(kills) kills, \(store.inheritedLocks) within a call")
exit(0)
