// swift-tools-version: 6.2
import PackageDescription

// What ../same_answer.c answers, in Swift.
let styles = ["Blocking", "Event", "Async"]

let package = Package(
  name: "same-answer",
  products: styles.map { .library(name: "same_answer_swift_\($0.lowercased())", type: .dynamic, targets: [$0]) },
  dependencies: [.package(name: "outrider", path: "../../../Plugins/sdk/swift")],
  targets: styles.map {
    .target(
      name: $0, dependencies: [.product(name: "Outrider", package: "outrider")], swiftSettings: [.strictMemorySafety()])
  },
  swiftLanguageModes: [.v6]
)
