// swift-tools-version: 6.2
import PackageDescription

// Where Outrider is installed: the Makefile asks pkg-config.
let sdk = Context.environment["OUTRIDER_SDK"] ?? "/usr/local/share/outrider/sdk"

let package = Package(
  name: "notes",
  products: [.library(name: "notes", type: .dynamic, targets: ["Notes"])],
  dependencies: [.package(name: "outrider", path: "\(sdk)/swift")],
  targets: [
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(
      name: "Notes", dependencies: ["CSQLite", .product(name: "Outrider", package: "outrider")],
      swiftSettings: [.strictMemorySafety()]),
  ],
  swiftLanguageModes: [.v6]
)
