import HTTP
import Platform
import PluginHost

extension Worker {
  /// [request-thread] A file for what a response's client does not take; nil if there is to be none, or can be none.
  func makeSpool(for request: Request) -> Spool? {
    guard record.settings.spool > 0 else { return nil }
    do throws(Errno) {
      let spool = try Spool(limit: record.settings.spool)
      request.record.hasSpool = true
      return spool
    } catch {
      let now = Clock.monotonic()
      let due = record.spoolComplaintAt.load(ordering: .relaxed)
      if now >= due,
        record.spoolComplaintAt.compareExchange(
          expected: due, desired: now &+ 60 * Clock.nanosecondsPerSecond, ordering: .relaxed
        ).exchanged
      {
        record.log.warning("handlers wait for clients that do not take their responses: \(error)")
      }
      return nil
    }
  }
}
