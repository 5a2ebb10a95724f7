import Foundation
import TestSupport
import Testing

/// What a role cannot link, it cannot do.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["GREYMOAT_RELEASE_DIR"] != nil, "reads the release binaries: run scripts/test"),
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/readelf"), "needs readelf and nm: apt-get install binutils"))
struct EndToEndLinkageTests {
    private func run(_ arguments: String...) throws -> String {
        let process = try LabProcess(arguments)
        guard process.waitForExit(within: .seconds(60)) == 0 else { throw LabError("\(arguments): \(process.log)") }
        return process.output
    }

    private func needed(_ binary: String) throws -> Set<String> {
        let lines = try run("readelf", "-d", Site.binaries + "/" + binary).split(separator: "\n").filter { $0.contains("(NEEDED)") }
        return Set(lines.compactMap { $0.split(separator: "[").last?.split(separator: "]").first.map(String.init) })
    }

    @Test func theTarpitNeedsOnlyNamedLibraries() throws {
        let allowed: Set = [
            "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libssl.so.3",
            "libcrypto.so.3", "libseccomp.so.2",
        ]
        #expect(try needed("greymoat-tarpit").subtracting(allowed).isEmpty)
    }

    @Test func theTarpitHoldsNoDispatchConcurrencyOrFoundation() throws {
        let symbols = try run("nm", Site.binaries + "/greymoat-tarpit")
        #expect(symbols.contains("SMTPDialogue"), "the binary was stripped: nothing can be read from it")
        let names = symbols.split(separator: "\n").compactMap { $0.split(separator: " ").last }
        // Mangled names of the core library may mention tasks; the runtimes' own functions are what must not be here.
        let found = names.filter { $0.hasPrefix("dispatch_") || $0.hasPrefix("swift_task_") || $0.contains("Foundation") }
        #expect(found.isEmpty, "\(found.prefix(5))")
    }

    @Test func metricsNeedOnlyNamedLibraries() throws {
        let allowed: Set = [
            "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libseccomp.so.2",
        ]
        #expect(try needed("greymoat-metrics").subtracting(allowed).isEmpty)
    }

    /// Position-independent, and nothing that the dynamic linker filled in can be written over.
    @Test(arguments: [
        "greymoat", "greymoatd", "greymoat-engine", "greymoat-fetch", "greymoat-firewall", "greymoat-metrics", "greymoat-tarpit",
    ]) func everyProgramIsHardened(program: String) throws {
        let path = Site.binaries + "/" + program
        let flags = try run("readelf", "-dW", path)
        #expect(flags.contains("BIND_NOW") && flags.contains("PIE"))
        let segments = try run("readelf", "-lW", path).split(separator: "\n")
        #expect(segments.contains { $0.contains("GNU_RELRO") })
        #expect(segments.first { $0.contains("GNU_STACK") }?.contains("RWE") == false)
    }

    @Test func onlyTheFirewallSpeaksNetlinkTables() throws {
        for role in ["greymoat-tarpit", "greymoat-engine", "greymoat-metrics", "greymoat"] {
            #expect(try !needed(role).contains("libnftnl.so.11"), "\(role)")
        }
        #expect(try needed("greymoat-firewall").contains("libnftnl.so.11"))
    }
}
