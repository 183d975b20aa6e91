/// A task that serves one request after the other: to make one for each costs more than most handlers do.
@Loop @safe
final class RequestTask {
  private let entry: any RequestServer
  // The loop's, as hooks know.
  nonisolated(unsafe) private var task: Task<Void, Never>?
  nonisolated(unsafe) private var next: AsyncRequest?
  private let waiter = Waiter()

  /// [loop] Begins a task with its first request.
  nonisolated init(_ request: AsyncRequest, _ entry: any RequestServer) {
    self.entry = entry
    let task = Task { @Loop in await serve(request) }
    unsafe self.task = task
    request.attach(task)
  }

  private func serve(_ first: AsyncRequest) async {
    var next: AsyncRequest? = first
    while let request = next {
      await entry.serve(request)
      request.detach()
      // A later request would find itself cancelled.
      guard !Task.isCancelled && entry.idle.hasRoom else { return }
      entry.idle.add(self)
      await waiter.wait()
      next = unsafe self.next
      unsafe self.next = nil
    }
  }

  /// [loop] Goes on with another request; with none, the task ends.
  nonisolated func resume(_ request: AsyncRequest?) {
    if let request, let task = unsafe task { request.attach(task) }
    unsafe next = request
    waiter.resume()
  }
}

/// Who serves the requests of an entry.
protocol RequestServer: AnyObject, Sendable {
  var idle: IdleTasks { get }
  @Loop func serve(_ request: AsyncRequest) async
}

/// The tasks of an entry that have no request.
@Loop
final class IdleTasks {
  /// More than these end: they hold memory.
  private static let capacity = 256
  // The loop's, as hooks know.
  nonisolated(unsafe) private var tasks: [RequestTask] = []

  nonisolated init() {}

  var hasRoom: Bool { unsafe tasks.count < Self.capacity }
  func add(_ task: RequestTask) { unsafe tasks.append(task) }

  /// [loop] The task whose memory has been used last.
  nonisolated func take() -> RequestTask? { unsafe tasks.popLast() }

  /// [loop] Ends all.
  nonisolated func end() { while let task = take() { task.resume(nil) } }
}
