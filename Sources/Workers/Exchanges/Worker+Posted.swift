import HTTP
import PluginHost

extension Worker {
  /// [loop] Handles a request that another thread has posted. It may have ended since, and its record be reused.
  func handlePosted(_ request: Request) {
    request.visitChannel(self, http1: { $0.handlePosted() }, http2: { $0.handlePosted() })
  }
}

extension HTTP1Channel {
  fileprivate func handlePosted() {
    guard connection.record.request.map({ $0.record.slot }) == request.record.slot else { return }
    if connection.record.phase == .ownedByThread { return reclaim() }
    guard connection.record.phase == .exchange else { return }
    takeOverOutput()
    queue()
  }
}

extension HTTP2Channel {
  fileprivate func handlePosted() {
    // The record may belong to another stream whose head is incomplete.
    guard request.record.exchange != nil else { return }
    // Urgent output of a thread is sent in this turn.
    takeOverOutput()
    queue()
  }
}
