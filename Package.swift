// swift-tools-version: 6.1
// Greymoat: greylisting and tarpitting for Linux and nftables. GPL-3.0-or-later.
//
// This file is the map of the house, bottom-up. Three rules hold everywhere:
//   bytes or time in, values out  → a pure room, no clock, no descriptor, no randomness of its own;
//   names a C symbol              → lives beside its C target, and no C type leaves it;
//   reads the environment         → an executable.
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// What a stranger's bytes can reach links neither Swift concurrency nor string processing:
// their worker threads open files, which the tarpit's sandbox answers with death.
let bare: [SwiftSetting] =
    strict + [
        .unsafeFlags([
            "-Xfrontend", "-disable-implicit-concurrency-module-import",
            "-Xfrontend", "-disable-implicit-string-processing-module-import",
        ])
    ]

let package = Package(
    name: "greymoat",
    products: [
        .executable(name: "greymoatd", targets: ["greymoatd"]),
        .executable(name: "greymoat-firewall", targets: ["greymoat-firewall"]),
        .executable(name: "greymoat-engine", targets: ["greymoat-engine"]),
        .executable(name: "greymoat-tarpit", targets: ["greymoat-tarpit"]),
        .executable(name: "greymoat-fetch", targets: ["greymoat-fetch"]),
        .executable(name: "greymoat-metrics", targets: ["greymoat-metrics"]),
        .executable(name: "greymoat", targets: ["greymoat"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        // What SwiftNIO stands on, named for its exact version alone.
        .package(url: "https://github.com/apple/swift-atomics", exact: "1.3.0"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    ],
    targets: [
        // Pure ground: values without clocks, descriptors or C.
        .target(name: "Release", swiftSettings: bare),  // the version, once
        .target(name: "Moments", swiftSettings: bare),  // wall and monotonic time as values
        .target(name: "Addressing", swiftSettings: bare),  // addresses, prefixes, ranges, longest-prefix tables
        .target(name: "PeerText", swiftSettings: bare),  // escaping, lower-casing and cutting what strangers sent
        .target(name: "WireFormat", dependencies: ["Addressing", "Moments"], swiftSettings: bare),  // bounded, versioned, length-prefixed frames

        // Linux, where Swift cannot say it.
        .target(name: "CLinux"),  // epoll, accept4, SCM_RIGHTS, spawn: what Glibc's module lacks
        .target(name: "LinuxIO", dependencies: ["CLinux", "Moments", "WireFormat"], swiftSettings: bare),  // owned descriptors, epoll, clocks, frame channels

        // What Greymoat exists for, as pure code.
        .target(name: "SMTPDialogue", dependencies: ["Addressing", "Moments", "PeerText"], swiftSettings: bare),  // bytes and time in, actions out
        .target(name: "GreylistPolicy", dependencies: ["Addressing", "Moments", "PeerText"], swiftSettings: strict),  // tuples, traps, verdicts, expiry; store contract
        .target(name: "Blocklists", dependencies: ["Addressing", "Moments"], swiftSettings: strict),  // spamd.conf and list grammars, merge, look-up

        // What roles and people say to each other.
        .target(name: "RoleMessages", dependencies: ["Addressing", "Moments", "WireFormat"], swiftSettings: bare),
        .target(name: "ControlProtocol", dependencies: ["Addressing", "Moments", "WireFormat"], swiftSettings: strict),
        .target(name: "Settings", dependencies: ["Addressing", "TOMLKit"], swiftSettings: strict),  // one table of keys: TOML, switches, example, manual

        // C libraries, one target each, and the one room that may name them.
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CNFTables", linkerSettings: [.linkedLibrary("nftnl"), .linkedLibrary("mnl")]),
        .target(name: "CNetfilterLog", linkerSettings: [.linkedLibrary("netfilter_log"), .linkedLibrary("mnl")]),
        .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),  // gzip
        .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "NFTables", dependencies: ["CNFTables", "LinuxIO", "Addressing"], swiftSettings: strict),  // sets, batches, read-back, monitor
        .target(name: "FirewallCheck", dependencies: ["LinuxIO"], swiftSettings: strict),  // what is wrong with the firewall, in words: listing and facts in, findings out
        .target(name: "PacketLog", dependencies: ["CNetfilterLog", "LinuxIO", "Addressing"], swiftSettings: strict),  // NFLOG configuration and reception
        .target(name: "Sandbox", dependencies: ["CLinux", "CSeccomp", "LinuxIO", "Moments"], swiftSettings: bare),  // users, capabilities, seccomp, Landlock, namespaces
        .target(name: "TLS", dependencies: ["COpenSSL"], swiftSettings: bare),  // STARTTLS over memory BIOs
        .target(
            name: "SQLiteStore",  // schema, migrations, queries
            dependencies: [
                "GreylistPolicy", "LinuxIO", "Addressing", "Moments", "PeerText", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),

        // The roles' insides.
        .target(
            name: "TarpitServer",  // the event loop that drives SMTPDialogue
            dependencies: ["SMTPDialogue", "RoleMessages", "TLS", "LinuxIO", "Addressing", "Moments", "PeerText", "WireFormat", "CLinux"],
            swiftSettings: bare),
        .target(
            name: "GreylistEngine",  // the one owner of policy, store and projection
            dependencies: [
                "GreylistPolicy", "SQLiteStore", "Blocklists", "RoleMessages", "ControlProtocol", "PacketLog", "LinuxIO",
                "Addressing", "Moments", "PeerText", "WireFormat", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .target(
            name: "FirewallService",  // the projection into nftables, its healing, the ruleset
            dependencies: ["NFTables", "Sandbox", "RoleMessages", "LinuxIO", "Addressing", "Moments", "WireFormat"], swiftSettings: strict),
        .target(
            name: "Supervisor",  // listeners, roles, restart
            dependencies: [
                "Settings", "Sandbox", "RoleMessages", "PacketLog", "GreylistPolicy", "Blocklists", "LinuxIO", "Addressing", "Moments", "WireFormat", "CLinux",
                "Release", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),
        .target(
            name: "BlocklistFetch",  // one source, fetched, unpacked and handed over
            dependencies: ["CZlib", "CLinux", "Sandbox", "RoleMessages", "LinuxIO", "Moments", "WireFormat"], swiftSettings: strict),
        .target(name: "MetricsText", dependencies: ["RoleMessages", "Moments"], swiftSettings: strict),  // every metric: name, help, value; Prometheus' text format
        .target(
            name: "MetricsServer",  // that text over HTTP, to anybody, at no cost to the engine
            dependencies: [
                "MetricsText", "RoleMessages", "Sandbox", "LinuxIO", "Moments", "WireFormat",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "Atomics", package: "swift-atomics"),
                .product(name: "DequeModule", package: "swift-collections"), .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: strict),
        .target(
            name: "AdminCommands",  // greymoat, spamdb, spamd-setup, spamlogd
            dependencies: [
                "ControlProtocol", "FirewallCheck", "GreylistPolicy", "LinuxIO", "Addressing", "Moments", "PeerText", "WireFormat",
                "Release",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),

        // Executables: composition and switches only.
        .executableTarget(
            name: "greymoatd", dependencies: ["Supervisor"], swiftSettings: strict),
        .executableTarget(name: "greymoat-firewall", dependencies: ["FirewallService", "Sandbox", "LinuxIO"], swiftSettings: strict),
        .executableTarget(name: "greymoat-engine", dependencies: ["GreylistEngine", "Release", "Sandbox", "LinuxIO"], swiftSettings: strict),
        .executableTarget(name: "greymoat-tarpit", dependencies: ["TarpitServer", "Sandbox", "LinuxIO"], swiftSettings: bare),
        .executableTarget(name: "greymoat-fetch", dependencies: ["BlocklistFetch"], swiftSettings: strict),
        .executableTarget(name: "greymoat-metrics", dependencies: ["MetricsServer"], swiftSettings: strict),
        .executableTarget(name: "greymoat", dependencies: ["AdminCommands"], swiftSettings: strict),

        // Tests, one target a room; TestSupport holds the namespace lab, manual clocks and seeded chance.
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),  // setns and fork for the namespace lab
        .target(name: "TestSupport", dependencies: ["CTestSupport", "Addressing", "Moments", "CLinux", "LinuxIO"], path: "Tests/TestSupport", swiftSettings: strict),
        .target(name: "CSandboxProbe", path: "Tests/CSandboxProbe", linkerSettings: [.linkedLibrary("seccomp")]),
        .executableTarget(  // enters a role's sandbox and tries what it must not
            name: "sandbox-probe", dependencies: ["CSandboxProbe", "CLinux", "Sandbox", "LinuxIO"], path: "Tests/SandboxProbe", swiftSettings: bare),
        .target(  // memory store, naive model and the simulation that compares them with the policy
            name: "GreylistSimulation", dependencies: ["GreylistPolicy", "Addressing", "Moments", "PeerText"],
            path: "Tests/GreylistSimulation", swiftSettings: strict),
        .executableTarget(
            name: "bench-store",
            dependencies: ["SQLiteStore", "GreylistPolicy", "GreylistSimulation", "Addressing", "LinuxIO", "Moments", "PeerText"],
            path: "Tests/Bench/Store", swiftSettings: strict),
        .executableTarget(
            name: "bench-netfilter", dependencies: ["NFTables", "Addressing", "LinuxIO", "Moments"], path: "Tests/Bench/Netfilter",
            swiftSettings: strict),
        .executableTarget(
            name: "simulate-policy", dependencies: ["GreylistSimulation", "GreylistPolicy", "SQLiteStore"], path: "Tests/LongRuns/Simulation",
            swiftSettings: strict),
        .testTarget(
            name: "GreylistPolicyTests", dependencies: ["GreylistPolicy", "GreylistSimulation", "Addressing", "Moments", "PeerText"],
            swiftSettings: strict),
        .target(name: "CPowerCut", path: "Tests/CPowerCut", linkerSettings: [.linkedLibrary("sqlite3")]),  // a SQLite VFS that records writes and syncs
        .executableTarget(  // does to a store what a test kills, fills up or forbids
            name: "store-probe", dependencies: ["SQLiteStore", "GreylistPolicy", "Addressing", "Moments", "PeerText"],
            path: "Tests/StoreProbe", swiftSettings: strict),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "SQLiteStore", "GreylistPolicy", "GreylistSimulation", "CPowerCut", "store-probe", "Addressing", "Moments", "PeerText",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], exclude: ["Schemas"], swiftSettings: strict),
        .testTarget(name: "AddressingTests", dependencies: ["Addressing", "TestSupport"], swiftSettings: strict),
        .executableTarget(name: "abuse-load", path: "Tests/AbuseLoad"),  // crowds of bad clients, in C
        .testTarget(  // real clients and crowds of bad ones against a real tarpit, in namespaces
            name: "InteropTests", dependencies: ["TestSupport", "tarpit-alone", "greymoat-tarpit", "abuse-load"], swiftSettings: strict),
        .target(name: "CTLSPeer", path: "Tests/CTLSPeer", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),  // a TLS client in memory
        .testTarget(name: "TranscriptTests", dependencies: ["SMTPDialogue", "Addressing", "Moments"], swiftSettings: strict),  // plays Tests/Transcripts
        .testTarget(name: "TLSTests", dependencies: ["TLS", "CTLSPeer", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "BlocklistFetchTests",
            dependencies: [
                "BlocklistFetch", "Blocklists", "Sandbox", "RoleMessages", "LinuxIO", "Moments", "WireFormat", "TestSupport", "greymoat-fetch",
            ], swiftSettings: strict),
        .executableTarget(
            name: "bench-blocklists", dependencies: ["Blocklists", "Addressing", "LinuxIO", "Moments", "TestSupport"],
            path: "Tests/Bench/Blocklists", swiftSettings: strict),
        .testTarget(
            name: "BlocklistsTests", dependencies: ["Blocklists", "Addressing", "Moments", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "PeerTextTests", dependencies: ["PeerText"], swiftSettings: strict),
        .executableTarget(  // stands in for every role
            name: "stub-role", dependencies: ["RoleMessages", "LinuxIO", "WireFormat", "Moments", "CLinux"], path: "Tests/StubRole", swiftSettings: strict),
        .testTarget(
            name: "SupervisorTests", dependencies: [
                "Supervisor", "RoleMessages", "LinuxIO", "Moments", "TestSupport", "greymoatd", "greymoat-firewall", "greymoat-engine", "greymoat-tarpit", "greymoat-metrics", "greymoat",
                "stub-role", "sandbox-probe",
            ],
            swiftSettings: strict),
        .testTarget(name: "SettingsTests", dependencies: ["Settings", "Addressing"], swiftSettings: strict),
        .testTarget(name: "SandboxTests", dependencies: ["Sandbox", "LinuxIO", "TestSupport", "sandbox-probe"], swiftSettings: strict),
        .testTarget(name: "NFTablesTests", dependencies: ["NFTables", "TestSupport", "LinuxIO", "Addressing"], swiftSettings: strict),
        .testTarget(name: "FirewallCheckTests", dependencies: ["FirewallCheck", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "PacketLogTests", dependencies: ["PacketLog", "LinuxIO", "Addressing", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "FirewallServiceTests",
            dependencies: [
                "FirewallService", "NFTables", "PacketLog", "RoleMessages", "LinuxIO", "Addressing", "Moments", "WireFormat", "TestSupport", "greymoat-firewall",
            ], swiftSettings: strict),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "AdminCommandsTests",
            dependencies: ["AdminCommands", "ControlProtocol", "LinuxIO", "WireFormat", "Addressing", "Moments", "TestSupport"],
            exclude: ["Sessions"], swiftSettings: strict),
        .testTarget(  // the manual pages: generated parts, formatters, references
            name: "ManualTests", dependencies: ["Settings", "TestSupport", "greymoat", "greymoatd"], swiftSettings: strict),
        .testTarget(name: "ControlProtocolTests", dependencies: ["ControlProtocol", "WireFormat", "Addressing", "Moments"], swiftSettings: strict),
        .testTarget(
            name: "GreylistEngineTests",
            dependencies: [
                "GreylistEngine", "GreylistPolicy", "SQLiteStore", "RoleMessages", "ControlProtocol", "PacketLog", "Blocklists", "LinuxIO", "Addressing", "Moments",
                "PeerText", "WireFormat", "TestSupport",
            ], swiftSettings: strict),
        .testTarget(name: "WireFormatTests", dependencies: ["WireFormat", "LinuxIO", "RoleMessages", "Addressing", "Moments"], swiftSettings: strict),
        .testTarget(name: "SMTPDialogueTests", dependencies: ["SMTPDialogue", "Addressing", "Moments", "PeerText"], swiftSettings: strict),
        .target(
            name: "TarpitHarness",  // plays supervisor and engine to a real greymoat-tarpit
            dependencies: ["RoleMessages", "LinuxIO", "CLinux", "Sandbox", "Addressing", "Moments", "WireFormat"], path: "Tests/TarpitHarness",
            swiftSettings: strict),
        .executableTarget(name: "tarpit-alone", dependencies: ["TarpitHarness"], path: "Tests/TarpitAlone", swiftSettings: strict),
        .testTarget(
            name: "TarpitServerTests",
            dependencies: [
                "TarpitServer", "TarpitHarness", "greymoat-tarpit", "tarpit-alone", "TestSupport", "CTLSPeer", "SMTPDialogue", "RoleMessages", "LinuxIO", "CLinux", "Addressing",
                "Moments", "WireFormat",
            ], swiftSettings: strict),
        .testTarget(name: "MetricsTextTests", dependencies: ["MetricsText", "RoleMessages", "Moments"], swiftSettings: strict),  // and docs/metrics
        .testTarget(name: "EndToEndTests", dependencies: ["TestSupport", "LinuxIO", "Moments"], exclude: ["Guides"], swiftSettings: strict),  // the whole product, release binaries, namespaces
    ]
)
