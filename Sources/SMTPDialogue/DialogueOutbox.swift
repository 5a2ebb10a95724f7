/// What a dialogue wants done. The owner keeps one outbox, hands it to every call and empties it afterwards, so that a busy
/// loop allocates nothing for it.
public struct DialogueOutbox: Sendable {
    public var actions: [DialogueAction] = []
    /// What strangers did since the owner last took the counts.
    public var counts = DialogueCounts()

    public init() {}
}

public enum DialogueAction: Hashable, Sendable {
    /// A RCPT is being answered 250: tell the engine.
    case reportRecipient(RecipientReport)
    /// A null sender reached DATA; `firstRecipient` is the sequence number of this mail's first RCPT.
    case reportDataReached(sequence: UInt32, firstRecipient: UInt32)
    /// A From, To or Subject line of a black host's message, without its line end.
    case reportHeader([UInt8])
    /// The bounded wait ran out with so many reports unacknowledged.
    case reportUnkept(attempts: UInt32)
    /// STARTTLS is being answered 220: from now to its end the connection counts against the TLS budget.
    case reserveTLS
    /// The 220 to STARTTLS is out: the next byte from the client belongs to the handshake. Answered by
    /// `handshakeFinished` or `handshakeFailed`.
    case startTLS
    /// Everything is said: shut down, drain, close. No further call is needed.
    case close
}

/// What a RCPT said. The three texts are raw bytes as the client sent them, From and To reduced to the address in its
/// angle brackets.
public struct RecipientReport: Hashable, Sendable {
    /// Counts the reports of one connection from 1.
    public var sequence: UInt32
    public var helo: [UInt8]
    public var from: [UInt8]
    public var to: [UInt8]
    /// The client talked before the banner was complete.
    public var earlyTalker: Bool

    public init(sequence: UInt32, helo: [UInt8], from: [UInt8], to: [UInt8], earlyTalker: Bool) {
        self.sequence = sequence
        self.helo = helo
        self.from = from
        self.to = to
        self.earlyTalker = earlyTalker
    }
}

/// Bad and good behaviour, counted in one place.
public struct DialogueCounts: Hashable, Sendable {
    public var earlyTalkers: UInt64 = 0
    /// Commands that had arrived before the one ahead of them was answered.
    public var pipelined: UInt64 = 0
    /// Lines that end without a carriage return.
    public var bareLineFeeds: UInt64 = 0
    public var bareCarriageReturns: UInt64 = 0
    public var nulBytes: UInt64 = 0
    public var eightBitBytes: UInt64 = 0
    public var overlongLines: UInt64 = 0
    public var unknownCommands: UInt64 = 0
    /// Dialogues ended because of too many of them.
    public var tooManyErrors: UInt64 = 0
    /// RCPTs answered 452.
    public var tooManyRecipients: UInt64 = 0
    public var idleTimeouts: UInt64 = 0
    public var sessionTimeouts: UInt64 = 0
    /// Reports acknowledged in time.
    public var kept: UInt64 = 0
    public var unkept: UInt64 = 0
    /// STARTTLS answered 454.
    public var tlsBudgetSpent: UInt64 = 0
    /// Lone dots in a message that some servers would take for its end and we do not.
    public var smuggledEnds: UInt64 = 0

    public init() {}
}
