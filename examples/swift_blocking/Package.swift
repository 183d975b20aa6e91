// swift-tools-version: 6.2
import PackageDescription

// Where Outrider is installed: the Makefile asks pkg-config.
let sdk = Context.environment["OUTRIDER_SDK"] ?? "/usr/local/share/outrider/sdk"
let settings: [SwiftSetting] = [.strictMemorySafety()]

let package = Package(
  name: "hello",
  products: [.library(name: "hello", type: .dynamic, targets: ["Site"])],
  dependencies: [.package(name: "outrider", path: "\(sdk)/swift")],
  targets: [
    .target(
      name: "Site", dependencies: [.product(name: "Outrider", package: "outrider")], swiftSettings: settings),
    .testTarget(
      name: "SiteTests", dependencies: ["Site", .product(name: "OutriderTesting", package: "outrider")],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
