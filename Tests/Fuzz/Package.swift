// swift-tools-version: 6.1
// Fuzzers for everything that reads what strangers or downloaded files say. A package of its own: libFuzzer brings a main
// of its own, which breaks the tests' build in the root package. `scripts/fuzz` puts it together in .build/fuzz/package, with
// the root package's Sources beside those here, because a package may not reach out of its directory.
//
// To add one: name the rooms it needs below, write a main.swift in Sources/FuzzNAME as FuzzDialogue has it, put a few seeds
// into Corpus/NAME, and list it here.
// `scripts/fuzz` finds it by itself. Every finding goes to Cases/NAME, which each run replays first.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Preconditions and overflow checks stay on in release builds; the address sanitizer watches the unsafe rest.
    .unsafeFlags(["-sanitize=address"]),
]

// Coverage guides the fuzzer through our rooms; in the harness it would only cost time.
let room: [SwiftSetting] = settings + [.unsafeFlags(["-sanitize=fuzzer"])]

func fuzzer(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .executableTarget(
        name: "Fuzz\(name)", dependencies: dependencies + ["CFuzzDriver"], exclude: exclude, swiftSettings: settings,
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])])
}

let package = Package(
    name: "greymoat-fuzz",
    targets: [
        .target(name: "CFuzzDriver"),
        .target(name: "Moments", swiftSettings: room),
        .target(name: "Addressing", swiftSettings: room),
        .target(name: "PeerText", swiftSettings: room),
        .target(name: "SMTPDialogue", dependencies: ["Addressing", "Moments", "PeerText"], swiftSettings: room),
        .target(name: "WireFormat", dependencies: ["Addressing", "Moments"], swiftSettings: room),
        .target(name: "ControlProtocol", dependencies: ["Addressing", "Moments", "WireFormat"], swiftSettings: room),
        .target(name: "RoleMessages", dependencies: ["Addressing", "Moments", "WireFormat"], swiftSettings: room),
        .target(name: "GreylistPolicy", dependencies: ["Addressing", "Moments", "PeerText"], swiftSettings: room),
        .target(name: "Blocklists", dependencies: ["Addressing", "Moments"], swiftSettings: room),

        .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "TLS", dependencies: ["COpenSSL"], swiftSettings: room),

        fuzzer("Dialogue", ["SMTPDialogue", "Addressing", "Moments"]),
        fuzzer("TLS", ["TLS"], exclude: ["certificate.pem", "key.pem"]),
        fuzzer("AddressList", ["Blocklists", "Addressing", "Moments"]),
        fuzzer("SpamdConf", ["Blocklists", "Addressing"]),
        fuzzer("ConfigurationText", ["Blocklists"]),
        fuzzer("SpamdbText", ["GreylistPolicy"]),
        fuzzer("Messages", ["ControlProtocol", "RoleMessages", "WireFormat"]),
    ]
)
