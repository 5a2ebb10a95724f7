import Foundation
import LinuxIO
import TestSupport

/// The executables built beside these tests.
enum BuiltProduct {
    /// Where `swift build` put them: beside the test bundle, wherever the scratch path is.
    static let directory: String = {
        let arguments = CommandLine.arguments
        let bundle = arguments.firstIndex(of: "--test-bundle-path").map { arguments[$0 + 1] } ?? arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }()

    static func path(_ name: String) -> String { directory + "/" + name }

    static func exists(_ name: String) -> Bool { access(path(name), X_OK) == 0 }

    /// A copy that every user can reach, since a build directory need not be: made once, in a directory of its own.
    static func reachable(_ name: String) throws -> String {
        let place = try FakeEngine.temporaryDirectory()
        chmod(place, 0o755)
        let copy = place + "/" + name
        try FileManager.default.copyItem(atPath: path(name), toPath: copy)
        chmod(copy, 0o755)
        return copy
    }
}

/// A child process and what it says.
struct Spawned {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    private let process: LabProcess

    /// `environment`: beside the test's own.
    init(_ words: [String], environment: [String: String] = [:], input: String = "") throws {
        process = try LabProcess(words, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, input: input)
    }

    /// Waits for its end, a minute at most.
    func finish() throws -> Outcome {
        guard let status = process.waitForExit(within: .seconds(60)) else {
            process.kill()
            throw LabError("\(process.arguments.joined(separator: " ")) took more than a minute: \(process.output)\(process.log)")
        }
        return Outcome(status: status, output: process.output, errors: process.log)
    }
}
