import Platform
import Testing

@testable import Supervisor

/// When changes count as complete, and what is said of them.
@Suite struct SettlingChangesTests {
  private let start = 100 * Clock.nanosecondsPerSecond

  @Test func withoutAChangeThereIsNothing() {
    var changes = SettlingChanges()
    #expect(changes.deadline == .max)
    #expect(changes.takeComplete(at: .max - 1) == nil)
  }

  @Test func aChangeIsCompleteWhenNothingFollows() {
    var changes = SettlingChanges()
    changes.add("/a", at: start)
    #expect(changes.takeComplete(at: start + SettlingChanges.quiet - 1) == nil)
    #expect(changes.takeComplete(at: start + SettlingChanges.quiet) == "/a has changed")
    #expect(changes.takeComplete(at: start + SettlingChanges.longest) == nil && changes.deadline == .max)
  }

  @Test func furtherChangesPostponeIt() {
    var changes = SettlingChanges()
    changes.add("/a", at: start)
    changes.add("/b", at: start + SettlingChanges.quiet - 1)
    #expect(changes.takeComplete(at: start + SettlingChanges.quiet) == nil)
    #expect(changes.deadline == start + 2 * SettlingChanges.quiet - 1)
    #expect(changes.takeComplete(at: changes.deadline) == "/a and another file have changed")
  }

  @Test func changesWithoutEndAreCompleteAfterAWhile() {
    var changes = SettlingChanges()
    var now = start
    while now < start + SettlingChanges.longest {
      #expect(changes.takeComplete(at: now) == nil)
      changes.add("/\(now)", at: now)
      now += SettlingChanges.quiet / 2
    }
    #expect(changes.deadline == start + SettlingChanges.longest)
    #expect(changes.takeComplete(at: now)?.hasPrefix("/\(start) and ") == true)
  }

  @Test func aFileIsToldOnce() {
    var changes = SettlingChanges()
    for path in ["/a", "/b", "/a", "/c", "/b"] { changes.add(path, at: start) }
    #expect(changes.takeComplete(at: start + SettlingChanges.quiet) == "/a and 2 other files have changed")
  }

  @Test(arguments: [
    ("app.py", true), (".app.py", false), ("app.pyc", false), ("app.py~", false), (".#app.py", false), ("4913", false),
  ])
  func sources(name: String, isSource: Bool) { #expect(SourceTree.python.isSource(name) == isSource) }

  @Test(arguments: [
    ("hello.c", true), ("Makefile", true), ("app.py", true), (".hello.c.swp", false), ("hello.c~", false),
    ("#hello.c#", false), ("hello.o", false), ("libhello.so", false), ("4913", false), ("hello.c.tmp", false),
  ])
  func sourcesOfProjects(name: String, isSource: Bool) { #expect(SourceTree.project.isSource(name) == isSource) }

  @Test(arguments: [("src", true), ("build", false), ("target", false), ("zig-out", false), (".git", false)])
  func foldersOfProjects(name: String, isWatched: Bool) {
    #expect(SourceTree.project.mayHaveSources(name) == isWatched)
    #expect(SourceTree.python.mayHaveSources(name) == (isWatched || !name.hasPrefix(".")))
  }
}
