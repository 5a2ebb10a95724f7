public import Addressing
public import WireFormat

/// What the tarpit tells the engine. The tarpit is considered hostile: every field is bounded here and validated again
/// by the engine, and nothing in it is trusted beyond "some stranger may have said so".
public enum TarpitReport: WireMessage, Hashable {
    /// First message on a new channel, and again after the engine was replaced: who speaks.
    case hello(worker: UInt16)
    /// A connection was accepted; the engine answers `EngineVerdict.verdict` with the same connection number. Also sent
    /// for every connection still held when a new engine takes over (`resumed`).
    case connected(Connected)
    /// A RCPT was answered 250. The engine answers `EngineVerdict.attempt` with the same sequence number once the
    /// tuple is committed and, on a pass or a sprung trap, the kernel has it.
    case recipient(Recipient)
    /// A null sender reached DATA: a trap named in this mail springs only now. `firstRecipient` is the sequence number of
    /// this mail's first RCPT, so that a trap named in an earlier mail (a call-out ended by RSET) stays unsprung.
    /// Answered as a recipient is.
    case dataReached(connection: UInt64, sequence: UInt32, firstRecipient: UInt32)
    /// A header line (From, To, Subject) of a black host's message, for the log.
    case header(connection: UInt64, line: [UInt8])
    /// The bounded wait for a commit ran out and the 451 went out unkept.
    case unkept(connection: UInt64, attempts: UInt32)
    /// The connection is gone.
    case disconnected(Disconnected)
    /// Counters since the last message of this kind, about once a second while there is something to say.
    case counters(TarpitCounters)

    public struct Connected: Hashable, Sendable {
        public var connection: UInt64
        public var address: IPAddress
        /// Where the client meant to go before redirection, nil when unknown.
        public var originalDestination: IPAddress?
        /// True when the connection was accepted before this engine came: it is counted, not logged again.
        public var resumed: Bool
        /// True when the connection was refused by a limit and is already being closed: the engine answers nothing, and
        /// nothing further is reported of it (no `disconnected` either).
        public var refused: Bool

        public init(connection: UInt64, address: IPAddress, originalDestination: IPAddress?, resumed: Bool = false, refused: Bool = false) {
            self.connection = connection
            self.address = address
            self.originalDestination = originalDestination
            self.resumed = resumed
            self.refused = refused
        }
    }

    public struct Recipient: Hashable, Sendable {
        public var connection: UInt64
        /// Counts reports of one connection from 1; the answer names it.
        public var sequence: UInt32
        /// As the client sent them, raw: at most `peerTextLimit` bytes each. From and To with their angle brackets.
        public var helo: [UInt8]
        public var from: [UInt8]
        public var to: [UInt8]
        /// The client talked before the banner was complete.
        public var earlyTalker: Bool

        public init(connection: UInt64, sequence: UInt32, helo: [UInt8], from: [UInt8], to: [UInt8], earlyTalker: Bool) {
            self.connection = connection
            self.sequence = sequence
            self.helo = helo
            self.from = from
            self.to = to
            self.earlyTalker = earlyTalker
        }
    }

    public struct Disconnected: Hashable, Sendable {
        public var connection: UInt64
        /// Whole seconds the connection lasted.
        public var seconds: UInt32

        public init(connection: UInt64, seconds: UInt32) {
            self.connection = connection
            self.seconds = seconds
        }
    }

    /// Bytes of HELO, MAIL or RCPT argument that travel at most: a command line's limit.
    public static let peerTextLimit = 2048
    /// Bytes of a header line that travel at most.
    public static let headerLimit = 512

    public static let version: UInt8 = 1
    public static let bodyLimit = 8192
}

/// What strangers did, counted. One place for all of it; names are what `greymoat status --json` shows.
public struct TarpitCounters: Hashable, Sendable {
    /// Values in the order of `Kind`.
    public var values: [UInt64]

    public enum Kind: Int, CaseIterable, Sendable {
        case accepted, refusedMaximum, refusedPerSource, earlyTalkers, pipelined, bareLineFeeds, bareCarriageReturns, nulBytes
        case eightBitBytes, overlongLines, unknownCommands, tooManyErrors, tooManyRecipients, idleTimeouts, sessionTimeouts
        case kept, unkept, tlsHandshakes, tlsFailures, tlsBudgetSpent, bytesIn, bytesOut, acceptErrors, smuggledEnds
    }

    public init() { values = Array(repeating: 0, count: Kind.allCases.count) }

    public subscript(kind: Kind) -> UInt64 {
        get { values[kind.rawValue] }
        set { values[kind.rawValue] = newValue }
    }

    public static func += (total: inout TarpitCounters, more: TarpitCounters) {
        for index in total.values.indices { total.values[index] &+= more.values[index] }
    }
}
