// swift-tools-version: 6.2
import PackageDescription

// The package for plugins in Swift: outrider-swift(7). It depends on nothing but the toolchain.

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableExperimentalFeature("Lifetimes"),
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let package = Package(
  name: "outrider",
  products: [
    .library(name: "Outrider", targets: ["Outrider"]),
    .library(name: "OutriderTesting", targets: ["OutriderTesting"]),
  ],
  targets: [
    .target(name: "COutriderPlugin"),
    .target(name: "Outrider", dependencies: ["COutriderPlugin"], swiftSettings: strict),
    .target(name: "COutriderTesting", dependencies: ["COutriderPlugin"], publicHeadersPath: "."),
    .target(
      name: "OutriderTesting", dependencies: ["Outrider", "COutriderPlugin", "COutriderTesting"], swiftSettings: strict),
    .testTarget(name: "OutriderTests", dependencies: ["Outrider", "OutriderTesting"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
