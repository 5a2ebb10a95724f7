internal import CTestSupport
internal import Foundation
internal import Glibc

/// A process of the lab, with all it writes kept. Ended, and waited for, with its lab at the latest.
public final class LabProcess: Sendable {
    public let pid: Int32
    public let arguments: [String]
    private let state = Guarded(State())

    private struct State {
        var output: [UInt8] = []
        var log: [UInt8] = []
        var open = 2
        var status: Int32?
    }

    /// Starts a process outside any host, in the test's own namespaces.
    public convenience init(_ arguments: [String], environment: [String: String]? = nil, descriptors: [Int32] = [], input: String = "")
        throws
    {
        try self.init(arguments, network: Int32(GMT_NETWORK_SAME), environment: environment, descriptors: descriptors, input: input)
    }

    init(
        _ arguments: [String], network: Int32, environment: [String: String]? = nil, descriptors: [Int32] = [], input: String = ""
    ) throws {
        var pipes: [Int32] = []
        defer { pipes.forEach { close($0) } }
        func pipe() throws {
            var pair: [Int32] = [-1, -1]
            guard gmt_pipe(&pair) == 0 else { throw LabError.last("make a pipe") }
            pipes += pair
        }
        for _ in 0..<3 { try pipe() }
        let pid = LabHost.spawn(network, arguments, environment, [pipes[0], pipes[3], pipes[5]] + descriptors)
        guard pid > 0 else { throw LabError.last("start \(arguments.joined(separator: " "))") }
        self.pid = pid
        self.arguments = arguments
        let (standardInput, output, errors) = (pipes[1], pipes[2], pipes[4])
        pipes = [pipes[0], pipes[3], pipes[5]]
        let state = state
        Self.follow(output) { bytes in
            state.with { bytes.isEmpty ? $0.open -= 1 : $0.output.append(contentsOf: bytes) }
        }
        Self.follow(errors) { bytes in
            state.with { bytes.isEmpty ? $0.open -= 1 : $0.log.append(contentsOf: bytes) }
        }
        Thread.detachNewThread {
            // Who ends without reading all of it is no reason for us to end.
            var pipeSignal = sigset_t()
            sigemptyset(&pipeSignal)
            sigaddset(&pipeSignal, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &pipeSignal, nil)
            var bytes = Array(input.utf8)[...]
            while !bytes.isEmpty {
                let count = bytes.withUnsafeBytes { write(standardInput, $0.baseAddress, $0.count) }
                if count <= 0 { break }
                bytes = bytes.dropFirst(count)
            }
            close(standardInput)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            let code = gmt_exit_status(status)
            state.with { $0.status = code }
        }
    }

    private static func follow(_ descriptor: Int32, _ take: @escaping @Sendable (ArraySlice<UInt8>) -> Void) {
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                take(buffer[..<max(0, count)])
                if count <= 0 { break }
            }
            close(descriptor)
        }
    }

    /// What it wrote to standard output so far.
    public var output: String { state.with { String(decoding: $0.output, as: UTF8.self) } }
    /// What it wrote to standard error so far.
    public var log: String { state.with { String(decoding: $0.log, as: UTF8.self) } }
    public var isRunning: Bool { state.with { $0.status == nil } }

    /// Waits until standard error holds `text`; throws with all it wrote when it ends or `limit` passes first.
    public func waitForLog(_ text: String, within limit: Duration = .seconds(10)) throws {
        try wait(for: text, in: { $0.log }, within: limit)
    }

    /// The same of standard output.
    public func waitForOutput(_ text: String, within limit: Duration = .seconds(10)) throws {
        try wait(for: text, in: { $0.output }, within: limit)
    }

    private func wait(for text: String, in stream: (State) -> [UInt8], within limit: Duration) throws {
        let found = state.wait(within: limit) { state -> Bool? in
            if String(decoding: stream(state), as: UTF8.self).contains(text) { return true }
            return state.status != nil && state.open == 0 ? false : nil
        }
        guard found == true else {
            throw LabError("\(arguments[0]) did not say \"\(text)\" within \(limit)\(isRunning ? "" : " and has ended"); it said: \(log)")
        }
    }

    /// Waits for the end, all output taken: the exit status, or 128 + the signal; nil when `limit` passes first.
    public func waitForExit(within limit: Duration = .seconds(10)) -> Int32? {
        let status = state.wait(within: limit) { $0.status }
        guard let status else { return nil }
        // A grandchild may still hold the pipes: what is not there soon is not this process's.
        _ = state.wait(within: .seconds(1)) { $0.open == 0 ? true : nil }
        return status
    }

    public func signal(_ number: Int32) {
        // Under the lock the process is either not yet waited for, and the pid its own, or known to be gone.
        state.with { if $0.status == nil { Glibc.kill(pid, number) } }
    }

    /// SIGTERM, and SIGKILL when that does not end it within `limit`. Gives the exit status.
    @discardableResult
    public func terminate(within limit: Duration = .seconds(5)) -> Int32 {
        signal(SIGTERM)
        if let status = waitForExit(within: limit) { return status }
        return kill()
    }

    @discardableResult
    public func kill() -> Int32 {
        signal(SIGKILL)
        return waitForExit(within: .seconds(10)) ?? -1
    }
}
