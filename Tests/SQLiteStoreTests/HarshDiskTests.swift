import Addressing
import Foundation
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import SQLiteStore
import Testing

/// Real disks that are full, read-only or forbidden, and a process killed at any moment: `store-probe` in mounts of its own.
@Suite struct HarshDiskTests {
    static let probe = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent(
        "store-probe"
    ).path

    static var canMount: Bool {
        (try? run("/usr/bin/env", ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).status) == 0
    }

    @discardableResult static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// A shell script in a mount namespace of its own, with the probe as $0.
    func inMounts(_ script: String) throws -> [String] {
        let result = try Self.run("/usr/bin/env", ["unshare", "-rm", "sh", "-ec", script, Self.probe])
        return result.output.split(separator: "\n").map(String.init)
    }

    @Test(.enabled(if: canMount, "needs a kernel that lets an unprivileged namespace mount tmpfs"))
    func aFullDiskHealsByItself() throws {
        try withTemporaryDirectory { directory in
            let lines = try inMounts(
                """
                mount -t tmpfs -o size=3m none \(directory)
                head -c 1m /dev/zero > \(directory)/ballast
                "$0" full \(directory)/db \(directory)/ballast
                """)
            #expect(
                lines == [
                    "full: there is no room left for \(directory)/db: free some, and storing goes on by itself", "readable true",
                    "still full",
                    "healed true",
                ])
        }
    }

    @Test(.enabled(if: canMount, "needs a kernel that lets an unprivileged namespace mount tmpfs"))
    func aReadOnlyDiskHealsByItself() throws {
        try withTemporaryDirectory { directory in
            let lines = try inMounts("mount -t tmpfs -o ro none \(directory); \"$0\" readonly \(directory)/db \(directory)")
            #expect(lines.count == 3 && lines[0].hasSuffix("is mounted read-only: mount it writable"), "\(lines)")
            #expect(lines.dropFirst() == ["still read-only", "healed true"])
        }
    }

    @Test func aForbiddenDiskIsNamed() throws {
        try withTemporaryDirectory { directory in
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: directory)
            let result = try Self.run(Self.probe, ["nobody", directory + "/db"])
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory)
            #expect(result.output.hasPrefix("denied: "), "\(result.output)")
            #expect(result.output.contains("give it to the user that runs greymoat-engine"))
        }
    }

    /// kill -9 at random moments: whatever the process said it kept is there, and the database is whole. GREYMOAT_KILLS=200 for more.
    @Test func killedAtAnyMomentItKeepsWhatItSaid() throws {
        let kills = ProcessInfo.processInfo.environment["GREYMOAT_KILLS"].flatMap(Int.init) ?? 20
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            var kept = 0
            for _ in 0..<kills {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: Self.probe)
                process.arguments = ["write", path]
                let pipe = Pipe()
                process.standardOutput = pipe
                try process.run()
                let wanted = Int.random(in: 1...60)
                var lines = 0
                var text = Data()
                // So many acknowledgements, then the end, wherever it is by then.
                while lines < wanted, let more = try pipe.fileHandleForReading.read(upToCount: 64), !more.isEmpty {
                    text += more
                    lines = text.count { $0 == UInt8(ascii: "\n") }
                }
                kill(process.processIdentifier, SIGKILL)
                text += try pipe.fileHandleForReading.readToEnd() ?? Data()
                process.waitUntilExit()
                let said = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                kept = max(kept, said.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.max() ?? 0)
                #expect(lines >= wanted, "the probe stopped by itself: \(said.last ?? "")")
                #expect(try IntegrityCheck.run(path) == "ok")
                let counts = try SQLiteReader(path: path).counts()
                #expect(counts.grey + counts.white >= Int64(kept))
                #expect(counts.white == (counts.grey + counts.white + 2) / 3)
            }
            #expect(kept > kills)
        }
    }
}
