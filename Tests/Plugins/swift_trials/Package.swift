// swift-tools-version: 6.2
import PackageDescription

// Plugins in Swift, by the installed package, whose paths are what a plugin may do: Tests/Integration/sdk/test_swift.py.
let sdk = Context.environment["OUTRIDER_SDK"] ?? "/usr/local/share/outrider/sdk"
let strict: [SwiftSetting] = [.strictMemorySafety()]
let outrider: Target.Dependency = .product(name: "Outrider", package: "outrider")

let package = Package(
  name: "trials",
  products: [
    .library(name: "trials_async", type: .dynamic, targets: ["AsyncTrials"]),
    .library(name: "trials_blocking", type: .dynamic, targets: ["BlockingTrials"]),
    .library(name: "sockets_async", type: .dynamic, targets: ["AsyncSockets"]),
    .library(name: "sockets_event", type: .dynamic, targets: ["EventSockets"]),
  ],
  dependencies: [.package(name: "outrider", path: "\(sdk)/swift")],
  targets: [
    .target(name: "Trials", dependencies: [outrider], swiftSettings: strict),
    .target(name: "AsyncTrials", dependencies: ["Trials", outrider], swiftSettings: strict),
    .target(name: "AsyncSockets", dependencies: [outrider], swiftSettings: strict),
    .target(name: "EventSockets", dependencies: [outrider], swiftSettings: strict),
    .target(name: "BlockingTrials", dependencies: ["Trials", outrider], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
