public import Addressing
public import Moments

/// One SMTP session of the tarpit (behaviour.md §4), without a socket or a clock: bytes, verdicts and time come in; replies
/// (through `transmit`), actions and counts go out.
///
/// The owner calls, in any order and as often as it likes:
/// `receive` with what arrived, `endOfInput` when the client shut its half, `apply` and `acknowledge` with what the engine says,
/// `advance` at or after `deadline`; and after any of these `transmit`, which hands out the bytes that may go now.
/// After `DialogueAction.close` only `senderClass` has a meaning.
///
/// It is compact, because a hundred thousand of them are held at once: no buffer while nothing is under way, and replies are
/// shared with all other dialogues through the context's book.
public struct SMTPDialogue: ~Copyable, Sendable {
    /// How the sender is treated now.
    public internal(set) var senderClass: SenderClass

    var stage: Stage
    var speech = Speech.silent
    var greeting = Greeting.none
    var transaction: Transaction?
    /// Received, not yet understood: a part of a line, or commands that wait for their turn.
    var input: [UInt8] = []
    var framer = LineFramer()

    public let client: IPAddress
    public let started: MonotonicTime
    /// When the last byte went either way.
    var lastByte: MonotonicTime
    /// The earliest time for the next byte of a stuttered reply.
    var nextByte: MonotonicTime

    /// Sequence numbers of reports: handed out, and no longer waited for.
    var reported: UInt32 = 0
    var settled: UInt32 = 0
    var unknownCommands: UInt8 = 0
    var flags: Flags = []

    enum Stage {
        case awaitingVerdict(until: MonotonicTime)
        case conversing
        /// Between 354 and the end of a message.
        case receiving(MessageBody)
        /// The last reply is under way; input is thrown away.
        case parting
        case handshaking(until: MonotonicTime)
        case closed
    }

    enum Speech {
        case silent
        /// DATA has come; whether it is answered 354 or 451 the engine may still change.
        case deciding(until: MonotonicTime)
        case replying(Reply)
    }

    enum Greeting {
        case none
        case given([UInt8])
    }

    /// A mail begun by MAIL.
    struct Transaction {
        var from: [UInt8]
        var recipients: UInt8 = 0
        var onlyPostmaster = true
        /// Sequence number of its first RCPT, 0 before there is one.
        var firstRecipient: UInt32 = 0
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let isEarlyTalker = Flags(rawValue: 1)
        static let saidBanner = Flags(rawValue: 2)
        static let isEncrypted = Flags(rawValue: 4)
        static let inputEnded = Flags(rawValue: 8)
        /// A message was refused with 451 and no other was begun since.
        static let refusedMessage = Flags(rawValue: 16)
        /// The socket took less than it was offered.
        static let isBlocked = Flags(rawValue: 32)
        /// The last DATA line had its carriage return, so a lone dot right behind it ends the message.
        static let dataEndedInCRLF = Flags(rawValue: 64)
    }

    /// A dialogue with a client accepted at `context.now`. The banner waits for `apply`, at most `DialogueLimits.verdictWait`.
    public init(client: IPAddress, _ context: borrowing DialogueContext) {
        senderClass = context.settings.blacklistOnly ? .annoyed : .grey
        stage = .awaitingVerdict(until: context.now.after(Span.verdictWait))
        self.client = client
        started = context.now
        lastByte = context.now
        nextByte = context.now
    }

    /// The engine says, or says anew, what kind of sender this is.
    public mutating func apply(_ verdict: SenderClass, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        switch (senderClass, verdict) {
        case (.trapped, .black): break  // The connection that springs a trap ends in 450, whatever an engine that came later thinks.
        default: senderClass = verdict
        }
        if case .awaitingVerdict = stage { sayBanner(context) }
    }

    /// The engine has kept everything reported up to `sequence`.
    public mutating func acknowledge(upTo sequence: UInt32, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        let acknowledged = min(sequence, reported)
        guard acknowledged > settled else { return }
        outbox.counts.kept += UInt64(acknowledged - settled)
        settled = acknowledged
        if settled == reported, case .deciding = speech { decideData(context, &outbox) }
    }

    /// What was reported and not acknowledged will never be: the engine cannot be told. Nothing waits for it.
    public mutating func abandonReports(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        giveUpWaiting(&outbox)
        if case .deciding = speech { decideData(context, &outbox) }
    }

    /// Time has passed: to be called when `deadline` has come. Calling it early or late does no harm.
    public mutating func advance(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        let now = context.now
        switch stage {
        case .closed: return
        case .awaitingVerdict(let until):
            if now >= until { sayBanner(context) }
            return
        case .handshaking(let until):
            if now >= until { close(&outbox) }
            return
        case .conversing, .receiving, .parting: break
        }
        if now >= sessionEnd {
            endSession(context, &outbox)
        } else if now >= idleEnd {
            endIdleness(context, &outbox)
        } else if case .deciding(let until) = speech, now >= until {
            decideData(context, &outbox)
        }
    }

    /// When `advance` (and `transmit` behind it) is due. It moves with every call; it may have passed.
    public func deadline(_ context: borrowing DialogueContext) -> MonotonicTime {
        switch stage {
        case .awaitingVerdict(let until), .handshaking(let until): return until
        case .closed: return context.now
        case .conversing, .receiving, .parting: break
        }
        let limit = min(idleEnd, isTakingLeave ? hardEnd : sessionEnd)
        switch speech {
        case .silent: return limit
        case .deciding(let until): return min(limit, until)
        case .replying(let reply): return min(limit, nextTransmission(of: reply, context))
        }
    }

    /// The TLS handshake is done: the session begins anew, without a banner (RFC 3207 §4.2).
    public mutating func handshakeFinished(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        guard case .handshaking = stage else { return }
        stage = .conversing
        lastByte = context.now
        flags.insert(.isEncrypted)
        greeting = .none
        transaction = nil
        flags.remove(.refusedMessage)
    }

    /// The TLS handshake failed or the owner gave it up.
    public mutating func handshakeFailed(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        guard case .handshaking = stage else { return }
        close(&outbox)
    }

    /// Between `DialogueAction.startTLS` and its answer.
    public var isShakingHands: Bool {
        if case .handshaking = stage { true } else { false }
    }

    mutating func close(_ outbox: inout DialogueOutbox) {
        stage = .closed
        speech = .silent
        input = []
        outbox.actions.append(.close)
    }
}
