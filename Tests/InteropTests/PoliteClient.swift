import Foundation
import TestSupport

/// A mail server with something to say, again and again, that notes how long it is kept waiting.
final class PoliteClient: Sendable {
    struct Findings: Sendable {
        var dialogues = 0
        /// The longest wait for a connection or a reply.
        var longest = Duration.zero
        var failure: String?
    }

    private let findings = Guarded((Findings(), isAsked: true, isDone: false))

    init(_ host: LabHost, to server: String, port: UInt16 = 25) {
        let findings = findings
        Thread.detachNewThread {
            while findings.with({ $0.isAsked }) {
                let begun = ContinuousClock.now
                do {
                    let longest = try Self.dialogue(host, server, port)
                    findings.with {
                        $0.0.dialogues += 1
                        $0.0.longest = max($0.0.longest, longest)
                    }
                } catch {
                    findings.with { $0.0.failure = "after \(ContinuousClock.now - begun): \(error)" }
                    break
                }
            }
            findings.with { $0.isDone = true }
        }
    }

    /// What it has seen so far.
    var soFar: Findings { findings.with { $0.0 } }

    /// Waits until it has had `count` dialogues more; false when it fails or `limit` passes first.
    func hasHad(_ count: Int, within limit: Duration) -> Bool {
        let target = soFar.dialogues + count
        return findings.wait(within: limit) { $0.0.failure != nil ? false : $0.0.dialogues >= target ? true : nil } ?? false
    }

    /// Sends it home; all it saw.
    func stop() -> Findings {
        findings.with { $0.isAsked = false }
        return findings.wait(within: .seconds(60)) { $0.isDone ? $0.0 : nil } ?? soFar
    }

    /// One whole grey dialogue; the longest wait in it.
    @discardableResult
    static func dialogue(_ host: LabHost, _ server: String, _ port: UInt16 = 25) throws -> Duration {
        var longest = Duration.zero
        func timed<Result>(_ body: () throws -> Result) rethrows -> Result {
            let begun = ContinuousClock.now
            defer { longest = max(longest, ContinuousClock.now - begun) }
            return try body()
        }
        let connection = try timed { try host.connect(to: server, port: port, within: .seconds(20)) }
        _ = try timed { try connection.expect(220, within: .seconds(20)) }
        let steps = [
            (250, "EHLO polite.example"), (250, "MAIL FROM:<a@polite.example>"), (250, "RCPT TO:<b@d.example>"), (451, "DATA"),
            (221, "QUIT"),
        ]
        for (code, command) in steps { _ = try timed { try connection.expect(code, to: command, within: .seconds(20)) } }
        guard try connection.waitForClose() else { throw LabError("the server did not close after QUIT") }
        return longest
    }
}
