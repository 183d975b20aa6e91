// swift-tools-version: 6.2
import PackageDescription

// Modules, lowest last; imports only ever point down this list:
//   outrider → Supervisor → Master → Workers → PluginHost → Configuration, TLS → HTTP → Platform → C shims.
//   outriderctl, Supervisor → Control.

/// What every Swift target is built with: Swift 6 rules, memory safety spelled out, no warning left standing.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
  // The modules are for people; the path of a request runs through all of them, and the compiler may see it whole.
  // (Of what is `package` it sees the members that are @inlinable, in types that are @usableFromInline.)
  // Plugins call back into the loop by design, one field at a time, which is what dynamic exclusivity checks would cost
  // a call each to confirm: they run in debug builds and tests.
  .unsafeFlags(
    ["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// The host exports nothing that a plugin could bind to by accident. A debug build does: the sanitizers are such symbols.
let exportNothing: [LinkerSetting] = [
  .unsafeFlags(
    ["-Xlinker", "--version-script=Sources/outrider/exports.map"],
    .when(platforms: [.linux], configuration: .release))
]

let package = Package(
  name: "outrider",
  products: [
    .executable(name: "outrider", targets: ["outrider"]),
    .executable(name: "outriderctl", targets: ["outriderctl"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
  ],
  targets: [
    .executableTarget(
      name: "outrider",
      dependencies: [
        "Supervisor", "Master", "Workers", "PluginHost", "Configuration", "TLS", "HTTP", "Platform",
        "COpenSSL", "CNghttp2", "CSystemd", "COutrider",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["exports.map"], swiftSettings: strict, linkerSettings: exportNothing),
    .executableTarget(
      name: "outriderctl",
      dependencies: [
        "Control", "PluginHost", "Platform", "COutrider",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict, linkerSettings: exportNothing),
    .target(
      name: "Supervisor", dependencies: ["Control", "HTTP", "Platform", "CSystemd"], swiftSettings: strict),
    .target(name: "Control", swiftSettings: strict),
    .target(
      name: "Master", dependencies: ["Workers", "PluginHost", "HTTP", "TLS", "Configuration", "Platform"],
      swiftSettings: strict),
    .target(
      name: "Workers", dependencies: ["PluginHost", "HTTP", "TLS", "Configuration", "Platform"], swiftSettings: strict),
    .target(name: "PluginHost", dependencies: ["HTTP", "Platform", "COutrider"], swiftSettings: strict),
    .target(name: "Configuration", dependencies: ["Platform", "CTomlPlusPlus"], swiftSettings: strict),
    .target(name: "TLS", dependencies: ["Platform", "COpenSSL"], swiftSettings: strict),
    .target(name: "HTTP", dependencies: ["CNghttp2"], swiftSettings: strict),
    .target(
      name: "Platform", dependencies: ["CLinux", .product(name: "Logging", package: "swift-log")],
      swiftSettings: strict),
    .target(name: "COutrider"),
    .target(name: "CLinux"),
    .target(name: "CTomlPlusPlus", cxxSettings: [.define("TOML_EXCEPTIONS", to: "0")]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .executableTarget(
      name: "head-parser", dependencies: ["HTTP"], path: "Tests/Bench/HeadParser", swiftSettings: strict),
    .executableTarget(name: "fork-locks", dependencies: ["Platform"], path: "Tests/Fork", swiftSettings: strict),
    .executableTarget(
      name: "manual-keys", dependencies: ["Configuration"], path: "Tests/Manual", swiftSettings: strict),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP"], swiftSettings: strict),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: strict),
    .testTarget(
      name: "PluginHostTests", dependencies: ["PluginHost", "HTTP", "COutrider"], swiftSettings: strict),
    .testTarget(name: "TLSTests", dependencies: ["TLS"], swiftSettings: strict),
    .testTarget(name: "SupervisorTests", dependencies: ["Supervisor", "Platform"], swiftSettings: strict),
    .testTarget(name: "ControlTests", dependencies: ["Control"], swiftSettings: strict),
    .testTarget(name: "PlatformTests", dependencies: ["Platform"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
