import HTTP
import PluginHost
import Testing

@testable import Workers

@Suite struct RouterTests {
  private func route(_ router: borrowing Router, _ path: StaticString) -> (plugin: Int, path: String)? {
    guard let found = router.route(Bytes(path)) else { return nil }
    return (found.plugin.record.number, found.path.escaped())
  }

  @Test func theLongestMountWins() {
    let router = Router([
      TestPlugin.make(0), TestPlugin.make(1, mount: "/app"), TestPlugin.make(2, mount: "/app/admin"),
    ])
    holds(route(router, "/app/admin/users")! == (2, "/users"))
    holds(route(router, "/app/x")! == (1, "/x"))
    holds(route(router, "/other")! == (0, "/other"))
  }

  @Test func aMountHoldsWholeSegments() {
    let router = Router([TestPlugin.make(0, mount: "/app")])
    holds(route(router, "/app")! == (0, "/"))
    holds(route(router, "/app/")! == (0, "/"))
    holds(route(router, "/apple") == nil)
    holds(route(router, "/") == nil)
    holds(route(router, "*") == nil)
  }

  @Test func theOnlyPluginOnTheRootGetsAll() {
    let router = Router([TestPlugin.make(0)])
    holds(route(router, "*")! == (0, "*"))
    holds(route(router, "/a/b")! == (0, "/a/b"))
  }

  @Test func withoutPluginsThereIsNoRoute() {
    holds(route(Router([]), "/") == nil)
  }
}
