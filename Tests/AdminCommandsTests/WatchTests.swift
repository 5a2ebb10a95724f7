import ControlProtocol
import Foundation
import Synchronization
import Testing

/// `status --watch` on a real terminal, which tmux lends.
@Suite(.serialized, .enabled(if: Spawned.finds("tmux"), "needs tmux: install the package tmux"))
struct WatchTests {
    /// A terminal of its own, with a shell in it that has printed `before`.
    private final class TerminalLab {
        private let directory: String
        private var socket: String { directory + "/tmux" }

        init(columns: Int, rows: Int) throws {
            directory = try FakeEngine.temporaryDirectory()
            // The server stays behind and would hold our pipes open.
            let server =
                "exec tmux -S \(socket) -f /dev/null new-session -d -x \(columns) -y \(rows) \"env PS1='$ ' ENV= sh\" >/dev/null 2>&1"
            let outcome = try Spawned(["sh", "-c", server], environment: ["TERM": "xterm-256color"]).finish()
            try #require(outcome.status == 0)
            try type("echo be''fore")
            try #require(wait { $0.contains("before") })
        }

        deinit {
            do { _ = try Spawned(["tmux", "-S", socket, "kill-server"]).finish() } catch { Issue.record(error) }
            try? FileManager.default.removeItem(atPath: directory)
        }

        @discardableResult
        func tmux(_ words: String...) throws -> String {
            let outcome = try Spawned(["tmux", "-S", socket] + words, environment: ["TERM": "xterm-256color"]).finish()
            try #require(outcome.status == 0, "tmux \(words): \(outcome.errors)")
            return outcome.output
        }

        func type(_ line: String) throws { try tmux("send-keys", line, "Enter") }

        func press(_ key: String) throws { try tmux("send-keys", key) }

        var screen: String { get throws { try tmux("capture-pane", "-p") } }

        func format(_ name: String) throws -> String {
            try tmux("display-message", "-p", "#{\(name)}").trimmingCharacters(in: .whitespacesAndNewlines)
        }

        /// Looks again until the screen is as wished, 10 s at most.
        func wait(for wish: (String) throws -> Bool) throws -> Bool {
            let deadline = ContinuousClock.now + .seconds(10)
            while ContinuousClock.now < deadline {
                if try wish(screen) { return true }
                usleep(20_000)
            }
            return false
        }
    }

    private func start(_ engine: FakeEngine, columns: Int = 100, rows: Int = 30) throws -> TerminalLab {
        let lab = try TerminalLab(columns: columns, rows: rows)
        try lab.type("\(BuiltProduct.path("greymoat")) --socket \(engine.path) status --watch; echo after $?")
        #expect(try lab.wait { $0.contains("Connections") && $0.contains("q ends") })
        return lab
    }

    /// The screen is as it was before, with the cursor, and what is typed shows again.
    private func expectCleanEnd(_ lab: TerminalLab) throws {
        #expect(try lab.wait { $0.contains("after 0") })
        let screen = try lab.screen
        #expect(screen.contains("before"))
        #expect(!screen.contains("Connections"))
        #expect(try lab.format("alternate_on") == "0")
        #expect(try lab.format("cursor_flag") == "1")
        try lab.type("echo ty''ped")
        #expect(try lab.wait { $0.contains("echo ty''ped") && $0.contains("\ntyped") })
    }

    @Test(arguments: ["q", "C-c", "C-d"]) func endsOnAKey(key: String) throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let lab = try start(engine)
        #expect(try lab.format("alternate_on") == "1")
        #expect(try lab.format("cursor_flag") == "0")
        try lab.press("x")
        try lab.press(key)
        try expectCleanEnd(lab)
    }

    @Test(arguments: ["TERM", "HUP", "INT"]) func endsOnASignal(signal: String) throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let lab = try start(engine)
        let shell = try lab.format("pane_pid")
        let outcome = try Spawned(["pkill", "-\(signal)", "-P", shell]).finish()
        #expect(outcome.status == 0)
        try expectCleanEnd(lab)
    }

    @Test func drawsAgainEachSecond() throws {
        let asked = Atomic<UInt32>(0)
        let engine = try FakeEngine { _ in
            var report = CannedEngine.status
            report.connections.all = 5000 + asked.add(1, ordering: .relaxed).newValue
            return .replies([.status(report), .done])
        }
        let lab = try start(engine)
        #expect(try lab.wait { $0.contains("5,003 held") })
        #expect(try lab.screen.contains("q ends"))
        try lab.press("q")
        try expectCleanEnd(lab)
    }

    @Test func followsTheWindow() throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let lab = try start(engine)
        try lab.tmux("resize-window", "-x", "50", "-y", "8")
        #expect(
            try lab.wait { screen in
                let lines = screen.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                return lines.count == 8 && lines.last == "q ends" && lines.dropLast().contains { $0.hasSuffix("…") }
            })
        try lab.tmux("resize-window", "-x", "120", "-y", "40")
        #expect(
            try lab.wait {
                $0.contains("senders that insist on TLS can never pass ([tls] certificate, key)") && $0.contains("greymoat-tarpit 1")
            })
        try lab.press("q")
        try expectCleanEnd(lab)
    }

    /// A daemon that goes away is told, and one that comes back is found.
    @Test func outlivesTheDaemon() throws {
        let gone = Atomic<Bool>(false)
        let engine = try FakeEngine { request in
            gone.load(ordering: .relaxed) ? .hangUp : CannedEngine.answer(request)
        }
        let lab = try start(engine)
        gone.store(true, ordering: .relaxed)
        #expect(try lab.wait { $0.contains("closed the connection") && $0.contains("Connections") })
        gone.store(false, ordering: .relaxed)
        #expect(try lab.wait { !$0.contains("closed the connection") && $0.contains("Connections") })
        try lab.press("q")
        try expectCleanEnd(lab)
    }

    @Test func saysAtOnceThatNobodyIsThere() throws {
        let lab = try TerminalLab(columns: 100, rows: 30)
        try lab.type("\(BuiltProduct.path("greymoat")) --socket /nonexistent/s status --watch; echo after $?")
        #expect(try lab.wait { $0.contains("after 69") })
        #expect(try lab.screen.contains("nothing to watch"))
    }

    /// Long work shows how far it is, on one line that goes when it is done.
    @Test func anImportShowsItsProgress() throws {
        let progress = ControlReply.progress(.init(activity: "importing", completed: 123_456))
        let engine = try FakeEngine { request in
            switch request {
            case .finishImport: .replies([progress])
            default: .replies([])
            }
        }
        let directory = try FakeEngine.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try String(repeating: "SPAMTRAP|trap@example.org\n", count: 5000).write(
            toFile: directory + "/rows", atomically: true, encoding: .utf8)
        let lab = try TerminalLab(columns: 100, rows: 30)
        try lab.type("\(BuiltProduct.path("greymoat")) --socket \(engine.path) import \(directory)/rows")
        #expect(try lab.wait { $0.split(separator: "\n").last == "importing: 123,456" })
        try lab.press("C-c")
        #expect(try lab.wait { $0.split(separator: "\n").last?.first == "$" })
        try lab.type("echo ty''ped")
        #expect(try lab.wait { $0.contains("\ntyped") })
    }

    /// Tables, relative times and questions where people read.
    @Test func asksBeforeTheFirstDomain() throws {
        let engine = try FakeEngine(CannedEngine.answer)
        let lab = try TerminalLab(columns: 120, rows: 30)
        let command = "\(BuiltProduct.path("greymoat")) --socket \(engine.path) domain add example.net; echo after $?"
        try lab.type(command)
        #expect(try lab.wait { $0.contains("Go on? [y/N]") })
        try lab.type("n")
        #expect(try lab.wait { $0.contains("after 2") && $0.contains("nothing was changed") })
        try lab.type("clear")
        #expect(try lab.wait { !$0.contains("Go on?") })
        try lab.type(command)
        #expect(try lab.wait { $0.contains("Go on? [y/N]") })
        try lab.type("y")
        #expect(try lab.wait { $0.contains("domain: 1 added or renewed") && $0.contains("after 0") })
    }
}

extension Spawned {
    static func finds(_ program: String) -> Bool { (try? Spawned(["sh", "-c", "command -v \(program)"]).finish().status) == 0 }
}
