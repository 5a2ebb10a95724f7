import Foundation
import RoleMessages
import TestSupport
import Testing

/// The real process on files and programs.
@Suite struct FetchTests {
    private let list = Array("192.0.2.1\n2001:db8::/32\n".utf8)

    @Test func aFile() throws {
        let scratch = try Scratch()
        let path = try scratch.write("list", list)
        let first = try FetchRun.report(.file(path))
        #expect(first.bytes == list)
        guard case .complete(let tag, "") = first.outcome else { throw LabError("\(String(describing: first.outcome))") }
        let second = try FetchRun.report(.file(path)) { $0.entityTag = tag }
        #expect(second.outcome == .notModified && second.bytes.isEmpty)
        _ = try scratch.write("list", list + list)
        let third = try FetchRun.report(.file(path)) { $0.entityTag = tag }
        #expect(third.bytes == list + list)
    }

    @Test func filesThatAreNone() throws {
        let scratch = try Scratch()
        #expect(try FetchRun.report(.file(scratch.path + "/none")).outcome == .failed("cannot be read: No such file or directory"))
        #expect(try FetchRun.report(.file(scratch.path)).outcome == .failed("is no regular file"))
        let fifo = scratch.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        #expect(try FetchRun.report(.file(fifo)).outcome == .failed("is no regular file"))
        #expect(try FetchRun.report(.file(scratch.write("empty", []))).bytes.isEmpty)
    }

    @Test func aPackedFileInManyPieces() throws {
        let scratch = try Scratch()
        let text = Array((0..<100_000).map { "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255)\n" }.joined().utf8)
        let report = try FetchRun.report(.file(scratch.write("list.gz", gzip(text))))
        #expect(report.bytes == text && report.chunks >= text.count / FetchNotice.chunkLimit)
    }

    @Test func aProgramWithoutAShell() throws {
        let scratch = try Scratch()
        let program = try scratch.script(
            "lister", #"printf '%s\n' "$@"; echo noise >&2; test "$(id -u)" && read nothing; test ! -e /proc/self/fd/9"#)
        let report = try FetchRun.report(.command([program, "$HOME", "a;b", "192.0.2.1"]))
        #expect(report.text == "$HOME\na;b\n192.0.2.1\n")
        #expect(report.outcome == .complete(entityTag: "", lastModified: ""))
        #expect(try FetchRun.report(.command(["echo", "192.0.2.1"])).text == "192.0.2.1\n", "found in the usual places")
        let environment = try FetchRun.report(.command(["env"])).text.split(separator: "\n").map { $0.prefix { $0 != "=" } }
        #expect(
            Set(environment).isSubset(of: [
                "PATH", "LC_ALL", "http_proxy", "https_proxy", "HTTPS_PROXY", "ftp_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
            ]))
    }

    @Test func programsThatFail() throws {
        let scratch = try Scratch()
        let failing = try scratch.script("failing", "echo 192.0.2.1; echo 'first' >&2; echo 'no \u{7}list today' >&2; exit 3")
        #expect(try FetchRun.report(.command([failing])).outcome == .failed("exited with status 3: no ?list today"))
        let dying = try scratch.script("dying", "echo 192.0.2.1; kill -9 $$")
        #expect(try FetchRun.report(.command([dying])).outcome == .failed("was killed by signal 9"))
        #expect(
            try FetchRun.report(.command(["no-such-program"])).outcome
                == .failed("cannot be had: there is no program no-such-program to run"))
        let unusable = try scratch.write("unusable", Array("#!/nowhere/sh\n".utf8), mode: 0o755)
        #expect(
            try FetchRun.report(.command([unusable])).outcome == .failed("cannot be had: cannot run \(unusable): No such file or directory")
        )
    }

    /// A program that talks without end is cut off, one that does not end as well, and what it started goes with it.
    @Test func programsThatDoNotEnd() throws {
        let scratch = try Scratch()
        #expect(try FetchRun.report(.command(["yes", "192.0.2.1"])) { $0.byteLimit = 1 << 20 }.outcome == .failed("is larger than 1 MB"))
        let mark = scratch.path + "/pid"
        let hanging = try scratch.script("hanging", "sleep 1000 & echo $! > '\(mark)' 2>/dev/null; echo $!; wait")
        let report = try FetchRun.report(.command([hanging])) { $0.timeLimit = .seconds(1) }
        #expect(report.outcome == .failed("took longer than 1 seconds"))
        let sleeper = try #require(Int32(report.text.prefix { $0 != "\n" }))
        #expect(isGone(sleeper), "the whole group was killed")
        #expect(!FileManager.default.fileExists(atPath: mark), "nothing may be written anywhere")
        // Output that is closed early does not excuse from ending.
        let mute = try scratch.script("mute", "exec >/dev/null 2>&1; sleep 1000")
        #expect(try FetchRun.report(.command([mute])) { $0.timeLimit = .seconds(1) }.outcome == .failed("took longer than 1 seconds"))
    }

    @Test func talkativeErrorsDoNotBlock() throws {
        let scratch = try Scratch()
        let program = try scratch.script("noisy", "head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; echo 192.0.2.1")
        #expect(try FetchRun.report(.command([program])).text == "192.0.2.1\n")
    }

    /// One that complains faster than it can be listened to costs no memory and no time beyond its own.
    @Test func complaintsWithoutEnd() throws {
        let scratch = try Scratch()
        let program = try scratch.script("complaining", "for i in 1 2 3 4; do cat /dev/zero >&2 & done; wait")
        var order = FetchOrder(source: .command([program]))
        order.timeLimit = .seconds(3)
        let run = try FetchRun(order)
        var highest = 0
        while run.process.isRunning {
            highest = max(highest, Self.residentKilobytes(of: run.process.pid))
            usleep(20_000)
        }
        #expect(run.process.waitForExit() == 0)
        #expect(try run.report().outcome == .failed("took longer than 3 seconds"))
        #expect(highest > 0)
        #expect(highest < 32_768, "KB at the most")
    }

    /// The most it has had of memory, 0 when it is gone.
    private static func residentKilobytes(of process: Int32) -> Int {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return 0 }
        return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// An engine that does not read holds the fetch up, no longer than its time and without growing it.
    @Test func anEngineThatDoesNotRead() throws {
        var order = FetchOrder(source: .command(["yes", "192.0.2.1"]))
        order.timeLimit = .seconds(1)
        let run = try FetchRun(order)
        #expect(run.process.waitForExit() == 0)
        #expect(try run.report().outcome == nil, "there was no room to say it either")
    }

    @Test func endsWithItsSupervisor() throws {
        let scratch = try Scratch()
        let program = try scratch.script("hanging", "echo $$; exec sleep 1000")
        let run = try FetchRun(FetchOrder(source: .command([program])))
        #expect(try run.ready() == .ready(missing: []), "with its whole sandbox")
        guard case .bytes(let bytes) = try #require(try run.next()) else { throw LabError("no process number") }
        let sleeper = try #require(Int32(String(decoding: bytes.dropLast(), as: UTF8.self)))
        try run.stop()
        #expect(run.process.waitForExit() == 0)
        #expect(try run.next() == nil)
        #expect(isGone(sleeper))
    }

    /// Killed processes are reaped by whoever inherits them; that takes a moment at most.
    private func isGone(_ process: Int32) -> Bool {
        for _ in 0..<500 {
            let state = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
            if state.isEmpty || state.contains(") Z ") { return true }
            usleep(10_000)
        }
        return false
    }
}
