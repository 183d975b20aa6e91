// swift-tools-version: 6.2
import PackageDescription

// Modules, lowest last; imports only ever point down this list:
//   outrider → Supervisor → Master → Workers → PluginHost → Configuration, TLS → HTTP, IPC → Memory, Platform → C shims.
//   outriderctl, Supervisor → Control. outrider, outriderctl → Completions.

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

/// The package for plugins says by lifetimes how long a request's bytes are valid.
let plugins: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

/// The host exports nothing that a plugin could bind to by accident. A debug build does: the sanitizers are such symbols.
let exportNothing: [LinkerSetting] = [
  .unsafeFlags(
    ["-Xlinker", "--version-script=Sources/outrider/exports.map"],
    .when(platforms: [.linux], configuration: .release))
]

/// A package of Apple's: fetched, or, where SWIFT_PACKAGES names a folder, the folder of its name in there. A build without
/// network gets it that way (Sources/README.md).
func apple(_ name: String, from version: Version) -> Package.Dependency {
  guard let folder = Context.environment["SWIFT_PACKAGES"], !folder.isEmpty else {
    return .package(url: "https://github.com/apple/\(name)", from: version)
  }
  return .package(path: "\(folder)/\(name)")
}

let package = Package(
  name: "outrider",
  products: [
    .executable(name: "outrider", targets: ["outrider"]),
    .executable(name: "outriderctl", targets: ["outriderctl"]),
    .library(name: "Outrider", targets: ["Outrider"]),
  ],
  dependencies: [
    apple("swift-argument-parser", from: "1.8.0"),
    apple("swift-log", from: "1.16.0"),
  ],
  targets: [
    .executableTarget(
      name: "outrider",
      dependencies: [
        "Supervisor", "Master", "Workers", "PluginHost", "Configuration", "TLS", "HTTP", "IPC", "Platform",
        "Completions", "COpenSSL", "CNghttp2", "CSystemd", "COutrider",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["exports.map"], swiftSettings: strict, linkerSettings: exportNothing),
    .executableTarget(
      name: "outriderctl",
      dependencies: [
        "Completions", "Control", "PluginHost", "IPC", "Platform", "CNghttp2", "COutrider",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict, linkerSettings: exportNothing),
    .target(
      name: "Supervisor", dependencies: ["Control", "HTTP", "IPC", "Platform", "CSystemd"], swiftSettings: strict),
    .target(name: "Control", swiftSettings: strict),
    .target(
      name: "Completions", dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: strict),
    .target(
      name: "Master", dependencies: ["Workers", "PluginHost", "HTTP", "TLS", "Configuration", "IPC", "Platform"],
      swiftSettings: strict),
    .target(
      name: "Workers", dependencies: ["PluginHost", "HTTP", "TLS", "Configuration", "IPC", "Memory", "Platform"],
      swiftSettings: strict),
    .target(name: "PluginHost", dependencies: ["HTTP", "Memory", "Platform", "COutrider"], swiftSettings: strict),
    .target(name: "Configuration", dependencies: ["Platform", "CTomlPlusPlus"], swiftSettings: strict),
    .target(name: "TLS", dependencies: ["Platform", "COpenSSL"], swiftSettings: strict),
    .target(name: "HTTP", dependencies: ["Memory", "COpenSSL", "CNghttp2", "CZlib"], swiftSettings: strict),
    .target(name: "Memory", swiftSettings: strict),
    .target(name: "IPC", dependencies: ["Platform", "CLinux"], swiftSettings: strict),
    .target(
      name: "Platform", dependencies: ["CLinux", .product(name: "Logging", package: "swift-log")],
      swiftSettings: strict),
    .target(name: "COutrider", exclude: ["Room.md"]),
    // For plugins in Swift: a package of its own too, which is installed.
    .target(name: "COutriderPlugin", path: "Plugins/sdk/swift/Sources/COutriderPlugin"),
    .target(
      name: "Outrider", dependencies: ["COutriderPlugin"], path: "Plugins/sdk/swift/Sources/Outrider",
      swiftSettings: plugins),
    .target(name: "CLinux"),
    .target(name: "CTomlPlusPlus", cxxSettings: [.define("TOML_EXCEPTIONS", to: "0")]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    .executableTarget(
      name: "head-parser", dependencies: ["HTTP"], path: "Tests/Bench/HeadParser", swiftSettings: strict),
    .executableTarget(name: "fork-locks", dependencies: ["Platform"], path: "Tests/Fork", swiftSettings: strict),
    .executableTarget(name: "store-kills", dependencies: ["Platform"], path: "Tests/StoreKills", swiftSettings: strict),
    .executableTarget(
      name: "manual-keys", dependencies: ["Configuration"], path: "Tests/Manual", exclude: ["compare_renderings.py"],
      swiftSettings: strict),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Memory"], swiftSettings: strict),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: strict),
    .testTarget(
      name: "PluginHostTests", dependencies: ["PluginHost", "HTTP", "COutrider"], swiftSettings: strict),
    .testTarget(
      name: "WorkersTests",
      dependencies: [
        "Workers", "PluginHost", "HTTP", "TLS", "Configuration", "IPC", "Memory", "Platform", "COutrider",
      ],
      swiftSettings: strict),
    .testTarget(name: "TLSTests", dependencies: ["TLS"], swiftSettings: strict),
    .testTarget(name: "MasterTests", dependencies: ["Master", "IPC", "Platform"], swiftSettings: strict),
    .testTarget(
      name: "SupervisorTests", dependencies: ["Supervisor", "Control", "IPC", "Platform"], swiftSettings: strict),
    .testTarget(name: "ControlTests", dependencies: ["Control"], swiftSettings: strict),
    .testTarget(name: "IPCTests", dependencies: ["IPC", "Platform"], swiftSettings: strict),
    .testTarget(name: "MemoryTests", dependencies: ["Memory"], swiftSettings: strict),
    .testTarget(name: "PlatformTests", dependencies: ["Platform"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
