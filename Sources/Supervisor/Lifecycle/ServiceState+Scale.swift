import Control
import IPC

// The number of workers relative to the configuration: TTIN, TTOU and `scale`.

extension ServiceState {
  /// Changes the number of workers of the serving and starting generations, and of later ones, within the limits.
  mutating func scale(by change: Int, _ actions: inout [ServiceAction]) {
    guard !isEnding else { return }
    if let orphaned {
      return actions.append(.log(.warning, "the number of workers stays: \(orphaned.whyNotScalable)"))
    }
    let change = MasterLimits.clamped(workerDelta: change)
    let wanted = MasterLimits.clamped(workerDelta: workerDelta + change)
    workerDelta = (accepting ?? starting)?.clamped(workerDelta: wanted) ?? wanted
    for generation in generations where generation.stage.isServing || generation.stage == .starting {
      actions.append(.scale(generation.number, by: change))
    }
  }

  /// The change that a `scale` command requests. It is refused if it is out of range. TTIN and TTOU, which have no
  /// response, change the number as far as possible.
  func change(of scale: ControlCommand.Scale) throws(ControlCommandError) -> Int {
    if let orphaned { throw ControlCommandError(reason: "scale: \(orphaned.whyNotScalable)") }
    guard let generation = serving ?? starting, let configured = generation.settings.workers else {
      throw ControlCommandError(reason: "scale: no generation serves")
    }
    let current = configured + workerDelta
    let wanted =
      switch scale {
      case .by(let change): current + MasterLimits.clamped(workerDelta: change)
      case .to(let count): count
      }
    guard wanted >= 1 else {
      throw ControlCommandError(reason: "scale: at least one worker has to stay, and there are \(current)")
    }
    guard wanted <= generation.maxWorkers else {
      throw ControlCommandError(
        reason: "scale: generation \(generation.number) has room for \(generation.maxWorkers) workers; "
          + "for more set server.workers, and reload")
    }
    return wanted - current
  }
}
