import Platform
import Testing

/// What a master says of a listener, over the channel.
@Suite struct ListenerClaimTests {
  @Test(arguments: ["127.0.0.1:8000", "unix:/run/a b", "127.0.0.1:0#2", ""])
  func claimsComeBack(name: String) throws {
    let options = ListeningSocket.Options(backlog: 2048, mode: 0o620, owner: 33, group: nil)
    let claim = try #require(ListenerClaim(text: ListenerClaim(name: name, options: options).text))
    #expect(claim.name == name)
    #expect(claim.options.backlog == 2048 && claim.options.mode == 0o620)
    #expect(claim.options.owner == 33 && claim.options.group == nil)
  }

  @Test(arguments: ["", "1 2 3 4", "x 432 -1 -1 name", "1 -1 -1 -1 name", "99999999999 432 -1 -1 name"])
  func nonsenseIsNone(text: String) { #expect(ListenerClaim(text: text) == nil) }
}
