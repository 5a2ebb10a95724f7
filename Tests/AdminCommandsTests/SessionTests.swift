import Foundation
import Testing

/// Everything the commands print, against files. To record them again after a change that is meant:
/// `GREYMOAT_RECORD=1 swift test --filter SessionTests`, and read the difference.
@Suite struct SessionTests {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Sessions").path

    static var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter { $0.hasSuffix(".session") }.sorted()
    }

    @Test func thereAreSessions() { #expect(Self.names.count >= 8) }

    @Test(arguments: names) func session(name: String) throws {
        let engine = try FakeEngine(CannedEngine.answer)
        // Nobody listens where a session of no daemon looks.
        let socket = name.hasPrefix("no-daemon") ? "/nonexistent/control.sock" : engine.path
        let (expected, actual) = try CommandSession(path: "\(Self.directory)/\(name)", socket: socket).replay()
        #expect(actual == expected, "\(name) has changed; \(Self.firstDifference(expected, actual))")
    }

    private static func firstDifference(_ expected: String, _ actual: String) -> String {
        let a = CommandSession.lines(expected)
        let b = CommandSession.lines(actual)
        for (index, pair) in zip(a, b).enumerated() where pair.0 != pair.1 { return "line \(index + 1): \(pair.0) became \(pair.1)" }
        return "\(a.count) lines became \(b.count)"
    }
}
