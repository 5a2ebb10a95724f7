import Foundation
import TestSupport
import Testing

/// A disk that is full, read-only, forbidden or damaged under the whole daemon: strangers are still greeted and known hosts
/// still let in, `greymoat status` says what is wrong, and all is well again by itself.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndHarshDiskTests {
    /// A site whose state directory is a tmpfs of its own, of 4 MiB, in the daemon's own mount namespace.
    private final class DiskSite {
        let site: Site
        private var number = 0

        init() throws {
            site = try Site(configuration: ["greylist": "passtime = \"1h\"\ngreyexp = \"4h\"\nalloweddomains = \"\""], start: false)
            try FileManager.default.createDirectory(atPath: site.directory + "/state", withIntermediateDirectories: false)
            try site.start(wrapper: [
                "unshare", "--mount", "--propagation", "private", "sh", "-ec",
                "mount -t tmpfs -o size=4m,mode=750 none \(site.directory)/state; exec \"$@\"", "sh",
            ])
            try site.spamdb("-a", "192.0.2.10")
        }

        /// Runs a command where the daemon sees its disk; true when it succeeded.
        @discardableResult func onDisk(_ command: String) throws -> Bool {
            try site.host.attempt([
                "nsenter", "--mount", "--target", "\(site.daemon!.pid)", "sh", "-c", "cd \(site.directory)/state && \(command)",
            ])
            .status == 0
        }

        /// The sender of one more deferred mail.
        func attempt() throws -> String {
            number += 1
            let sender = "<n\(number)@stranger.example>"
            let reply = try site.offerMail(on: try site.connect(.ipv4, 11), from: sender)
            #expect(reply.code == 451)
            return sender
        }

        func isStored(_ sender: String) throws -> Bool { try site.spamdb().contains { $0.contains("|\(sender)|") } }

        var failure: String? {
            get throws { (try site.status()["database"] as? [String: Any])?["failure"] as? String }
        }

        /// The known host still reaches the real server.
        func expectKnownHostLetIn() throws {
            let connection = try site.connect(.ipv4, 10)
            #expect(site.realServer.accept() != nil)
            withExtendedLifetime(connection) {}
            #expect(try site.elements(of: "white").keys.sorted() == ["192.0.2.10"])
        }

        /// Attempts go on until one is not stored; what `status` says then.
        func failureAfterAttempts() throws -> String {
            try eventually("the disk is found wanting", within: .seconds(30)) {
                _ = try attempt()
                return try failure
            }
        }

        /// Nobody does anything but send mail, and even that is not waited for where it may be known before.
        func expectRecovery(beforeAnybodyComes: Bool = false) throws {
            if beforeAnybodyComes {
                var last: String?
                _ = try eventually("status shows that nothing is amiss, and not: \(last ?? "")") {
                    last = try failure
                    return last == nil ? true : nil
                }
            }

            _ = try eventually("an attempt is stored again", within: .seconds(20)) { try isStored(try attempt()) ? true : nil }
            #expect(try failure == nil)
            #expect(site.daemon!.log.contains("attempts are stored again"))
            #expect(try onDisk("test \"$(sqlite3 -readonly greymoat.db 'PRAGMA integrity_check')\" = ok"))
            _ = try eventually("the sets are in step") {
                (try site.status()["firewall"] as? [String: Any])?["state"] as? String == "in-step" ? true : nil
            }
            try site.spamdb("-a", "198.51.100.77")
            #expect(try site.elements(of: "white").keys.sorted() == ["192.0.2.10", "198.51.100.77"])
        }

        /// Does something to the disk while no engine has it open, and lets the supervisor start a new one. Returns when it answers.
        func betweenEngines(_ command: String) throws {
            let victim = try #require(try site.pids(of: "greymoat-engine").first)
            site.daemon!.signal(SIGSTOP)
            #expect(kill(victim, SIGKILL) == 0)
            _ = try eventually("the engine's files are closed") {
                let state = try String(contentsOfFile: "/proc/\(victim)/status", encoding: .utf8)
                return state.contains("State:\tZ") ? true : nil
            }
            #expect(try onDisk(command), "\(command)")
            site.daemon!.signal(SIGCONT)
            _ = try eventually("the new engine answers") {
                try site.pids(of: "greymoat-engine").contains { $0 != victim } && site.greymoat("status", "--json").status == 0 ? true : nil
            }
        }
    }

    @Test func aFullDisk() throws {
        let disk = try DiskSite()
        let before = try disk.attempt()
        try disk.onDisk("cat /dev/zero > ballast")
        let failure = try disk.failureAfterAttempts()
        #expect(failure == "there is no room left for \(disk.site.database): free some, and storing goes on by itself")
        #expect(disk.site.daemon!.log.contains("attempts cannot be stored: \(failure)"))
        #expect(try disk.isStored(before))
        try disk.expectKnownHostLetIn()
        // An administrator hears of it as well.
        #expect(try disk.site.spamdb("-a", "198.51.100.99", status: 2).isEmpty)
        _ = try eventually("what is not kept is counted") { try disk.site.status()["unkept"] as? Int ?? 0 > 0 ? true : nil }
        // A new engine finds it as full.
        try disk.betweenEngines("true")
        _ = try disk.failureAfterAttempts()
        try disk.expectKnownHostLetIn()
        #expect(try disk.onDisk("rm ballast"))
        try disk.expectRecovery()
        #expect(try disk.isStored(before))
    }

    @Test func aReadOnlyDisk() throws {
        let disk = try DiskSite()
        let before = try disk.attempt()
        try disk.betweenEngines("mount -o remount,ro .")
        let failure = try disk.failureAfterAttempts()
        #expect(
            failure.hasPrefix("the file system of \(disk.site.database)") && failure.hasSuffix("is mounted read-only: mount it writable"),
            "\(failure)")
        #expect(try disk.isStored(before))
        try disk.expectKnownHostLetIn()
        #expect(try disk.onDisk("mount -o remount,rw ."))
        try disk.expectRecovery(beforeAnybodyComes: true)
    }

    @Test func aForbiddenFile() throws {
        let disk = try DiskSite()
        let before = try disk.attempt()
        try disk.betweenEngines("chown root:root greymoat.db && chmod 600 greymoat.db")
        let failure = try disk.failureAfterAttempts()
        #expect(failure == "\(disk.site.database) may not be written: give it to the user that runs greymoat-engine")
        try disk.expectKnownHostLetIn()
        #expect(try disk.onDisk("chown greymoat-engine:greymoat-engine greymoat.db"))
        try disk.expectRecovery(beforeAnybodyComes: true)
        #expect(try disk.isStored(before))
    }

    @Test func aDamagedPage() throws {
        let disk = try DiskSite()
        let rows = (1...4000).map { "WHITE|10.0.\($0 / 256).\($0 % 256)|||1|2|\(2_000_000_000 + $0)|3|4" } + ["SPAMTRAP|trap@example.org"]
        #expect(
            try disk.site.host.attempt(
                ["env", "GREYMOAT_SOCKET=\(disk.site.directory)/run/control.sock", Site.binaries + "/greymoat", "import", "-"],
                input: rows.joined(separator: "\n") + "\n"
            ).status == 0)
        let before = try disk.attempt()
        // The log is carried over into the database, and one page in its middle overwritten.
        try disk.betweenEngines(
            """
            sqlite3 greymoat.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null &&
            pages=$(($(stat -c %s greymoat.db) / 4096)) &&
            head -c 4096 /dev/urandom | dd of=greymoat.db bs=4096 seek=$((pages / 2)) conv=notrunc status=none
            """)
        let sentence = try eventually("the damaged file is set aside") {
            disk.site.daemon!.log.split(separator: "\n").first { $0.contains("is damaged") }.map(String.init)
        }
        #expect(sentence.contains("it was moved to \(disk.site.database).damaged-"), "\(sentence)")
        #expect(sentence.contains("service goes on in a new one"), "\(sentence)")
        #expect(try disk.onDisk("ls greymoat.db.damaged-* >/dev/null"))
        // Until somebody takes it away, status speaks of it.
        let warning = "the database was damaged, and \(disk.site.database).damaged-"
        let warnings = try disk.site.greymoat("status").output.split(separator: "\n").filter { $0.contains(warning) }
        #expect(warnings.count == 1, "\(warnings)")
        let aside = try #require(warnings.first?.firstMatch(of: /greymoat\.db\.damaged-\w+/)).output
        #expect(try disk.onDisk("rm \(aside)"))
        #expect(try !disk.site.greymoat("status").output.contains(warning))
        #expect(try disk.onDisk("test \"$(sqlite3 -readonly greymoat.db 'PRAGMA integrity_check')\" = ok"))
        // Service goes on at once, with all that could still be read.
        #expect(try disk.isStored(try disk.attempt()))
        #expect(try disk.failure == nil)
        let left = try disk.site.spamdb()
        #expect(left.count { $0.hasPrefix("WHITE|") } > 3000 && left.contains("SPAMTRAP|trap@example.org"), "\(left.count) rows")
        _ = try eventually("the sets equal the new database") {
            let white = left.filter { $0.hasPrefix("WHITE|") }.map { String($0.split(separator: "|")[1]) }
            return try Set(disk.site.elements(of: "white").keys) == Set(white) ? true : nil
        }
        withExtendedLifetime(before) {}
    }

    @Test func aNewerSchemaIsRefusedPolitely() throws {
        let site = try Site()
        #expect(try site.offerMail(on: site.connect(.ipv4)).code == 451)
        #expect(site.daemon!.terminate() == 0)
        try site.host.run("sqlite3", site.database, "INSERT INTO grdb_migrations VALUES ('99 from the future')")
        let before = try Data(contentsOf: URL(fileURLWithPath: site.database))
        let second = try site.host.spawn(site.daemonArguments)
        #expect(second.waitForExit(within: .seconds(20)) == 69)
        #expect(
            second.log.contains(
                "the database \(site.database) was written by a newer Greymoat: install that version again, or start with another --state-dir"
            ))
        #expect(try Data(contentsOf: URL(fileURLWithPath: site.database)) == before)
    }
}
