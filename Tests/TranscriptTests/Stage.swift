import Addressing
import Moments
import SMTPDialogue

/// A dialogue with its surroundings played by a transcript: the clock, the engine, the network.
struct Stage: ~Copyable {
    private var dialogue: SMTPDialogue
    private var context: DialogueContext
    private var outbox = DialogueOutbox()
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private let engine: Engine

    /// Sat, 21 Nov 2026 06:37:53 +0000, which a transcript writes as `<date>`.
    static let wall = UnixTime(1_795_243_073)
    static let date = "Sat, 21 Nov 2026 06:37:53 +0000"

    /// Bytes sent and not yet compared.
    var output: [UInt8] = []
    /// Facts reported and not yet compared.
    var facts: [String] = []
    private(set) var isClosed = false
    private(set) var counts = DialogueCounts()
    private var unsent: [UInt8] = []
    private var readsNothing = false

    /// How what the client says is cut up.
    enum Chunking: String, CaseIterable, Sendable {
        /// As polite clients do: a line, byte by byte, then its reply.
        case byteByByte
        /// A line as a whole.
        case lineByLine
        /// Pieces of odd sizes that know nothing of lines, sent ahead of the replies.
        case several
        /// All that is said up to the next thing that happens, at once.
        case whole
    }

    private enum Engine: String {
        /// Keeps and acknowledges at once.
        case prompt
        /// Says what `E:` lines say, nothing else.
        case scripted
    }

    init(_ transcript: Transcript) throws {
        var settings = DialogueSettings(hostname: "mx.example.org", stutter: .zero)
        var client = IPAddress("192.0.2.7")!
        var engine = Engine.prompt
        var kind = "grey"
        let lists = transcript.values("list")
        for (key, value) in transcript.settings {
            switch (key, value) {
            case ("hostname", _): settings.hostname = value
            case ("banner", _): settings.banner = value
            case ("persona", "spamd"): settings.persona = .spamd
            case ("persona", "polite"): settings.persona = .polite
            case ("ehlo", _): settings.ehlo.append(value)
            case ("stutter", _): settings.stutter = try Transcript.duration(value)
            case ("grey-stutter", _): settings.greyStutter = try Transcript.duration(value)
            case ("error-code", "450"): settings.rejectsPermanently = false
            case ("error-code", "550"): settings.rejectsPermanently = true
            case ("headers", "reported"): settings.reportsHeaders = true
            case ("headers", "ignored"): settings.reportsHeaders = false
            case ("mode", "blacklist-only"): settings.blacklistOnly = true
            case ("tls", "offered"): settings.offersTLS = true
            case ("engine", _):
                guard let named = Engine(rawValue: value) else { throw Transcript.Fault(description: "no such engine: \(value)") }
                engine = named
            case ("client", _):
                guard let address = IPAddress(value) else { throw Transcript.Fault(description: "not an address: \(value)") }
                client = address
            case ("class", _): kind = value
            case ("list", _), ("cut", "as written"): break
            default: throw Transcript.Fault(description: "\(transcript.name): unknown setting \(key): \(value)")
            }
        }
        let verdict = kind == "unknown" ? nil : try Self.senderClass(kind, lists)
        self.engine = engine
        context = DialogueContext(settings, now: start, wall: Self.wall)
        dialogue = SMTPDialogue(client: client, context)
        if let verdict { apply(verdict) }
        pump()
    }

    private static func senderClass(_ name: String, _ messages: [String]) throws -> SenderClass {
        switch name {
        case "grey": return .grey
        case "white": return .white
        case "black": return .black(messages: messages)
        case "trapped": return .trapped(messages: messages)
        case "annoyed": return .annoyed
        default: throw Transcript.Fault(description: "no such class: \(name)")
        }
    }

    private mutating func apply(_ senderClass: SenderClass) {
        dialogue.apply(senderClass, context, &outbox)
        pump()
    }

    /// Everything that can happen without a byte more or a moment later.
    private mutating func pump() {
        for _ in 0..<100_000 {
            let before = output.count
            if !isClosed {
                dialogue.transmit(context, &outbox) { bytes in
                    if readsNothing { return 0 }
                    output += bytes
                    return bytes.count
                }
            }
            let wasQuiet = outbox.actions.isEmpty
            takeActions()
            if isClosed { return }
            let sent = feedUnsent()
            if output.count > before || !wasQuiet || sent { continue }
            guard dialogue.deadline(context) <= context.now, !readsNothing else { return }
            dialogue.advance(context, &outbox)
        }
        preconditionFailure("the dialogue never comes to rest")
    }

    private mutating func takeActions() {
        let actions = outbox.actions
        outbox.actions.removeAll()
        counts = outbox.counts
        for action in actions {
            switch action {
            case .reportRecipient(let report):
                facts.append(
                    "recipient \(report.sequence) \(text(report.from)) -> \(text(report.to)) helo \(text(report.helo))"
                        + (report.earlyTalker ? " early" : ""))
                if engine == .prompt { dialogue.acknowledge(upTo: report.sequence, context, &outbox) }
            case .reportDataReached(let sequence, let firstRecipient):
                facts.append("data reached \(sequence) first \(firstRecipient)")
                if engine == .prompt { dialogue.acknowledge(upTo: sequence, context, &outbox) }
            case .reportHeader(let line): facts.append("header \(text(line))")
            case .reportUnkept(let attempts): facts.append("unkept \(attempts)")
            case .reserveTLS: break  // Counted by the server; the answer says the same.
            case .startTLS: facts.append("tls begins")
            case .close: isClosed = true
            }
        }
    }

    private func text(_ bytes: [UInt8]) -> String {
        bytes.map { 0x20...0x7E ~= $0 ? String(UnicodeScalar($0)) : "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What `receive` would not take before.
    private mutating func feedUnsent() -> Bool {
        guard !unsent.isEmpty, !isClosed else { return false }
        let room = dialogue.inputRoom
        guard room > 0 else { return false }
        let taken = unsent.withUnsafeBytes { dialogue.receive(UnsafeRawBufferPointer(rebasing: $0.prefix(room)), context, &outbox) }
        unsent.removeFirst(taken)
        return taken > 0
    }

    /// The client sends `bytes` in one piece.
    mutating func send(_ bytes: some Sequence<UInt8>) {
        guard !isClosed else { return }
        unsent += bytes
        pump()
    }

    /// Bytes that the dialogue has not taken, for want of room.
    var waiting: Int { isClosed ? 0 : unsent.count }

    mutating func pass(_ duration: Duration) {
        let end = context.now + duration
        while !isClosed {
            let next = dialogue.deadline(context)
            guard next <= end else { break }
            context.advance(to: max(next, context.now), wall: Self.wall)
            dialogue.advance(context, &outbox)
            pump()
            // A deadline that does not move would be an endless loop in the server, too.
            precondition(isClosed || readsNothing || dialogue.deadline(context) > next, "the deadline does not move")
            if readsNothing && dialogue.deadline(context) <= next { break }
        }
        context.advance(to: end, wall: Self.wall)
        if !isClosed {
            dialogue.advance(context, &outbox)
            pump()
        }
    }

    /// An `E:` line.
    mutating func engineSays(_ text: String) throws {
        let words = text.split(separator: " ", maxSplits: 2)
        switch words.first {
        case "verdict" where words.count >= 2:
            apply(try Self.senderClass(String(words[1]), words.count == 3 ? [String(words[2])] : []))
        case "kept" where words.count == 2:
            guard let sequence = UInt32(words[1]) else { throw Transcript.Fault(description: "not a number: \(text)") }
            dialogue.acknowledge(upTo: sequence, context, &outbox)
            pump()
        default: throw Transcript.Fault(description: "the engine cannot say: \(text)")
        }
    }

    /// A `!` line.
    mutating func happen(_ text: String) throws {
        switch text {
        case "client ends its half": dialogue.endOfInput(context, &outbox)
        case "client stops reading": readsNothing = true
        case "client reads again": readsNothing = false
        case "tls established": dialogue.handshakeFinished(context, &outbox)
        case "tls fails": dialogue.handshakeFailed(context, &outbox)
        case "tls budget is spent": context.hasTLSBudget = false
        case "slots are nearly taken": context.isCrowded = true
        case "slots are free again": context.isCrowded = false
        case "too many black hosts": context.hasTooManyBlack = true
        case "fewer black hosts": context.hasTooManyBlack = false
        case "engine cannot be told": dialogue.abandonReports(context, &outbox)
        default: throw Transcript.Fault(description: "cannot happen: \(text)")
        }
        pump()
    }
}
