import ControlProtocol
import Foundation
import LinuxIO
import Synchronization
import Testing
import WireFormat

@testable import AdminCommands

/// What the commands make of a daemon that dies, stalls, says nonsense, or has a million rows to tell.
@Suite struct ControlClientTests {
    private struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    private func run(_ arguments: String..., at socket: String, as personality: AdminProgram.Personality = .greymoat) -> Outcome {
        let output = Console.Captured()
        let errors = Console.Captured()
        let console = Console(
            name: personality.rawValue, environment: ["GREYMOAT_SOCKET": socket, "GREYMOAT_DATABASE": "/nonexistent/db"], isTerminal: false,
            output: .memory(output), errors: .memory(errors))
        let status = AdminProgram.run(personality, arguments, on: console)
        return Outcome(status: status, output: output.text, errors: errors.text)
    }

    @Test func aDaemonThatHangsUp() throws {
        let engine = try FakeEngine { _ in .hangUp }
        for arguments in [["status"], ["list"], ["explain", "192.0.2.1"]] {
            let output = Console.Captured()
            let errors = Console.Captured()
            let console = Console(
                name: "greymoat", environment: ["GREYMOAT_SOCKET": engine.path], isTerminal: false, output: .memory(output),
                errors: .memory(errors))
            #expect(AdminProgram.run(.greymoat, arguments, on: console) == 69)
            #expect(errors.text.contains("closed the connection before it had answered"))
        }
    }

    /// What had come before the end is still printed.
    @Test func aListingCutShort() throws {
        var bytes: [UInt8] = []
        ControlReply.rows(Array("SPAMTRAP|a@b\n".utf8)).append(to: &bytes)
        let words = bytes + [0, 0, 0]
        let engine = try FakeEngine { _ in .lastWords(words) }
        let outcome = run("list", at: engine.path)
        #expect(outcome.status == 69)
        #expect(outcome.output == "SPAMTRAP\ta@b\n")
        #expect(outcome.errors.contains("closed the connection before it had answered"))
    }

    @Test func aListingThatFails() throws {
        let engine = try FakeEngine(replies: [.rows(Array("SPAMTRAP|a@b\n".utf8)), .failure("the database was closed", exitStatus: 2)])
        let outcome = run("list", at: engine.path)
        #expect(outcome.status == 2)
        #expect(outcome.output == "SPAMTRAP\ta@b\n")
        #expect(outcome.errors == "greymoat: the database was closed\n")
    }

    @Test func anotherVersion() throws {
        let engine = try FakeEngine { _ in .bytes([0, 0, 0, 2, ControlReply.version + 1, 10]) }
        let outcome = run("status", at: engine.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("speaks version \(ControlReply.version + 1) of the control protocol"))
    }

    @Test(
        arguments: [
            [0, 0, 0, 2, 1, 99], [255, 255, 255, 255], [0, 0, 0, 0], [0, 0, 0, 3, 1, 10, 0], [0, 0, 0, 1, 1], [0, 32, 0, 0, 1, 3],
        ] as [[UInt8]])
    func nonsense(bytes: [UInt8]) throws {
        let engine = try FakeEngine { _ in .bytes(bytes) }
        let outcome = run("status", at: engine.path)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("makes no sense"))
    }

    @Test(.enabled(if: geteuid() == 0, "needs root: it switches to another user, to be refused"))
    func noPermission() throws {
        let engine = try FakeEngine(CannedEngine.answer)
        chmod(engine.path, 0o600)
        chmod(URL(fileURLWithPath: engine.path).deletingLastPathComponent().path, 0o755)
        let program = try BuiltProduct.reachable("greymoat")
        defer { try? FileManager.default.removeItem(atPath: (program as NSString).deletingLastPathComponent) }
        let process = try Spawned([
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "GREYMOAT_SOCKET=\(engine.path)", program, "status",
        ])
        let outcome = try process.finish()
        #expect(outcome.errors.contains("you may not use \(engine.path): run this as root, or join the group greymoat"))
        #expect(outcome.status == 2)
    }

    /// An import is sent while the engine sends progress nobody asked for, more than both sockets' buffers hold.
    @Test func importsNeverWaitDeaf() throws {
        let progress = ControlReply.progress(.init(activity: String(repeating: "x", count: 4000), completed: 1))
        let engine = try FakeEngine { request in
            switch request {
            case .importLines: return .replies(Array(repeating: progress, count: 200))
            case .finishImport: return .replies([.imported(ImportReport()), .done])
            default: return .replies([])
            }
        }
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/rows"
        try Data(repeating: 10, count: 400_000).write(to: URL(fileURLWithPath: path))
        let outcome = run("import", path, at: engine.path)
        #expect(outcome.status == 0)
        let lines = engine.requests.reduce(0) { if case .importLines(let bytes) = $1 { $0 + bytes.count } else { $0 } }
        #expect(lines == 400_000)
    }

    /// Lines are cut into chunks at line ends, and a last line without one is a line.
    @Test func importChunksAreWholeLines() throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/rows"
        let line = String(repeating: "y", count: 1000)
        try (Array(repeating: line, count: 150).joined(separator: "\r\n") + "\nlast").write(toFile: path, atomically: true, encoding: .utf8)
        let outcome = run("import", "-n", path, at: engine.path)
        #expect(outcome.output == "would import 2 white\n")
        #expect(
            outcome.errors
                == "greymoat: \(path), line 3: the address is not IPv4 or IPv6\ngreymoat: 1 row was over already and left out\n")
        #expect(outcome.status == 2)
        let chunks = engine.requests.compactMap { if case .importLines(let bytes) = $0 { bytes } else { nil } }
        #expect(chunks.count > 1)
        #expect(chunks.allSatisfy { $0.count <= ControlRequest.chunkLimit && $0.last == 10 })
        #expect(chunks.joined().elementsEqual((Array(repeating: line, count: 150) + ["last", ""]).joined(separator: "\n").utf8))
        #expect(engine.requests.first == .beginImport(dryRun: true))
    }

    @Test(arguments: [LineInput.lineLimit, LineInput.lineLimit + 1])
    func linesAreBounded(length: Int) throws {
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/rows"
        try Data(repeating: 120, count: 400_000).write(to: URL(fileURLWithPath: path))
        var input = try LineInput(path)
        #expect(throws: CommandError.self) { while try input.next() != nil {} }
        for ending in ["\n", "\r\n", ""] {
            try (Data(repeating: 120, count: length) + Data(ending.utf8)).write(to: URL(fileURLWithPath: path))
            var second = try LineInput(path)
            if length > LineInput.lineLimit {
                #expect(throws: CommandError.self) { try second.next() }
            } else {
                let line = try second.next()
                #expect(line?.line.count == length)
            }
        }
    }

    /// Whoever else has the same pipe may have made it non-blocking: that nothing is there yet is not its end.
    @Test func aNonBlockingPipeIsReadToItsEnd() throws {
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        let reader = FileDescriptor(owning: open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC))
        let writer = FileDescriptor(owning: open(path, O_WRONLY | O_CLOEXEC))
        var input = LineInput(reading: reader, name: "fifo")
        try writer.writeAll(Array("one\n".utf8))
        #expect(try input.next()?.line.elementsEqual("one".utf8) == true)
        let number = writer.release()
        _ = try NamedThread("late-writer") {
            usleep(200_000)
            _ = "two\n".withCString { write(number, $0, 4) }
            close(number)
        }
        #expect(try input.next()?.line.elementsEqual("two".utf8) == true)
        #expect(try input.next() == nil)
    }

    /// A key behind `--` or behind another key is a key, whatever it looks like: cut up, it would have trapped `ash@example.org`.
    @Test(arguments: [["-T", "-a", "--", "-dash@example.org"], ["-Ta", "x@example.org", "-dash@example.org"]])
    func keysThatLookLikeSwitches(arguments: [String]) throws {
        let engine = try FakeEngine { request in
            guard case .change(let changes, _, _) = request else { return .hangUp }
            return .replies([.outcomes(changes.map { _ in .done }), .done])
        }
        let errors = Console.Captured()
        let console = Console(
            name: "spamdb", environment: ["GREYMOAT_SOCKET": engine.path], isTerminal: false, output: .memory(errors),
            errors: .memory(errors))
        #expect(AdminProgram.run(.spamdb, arguments, on: console) == 0)
        #expect(errors.text == "")
        guard case .change(let changes, _, _)? = engine.requests.last else {
            Issue.record("no change was sent")
            return
        }
        #expect(changes.last == .add(.spamtrap("-dash@example.org")))
        #expect(changes.count == arguments.count { $0.contains("@") })
    }

    /// Whoever else has the same pipe may have made it non-blocking: that there is no room yet loses nothing.
    @Test func aNonBlockingPipeIsWrittenToItsEnd() throws {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        let writer = FileDescriptor(owning: writing)
        try writer.setNonBlocking()
        let taken = Mutex(0)
        let reader = try NamedThread("late-reader") {
            usleep(200_000)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = read(reading, &buffer, buffer.count), count > 0 { taken.withLock { $0 += count } }
            close(reading)
        }
        let console = Console(name: "spamdb", isTerminal: false, output: .descriptor(writing), errors: .memory(Console.Captured()))
        try console.write([UInt8](repeating: 10, count: 1 << 20))
        try console.flush()
        close(writer.release())
        reader.join()
        #expect(taken.withLock(\.self) == 1 << 20)
    }

    /// What was stored, and what was left out, is told although the kernel did not follow.
    @Test func whatCameBeforeAFailureIsTold() throws {
        let behind = ControlReply.failure("the kernel's sets have not followed", exitStatus: 69)
        let engine = try FakeEngine { request in
            switch request {
            case .beginImport, .importLines: return .replies([])
            case .finishImport:
                var report = ImportReport()
                report[.white] = 1
                report.faulty = 1
                report.faults = [.init(line: 2, reason: "no address")]
                return .replies([.imported(report), behind])
            case .change(let changes, _, _):
                return .replies([.outcomes(changes.indices.map { $0 == 0 ? .notFound : .done }), behind])
            default: return .replies([.done])
            }
        }
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try "x\ny\n".write(toFile: directory + "/rows", atomically: true, encoding: .utf8)
        let failed = "the kernel's sets have not followed\n"
        let imported = run("import", directory + "/rows", at: engine.path)
        #expect(imported.status == 69)
        #expect(imported.output == "imported 1 white\n")
        #expect(imported.errors == "greymoat: \(directory)/rows, line 2: no address\ngreymoat: \(failed)")
        let deleted = run("-d", "192.0.2.1", "192.0.2.2", at: engine.path, as: .spamdb)
        #expect(deleted.status == 69)
        #expect(deleted.errors == "spamdb: 192.0.2.1: not found\nspamdb: \(failed)")
        let removed = run("white", "remove", "192.0.2.1", "192.0.2.2", at: engine.path)
        #expect(removed.status == 69)
        #expect(removed.errors == "greymoat: 192.0.2.1 is not white\ngreymoat: \(failed)")
    }

    /// The second script of the guide makes such a file; its odd lines are told all together, and then nothing is changed.
    @Test func allowFiles() throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/spamd-spf.txt"
        try "#aol.com\n152.163.225.0/24\n64.12.143.99/32\n\n  10.0.0.1 # ours\r\n2001:db8::/32\"\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        #expect(run("allow", "add", "--file", path, at: engine.path).status == 0)
        guard case .change(let changes, _, _)? = engine.requests.last else {
            Issue.record("no change was sent")
            return
        }
        #expect(changes.map(\.target.text) == ["152.163.225.0/24", "64.12.143.99", "10.0.0.1", "2001:db8::/32"])
        try "10.0.0.0/8\nmx.example.org\n10.0.0.0/40\n".write(toFile: path, atomically: true, encoding: .utf8)
        let before = engine.requests.count
        let outcome = run("allow", "add", "--file", path, at: engine.path)
        #expect(outcome.status == 64)
        #expect(outcome.errors.hasPrefix("greymoat: nothing was changed: \(path), line 2: mx.example.org is a name"))
        #expect(outcome.errors.contains("line 3: 10.0.0.0/40"))
        #expect(engine.requests.count == before)
    }

    /// `--ruleset <(…)` can be read once: what is checked is what was read.
    @Test(.enabled(if: geteuid() == 0, "needs root: nft checks a ruleset"))
    func aRulesetFromAPipeIsReallyChecked() throws {
        let command = "echo nonsense | '\(BuiltProduct.path("greymoat"))' firewall check --ruleset -"
        let outcome = try Spawned(["sh", "-c", command]).finish()
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("nft does not take"))
    }

    @Test func aCopyAppearsWholeOrNotAtAll() throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/copy.db"
        try Data().write(to: URL(fileURLWithPath: path + ".partial"))
        #expect(run("export", "--database", path, at: engine.path).status == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "SQLite format 3")
        #expect(run("export", "--database", path, at: engine.path).errors.contains("exists already"))
        let failing = try FakeEngine { _ in .replies([.file([1]), .failure("the disk is full", exitStatus: 2)]) }
        #expect(run("export", "--database", path + "2", at: failing.path).status == 2)
        // The second is the one that was there before.
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: directory)) == ["copy.db", "copy.db.partial"])
    }

    /// More failures than an exit status can say are still failures.
    @Test func manyFailures() throws {
        let engine = try FakeEngine { request in
            guard case .change(let changes, _, _) = request else { return .hangUp }
            return .replies([.outcomes(changes.map { _ in .notFound }), .done])
        }
        let output = Console.Captured()
        let console = Console(
            name: "spamdb", environment: ["GREYMOAT_SOCKET": engine.path], isTerminal: false, output: .memory(output),
            errors: .memory(output))
        let keys = (0..<512).map { "10.0.\($0 / 256).\($0 % 256)" }
        #expect(AdminProgram.run(.spamdb, ["-d"] + keys, on: console) == 255)
        #expect(engine.requests.count == 3)
    }
}
