import Addressing
import Foundation
import RoleMessages
import TarpitHarness

/// The greymoat-tarpit that was built beside the tests.
enum Program {
    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("greymoat-tarpit").path
}

extension TarpitHarness {
    /// Workers with an engine that a test scripts.
    static func scripted(
        addresses: [IPAddress] = [.ipv4Loopback], openFiles: Int? = nil, _ configure: (inout TarpitConfiguration) -> Void = { _ in }
    ) throws -> (TarpitHarness, ScriptedEngine) {
        let harness = try TarpitHarness(program: Program.path, addresses: addresses, openFiles: openFiles) {
            $0.stutter = .zero
            configure(&$0)
        }
        let engine = ScriptedEngine(harness.workers[0].link!)
        guard try engine.next() == .hello(worker: 0) else { throw Fault(description: "no hello") }
        return (harness, engine)
    }

    /// Workers without an engine: everybody is grey.
    static func alone(
        addresses: [IPAddress] = [.ipv4Loopback], workers: Int = 1, openFiles: Int? = nil,
        _ configure: (inout TarpitConfiguration) -> Void = { _ in }
    ) throws -> TarpitHarness {
        try TarpitHarness(program: Program.path, addresses: addresses, workers: workers, linked: false, openFiles: openFiles) {
            $0.stutter = .zero
            configure(&$0)
        }
    }
}
