import Addressing
import Moments
import SMTPDialogue

/// Drives one dialogue with model time, as a server would, and remembers what came out of it and when.
final class DialogueDriver {
    var dialogue: SMTPDialogue
    var context: DialogueContext
    var outbox = DialogueOutbox()
    private(set) var output: [UInt8] = []
    /// The time of each byte of `output`, since the connection began.
    private(set) var times: [Duration] = []
    private(set) var actions: [DialogueAction] = []
    /// The engine answers every report at once.
    var acknowledges = true
    /// Bytes the client's socket takes in one call.
    var socketRoom = Int.max
    private let start: MonotonicTime

    static let client = IPAddress("192.0.2.7")!

    init(
        _ settings: DialogueSettings = .plain, verdict: SenderClass? = .grey, client: IPAddress = DialogueDriver.client
    ) {
        start = MonotonicTime(nanoseconds: 7_000_000_000)
        context = DialogueContext(settings, now: start, wall: UnixTime(1_700_000_000))
        dialogue = SMTPDialogue(client: client, context)
        if let verdict { apply(verdict) }
    }

    var elapsed: Duration { context.now - start }
    var isClosed: Bool { actions.contains(.close) }

    var text: String { String(decoding: output, as: UTF8.self) }

    /// What was said since the last call.
    func takeText() -> String {
        defer {
            output = []
            times = []
        }
        return text
    }

    var recipients: [RecipientReport] {
        actions.compactMap { if case .reportRecipient(let report) = $0 { report } else { nil } }
    }

    func apply(_ verdict: SenderClass) {
        dialogue.apply(verdict, context, &outbox)
        pump()
    }

    func acknowledge(_ sequence: UInt32) {
        dialogue.acknowledge(upTo: sequence, context, &outbox)
        pump()
    }

    /// The client sends `text`, in pieces of `pieces` bytes. What the dialogue does not take waits, and time goes on until it does.
    func send(_ text: String, pieces: Int = .max) { send(Array(text.utf8), pieces: pieces) }

    func send(_ bytes: [UInt8], pieces: Int = .max) {
        var rest = bytes[...]
        while !rest.isEmpty && !isClosed {
            let taken = rest.prefix(min(pieces, 1 << 20)).withUnsafeBytes { dialogue.receive($0, context, &outbox) }
            rest = rest.dropFirst(taken)
            pump()
            if taken == 0 { step() }
        }
    }

    /// A command and the whole reply to it.
    func ask(_ line: String) -> String {
        settle()
        _ = takeText()
        send(line + "\r\n")
        settle()
        return takeText()
    }

    /// Lets time pass until the dialogue has nothing more to say by itself.
    func settle() {
        while !isClosed, dialogue.deadline(context) < context.now + .seconds(20) { step() }
    }

    /// On to the next deadline.
    func step() {
        let deadline = max(dialogue.deadline(context), context.now)
        move(to: deadline)
    }

    func wait(_ duration: Duration) {
        let end = context.now + duration
        while !isClosed, dialogue.deadline(context) <= end {
            let before = context.now
            step()
            if context.now == before && dialogue.deadline(context) <= before { break }
        }
        move(to: end)
    }

    func endOfInput() {
        dialogue.endOfInput(context, &outbox)
        pump()
    }

    func move(to time: MonotonicTime) {
        context.advance(to: time, wall: UnixTime(1_700_000_000) + (time - start))
        guard !isClosed else { return }
        dialogue.advance(context, &outbox)
        pump()
    }

    func pump() {
        guard !isClosed else { return }
        repeat {
            var sent: [UInt8] = []
            let room = socketRoom
            dialogue.transmit(context, &outbox) { bytes in
                let count = min(bytes.count, room)
                sent += bytes.prefix(count)
                return count
            }
            output += sent
            times += Array(repeating: elapsed, count: sent.count)
        } while drain()
    }

    /// Takes the actions; true when something was acknowledged, so that more may be said.
    private func drain() -> Bool {
        let arrived = outbox.actions
        outbox.actions = []
        actions += arrived
        var highest: UInt32 = 0
        for action in arrived {
            switch action {
            case .reportRecipient(let report): highest = report.sequence
            case .reportDataReached(let sequence, _): highest = sequence
            case .reportHeader, .reportUnkept, .reserveTLS, .startTLS, .close: break
            }
        }
        guard acknowledges && highest > 0 else { return false }
        dialogue.acknowledge(upTo: highest, context, &outbox)
        return true
    }
}

extension DialogueSettings {
    /// Without stutter.
    static let plain = DialogueSettings(hostname: "mx.example.org", stutter: .zero)
    static let slow = DialogueSettings(hostname: "mx.example.org", stutter: .seconds(1), greyStutter: .seconds(10))
}
