import Foundation
import TestSupport
import Testing

/// A hundred thousand rows out as text, into another daemon, and out again.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndExportTests {
    /// One of each kind in turn, some of what strangers send among it.
    private func row(_ index: Int) -> String {
        let low = "\(index >> 16 & 255).\(index >> 8 & 255).\(index & 255)"
        switch index % 50 {
        case 0: return "SPAMTRAP|trap\(index)@example.org"
        case 1: return "DOMAIN|@d\(index).example"
        case 2: return "TRAPPED|11.\(low)|\(4_000_000_000 + index)"
        case 3: return "ALLOW|12.\(low)"
        case 4...9: return "WHITE|10.\(low)|||\(index)|5|\(4_000_000_000 + index)|\(index)|9"
        case 10:
            return "GREY|2001:db8:\(String(index & 0xFFFF, radix: 16))::1|h\\040\\174\\134|<>|<\\377\(index)@x>|5|4000000000|4000000000|7|0"
        default: return "GREY|13.\(low)|mail.example.net|<bounce-\(index)@list.example.net>|<joe@example.org>|5|4000000000|4000000000|1|0"
        }
    }

    /// Runs a command of greymoat with files as its standard input and output; the most memory it had, in KiB.
    private func run(_ site: Site, _ command: String) throws -> Int {
        let script = """
            import os, resource, subprocess, sys
            status = subprocess.call(['sh', '-c', 'exec \(Site.binaries)/greymoat \(command)'])
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            sys.exit(status)
            """
        let output = try site.host.run(
            "env", "GREYMOAT_SOCKET=\(site.directory)/run/control.sock", "python3", "-c", script)
        let last = output.split(separator: "\n").last.flatMap { Int($0) }
        return try #require(last, "\(output)")
    }

    @Test func theRoundTripOfAHundredThousandRowsIsExactInConstantMemory() throws {
        let count = 100_000
        let directory = try Site.makeDirectory()
        defer { _ = try? FileManager.default.removeItem(atPath: directory) }
        let lines = (0..<count).map(row).sorted()
        try (lines.joined(separator: "\n") + "\n").write(toFile: directory + "/all", atomically: false, encoding: .utf8)
        try (lines.prefix(count / 100).joined(separator: "\n") + "\n").write(toFile: directory + "/few", atomically: false, encoding: .utf8)
        /// In whatever order: the kinds come out each in its own.
        func expectSame(_ name: String, _ expected: ArraySlice<String>) throws {
            let found = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8).split(separator: "\n").map(String.init)
            let different = Set(found).symmetricDifference(expected)
            #expect(different.isEmpty && found.count == expected.count, "\(name): \(different.sorted().prefix(8))")
        }

        do {
            let site = try Site()
            let fewIn = try run(site, "import \(directory)/few")
            let fewOut = try run(site, "export >\(directory)/few-out")
            try expectSame("few-out", lines.prefix(count / 100))
            let allIn = try run(site, "import \(directory)/all")
            let allOut = try run(site, "export >\(directory)/once")
            #expect(allIn < fewIn + 4096 && allOut < fewOut + 4096, "\(fewIn), \(fewOut) KiB for few rows, \(allIn), \(allOut) for all")
        }
        try expectSame("once", lines[...])
        let other = try Site()
        _ = try run(other, "import \(directory)/once")
        _ = try run(other, "export >\(directory)/twice")
        try expectSame("twice", lines[...])
    }
}
