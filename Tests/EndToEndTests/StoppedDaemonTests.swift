import Foundation
import TestSupport
import Testing

/// Reading commands without a daemon: they show the database as it was left, and say so.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"))
struct EndToEndStoppedDaemonTests {
    private func stoppedSite() throws -> Site {
        let site = try Site()
        try site.spamdb("-a", "198.51.100.7")
        try site.spamdb("-T", "-a", "trap@example.org")
        let connection = try site.connect(.ipv4)
        #expect(try site.offerMail(on: connection).code == 451)
        #expect(site.daemon!.terminate() == 0)
        #expect(!FileManager.default.fileExists(atPath: site.directory + "/state/greymoat.db-wal"))
        return site
    }

    private func greymoat(_ site: Site, _ arguments: String...) throws -> LabHost.Outcome {
        try site.host.attempt(
            ["env", "GREYMOAT_SOCKET=\(site.directory)/run/control.sock", "GREYMOAT_DATABASE=\(site.directory)/state/greymoat.db"]
                + [Site.binaries + "/greymoat"] + arguments)
    }

    @Test func readingCommandsGoOn() throws {
        let site = try stoppedSite()
        let list = try greymoat(site, "list")
        #expect(list.status == 0)
        #expect(list.errors.contains("greymoatd is not running"))
        let kinds = list.output.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).prefix(2) }
        #expect(
            kinds.sorted { $0[0] < $1[0] } == [["GREY", "192.0.2.10"], ["SPAMTRAP", "trap@example.org"], ["WHITE", "198.51.100.7"]])
        let explained = try greymoat(site, "explain", "198.51.100.7")
        #expect(explained.status == 0 && explained.output.contains("It has a WHITE row"))
        #expect(try greymoat(site, "explain", "trap@example.org").output.contains("It is a SPAMTRAP"))
        let status = try greymoat(site, "status", "--json")
        let report = try #require(JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any])
        #expect((report["database"] as? [String: Any])?["white"] as? Int == 1)
        // What only a daemon knows is left out, not made up.
        #expect(report.keys.sorted() == ["database", "now", "warnings"])
        let lines = try greymoat(site, "status").output.split(separator: "\n")
        #expect(Set(lines.map { $0.prefix { $0 != "." && $0 != "\t" } }) == ["database", "now", "warnings"])
        #expect("\(report["warnings"] ?? "")".contains("greymoatd is not running"))
        let copy = site.directory + "/copy.db"
        #expect(try greymoat(site, "export", "--database", copy).status == 0)
        #expect(
            try site.host.run("sqlite3", copy, "PRAGMA integrity_check; SELECT count(*) FROM host").split(separator: "\n") == ["ok", "1"])
        #expect(try greymoat(site, "export").output.contains("SPAMTRAP|trap@example.org"))
        // The owner of the files is still who must write them, so the daemon starts again on them.
        try site.start()
        #expect(try site.rows("WHITE", "198.51.100.7").count == 1)
    }

    /// A database named on the command line is the one that is read, although a daemon runs.
    @Test func aNamedDatabaseIsReadWhateverRuns() throws {
        let site = try Site()
        try site.spamdb("-a", "198.51.100.7")
        let copy = site.directory + "/copy.db"
        #expect(try greymoat(site, "export", "--database", copy).status == 0)
        try site.spamdb("-a", "198.51.100.8")
        func hosts(_ arguments: String...) throws -> [Substring] {
            let list = try site.host.attempt(
                ["env", "GREYMOAT_SOCKET=\(site.directory)/run/control.sock", Site.binaries + "/greymoat", "list", "white"] + arguments)
            #expect(list.status == 0 && list.errors.isEmpty, "\(list)")
            return list.output.split(separator: "\n").map { $0.split(separator: "\t")[1] }
        }
        #expect(try hosts() == ["198.51.100.7", "198.51.100.8"])
        #expect(try hosts("--from", copy) == ["198.51.100.7"])
        // The daemon's own, under its hands.
        #expect(try hosts("--from", site.directory + "/state/greymoat.db") == ["198.51.100.7", "198.51.100.8"])
        let status = try greymoat(site, "status", "--json", "--from", copy)
        #expect(status.output.contains("\"white\": 1") && status.output.contains("greymoatd was not asked"), "\(status)")
        #expect(!status.output.contains("not running") && !status.output.contains("roles"), "\(status)")
        let missing = try greymoat(site, "list", "--from", copy + ".not")
        #expect(missing.status == 2 && missing.output.isEmpty)
        #expect(missing.errors == "greymoat: there is no database at \(copy).not\n")
    }

    @Test func writingCommandsSayHowToStartIt() throws {
        let site = try stoppedSite()
        let outcome = try greymoat(site, "white", "add", "198.51.100.8")
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("greymoatd is not running") && outcome.errors.contains("systemctl start greymoatd"))
    }

    @Test func aMissingDatabaseIsNamed() throws {
        let site = try Site(start: false)
        let outcome = try greymoat(site, "list")
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("there is no database at \(site.directory)/state/greymoat.db"))
    }
}
