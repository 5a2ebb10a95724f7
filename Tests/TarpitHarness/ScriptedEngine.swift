internal import Glibc
internal import LinuxIO
public import RoleMessages
internal import WireFormat

/// An engine that says what a test tells it to, and nothing else.
public final class ScriptedEngine {
    private let box: TarpitHarness.FileDescriptorBox
    private var decoder = TarpitReport.decoder()

    public init(_ link: TarpitHarness.FileDescriptorBox) { box = link }

    /// The next report; waits for it, ten seconds at most. Counters are passed over unless asked for.
    public func next(counters: Bool = false) throws -> TarpitReport {
        while true {
            while let frame = try decoder.next() {
                let report = try TarpitReport(decoding: frame)
                if case .counters = report, !counters { continue }
                return report
            }
            var waited = pollfd(fd: box.descriptor.number, events: Int16(POLLIN), revents: 0)
            guard poll(&waited, 1, 10_000) == 1 else { throw TarpitHarness.Fault(description: "the tarpit reported nothing") }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            guard let count = try box.descriptor.read(&buffer), count > 0 else {
                throw TarpitHarness.Fault(description: "the tarpit closed its link")
            }
            decoder.append(buffer[..<count])
        }
    }

    public func send(_ verdict: EngineVerdict) throws { try box.descriptor.writeAll(verdict.packet()) }

    /// Takes the next report, which must be a connection, and answers what it is.
    public func admit(_ senderClass: EngineVerdict.SenderClass = .grey) throws -> TarpitReport.Connected {
        guard case .connected(let connected) = try next() else { throw TarpitHarness.Fault(description: "expected a connection") }
        try send(.verdict(connection: connected.connection, senderClass))
        return connected
    }
}
