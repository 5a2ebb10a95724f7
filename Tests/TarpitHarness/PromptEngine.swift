public import Addressing
internal import Glibc
internal import LinuxIO
public import RoleMessages

/// An engine that answers at once: everyone is of one class, but for those named, and every report is kept.
public struct PromptEngine: ~Copyable {
    private var links: [Link]
    private let manners: Manners

    public static let trapMessage = "Your address %A has mailed to spamtraps here"

    /// Who is what.
    public struct Manners: Sendable {
        public var senderClass = EngineVerdict.SenderClass.grey
        /// White, whatever the others are.
        public var white: Set<IPAddress> = []
        /// Whoever names a recipient has sprung a trap.
        public var trapsAtRecipient = false
        /// Each connection is told on standard output: `CLIENT meant DESTINATION`, or `CLIENT meant nobody knows`.
        public var tellsDestinations = false

        public init() {}
    }

    private final class Link {
        var channel: StreamChannel<TarpitReport, EngineVerdict>
        init(_ channel: consuming StreamChannel<TarpitReport, EngineVerdict>) { self.channel = channel }
    }

    /// Takes the engine's ends of the links.
    public init(_ links: [TarpitHarness.FileDescriptorBox], _ manners: Manners) throws {
        self.links = try links.map { Link(try StreamChannel(FileDescriptor(owning: dup($0.descriptor.number)))) }
        self.manners = manners
    }

    /// Serves until every link is closed.
    public mutating func run() throws {
        var epoll = try Epoll()
        for (number, link) in links.enumerated() { try epoll.add(link.channel.descriptor.number, .readable, token: UInt64(number)) }
        var open = links.count
        while open > 0 {
            for index in 0..<(try epoll.wait(timeout: nil)) {
                let link = links[Int(epoll.event(index).token)]
                if try answer(link) { continue }
                try epoll.remove(link.channel.descriptor.number)
                open -= 1
            }
        }
    }

    private func answer(_ link: Link) throws -> Bool {
        var reports: [TarpitReport] = []
        let result = try link.channel.receive { (report) throws(ChannelError) in reports.append(report) }
        for report in reports {
            switch report {
            case .connected(let connected) where !connected.refused:
                if manners.tellsDestinations {
                    print("\(connected.address) meant \(connected.originalDestination?.description ?? "nobody knows")")
                    fflush(nil)
                }
                let senderClass = manners.white.contains(connected.address) ? .white : manners.senderClass
                _ = link.channel.enqueue(.verdict(connection: connected.connection, senderClass))
            case .recipient(let recipient):
                if manners.trapsAtRecipient {
                    _ = link.channel.enqueue(.verdict(connection: recipient.connection, .trapped(messages: [Self.trapMessage])))
                }
                _ = link.channel.enqueue(.attempt(connection: recipient.connection, sequence: recipient.sequence))
            case .dataReached(let connection, let sequence, _):
                _ = link.channel.enqueue(.attempt(connection: connection, sequence: sequence))
            case .hello, .connected, .header, .unkept, .disconnected, .counters: break
            }
        }
        _ = try link.channel.flush()
        return result != .closed
    }
}
