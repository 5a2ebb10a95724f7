internal import Addressing
internal import Moments
internal import SMTPDialogue

/// One dialogue with its surroundings, and the properties that hold whatever happens.
struct Subject: ~Copyable {
    private var dialogue: SMTPDialogue
    /// Behind a pointer, so that lending it to the dialogue never copies it.
    private let world: UnsafeMutablePointer<DialogueContext>
    private var outbox = DialogueOutbox()
    private let drips: Bool
    private var pieces: UInt8 = 0
    /// What the client has said and the dialogue has not taken yet, from `taken` on.
    private var unsent: [UInt8] = []
    private var taken = 0
    /// The client has ended its half.
    private var saidAll = false
    private var socketRoom = Int.max
    private var sequence: UInt32 = 0
    private var line: [UInt8] = []
    /// Some verdict allowed a rejection.
    private var wasBlack = false

    private(set) var output: [UInt8] = []
    private(set) var reports: [DialogueAction] = []
    private(set) var isClosed = false

    init(_ context: DialogueContext, drips: Bool) {
        world = .allocate(capacity: 1)
        world.initialize(to: context)
        dialogue = SMTPDialogue(client: IPAddress(ipv4: 0xC000_0207), world.pointee)
        self.drips = drips
    }

    deinit {
        world.deinitialize(count: 1)
        world.deallocate()
    }

    mutating func forget() {
        output.removeAll(keepingCapacity: true)
        reports.removeAll(keepingCapacity: true)
    }

    mutating func live(through step: Program.Step) {
        switch step {
        case .receive(let bytes): if !saidAll { unsent += bytes }
        case .wait(let duration): pass(duration)
        case .verdict(let verdict):
            switch verdict {
            case .black, .trapped: wasBlack = true
            case .grey, .white, .annoyed: break
            }
            dialogue.apply(verdict, world.pointee, &outbox)
        case .acknowledge(let sequence): dialogue.acknowledge(upTo: sequence, world.pointee, &outbox)
        case .endOfInput:
            // The socket reports its end behind its bytes.
            if taken == unsent.count, !saidAll {
                saidAll = true
                dialogue.endOfInput(world.pointee, &outbox)
            }
        case .socketRoom(let room): socketRoom = room
        case .engineCannotBeTold: dialogue.abandonReports(world.pointee, &outbox)
        case .tlsBudget(let left): world.pointee.hasTLSBudget = left
        case .crowded(let crowded): world.pointee.isCrowded = crowded
        case .tooManyBlack(let tooMany): world.pointee.hasTooManyBlack = tooMany
        case .handshakeFinished: dialogue.handshakeFinished(world.pointee, &outbox)
        case .handshakeFailed: dialogue.handshakeFailed(world.pointee, &outbox)
        case .settings(let other): replaceSettings(other)
        }
        rest()
    }

    /// What `DialogueContext.replaceSettings` does, with replies composed before.
    private mutating func replaceSettings(_ other: DialogueContext) {
        var replaced = other
        replaced.advance(to: world.pointee.now, wall: UnixTime(1_795_243_073))
        replaced.hasTLSBudget = world.pointee.hasTLSBudget
        replaced.isCrowded = world.pointee.isCrowded
        replaced.hasTooManyBlack = world.pointee.hasTooManyBlack
        world.pointee = replaced
    }

    /// Everything that can happen without a byte more or a moment later. Must come to an end.
    private mutating func rest() {
        for _ in 0..<20_000 {
            take()
            if isClosed { return }
            let before = output.count
            dialogue.transmit(world.pointee, &outbox) { bytes in
                precondition(!bytes.isEmpty, "nothing was to be written")
                let count = min(bytes.count, socketRoom)
                if socketRoom != .max { socketRoom -= count }
                output += bytes[..<count]
                return count
            }
            check(output[before...])
            let acted = !outbox.actions.isEmpty
            take()
            if isClosed { return }
            let fed = feed()
            if output.count > before || acted || fed { continue }
            guard dialogue.deadline(world.pointee) <= world.pointee.now else { return }
            dialogue.advance(world.pointee, &outbox)
            if socketRoom == 0, outbox.actions.isEmpty { return }
        }
        preconditionFailure("it never comes to rest")
    }

    private mutating func feed() -> Bool {
        let room = dialogue.inputRoom
        precondition(0...65_536 ~= room, "impossible room")
        let waiting = unsent.count - taken
        guard room > 0, waiting > 0 else { return false }
        let size = min(room, drips ? nextPiece(of: waiting) : waiting)
        let count = unsent.withUnsafeBytes { [world, taken] in
            dialogue.receive(UnsafeRawBufferPointer(rebasing: $0[taken..<(taken + size)]), world.pointee, &outbox)
        }
        precondition(0...size ~= count, "took more than there was room for")
        taken += count
        if taken == unsent.count {
            unsent.removeAll(keepingCapacity: true)
            taken = 0
        }
        return count > 0
    }

    /// Byte by byte at first, then in odd pieces: byte by byte to the end would take most of the time and tell little more.
    private mutating func nextPiece(of waiting: Int) -> Int {
        pieces &+= 1
        return min(waiting, waiting > 512 ? 61 : pieces < 16 ? 1 : [1, 2, 7, 3, 1, 5, 4, 11][Int(pieces & 7)])
    }

    private mutating func pass(_ duration: Duration) {
        let end = world.pointee.now + duration
        for _ in 0..<20_000 {
            if isClosed { return }
            let next = dialogue.deadline(world.pointee)
            guard next <= end else { break }
            world.pointee.advance(to: max(next, world.pointee.now + .nanoseconds(1)), wall: UnixTime(1_795_243_073))
            dialogue.advance(world.pointee, &outbox)
            rest()
        }
        if world.pointee.now < end { world.pointee.advance(to: end, wall: UnixTime(1_795_243_073)) }
        if !isClosed { dialogue.advance(world.pointee, &outbox) }
    }

    private mutating func take() {
        for action in outbox.actions {
            precondition(!isClosed, "acted after its end")
            switch action {
            case .reportRecipient(let report):
                sequence += 1
                precondition(report.sequence == sequence, "a sequence number was left out")
                precondition(report.to.first == UInt8(ascii: "<") && report.to.last == UInt8(ascii: ">") && report.to.count > 2)
                precondition(report.from.first == UInt8(ascii: "<") && report.from.last == UInt8(ascii: ">") && report.from.count >= 2)
                precondition(report.to.count <= DialogueLimits.commandLine && report.from.count <= DialogueLimits.commandLine)
                precondition(!report.helo.isEmpty && report.helo.count <= DialogueLimits.commandLine)
            case .reportDataReached(let number, let firstRecipient):
                sequence += 1
                precondition(number == sequence && 1..<number ~= firstRecipient, "a sequence number was left out")
            case .reportHeader(let line): precondition(line.count <= DialogueLimits.headerLine && !line.contains(10))
            case .reportUnkept(let attempts): precondition(1...sequence ~= attempts, "more unkept than reported")
            case .reserveTLS, .startTLS: break
            case .close: isClosed = true
            }
            reports.append(action)
        }
        outbox.actions.removeAll(keepingCapacity: true)
    }

    private static let codes: Set = [214, 220, 221, 250, 252, 354, 421, 450, 451, 452, 454, 500, 501, 502, 503, 550]

    /// Every line said is an SMTP reply line, and no grey host is refused for good.
    private mutating func check(_ said: ArraySlice<UInt8>) {
        for byte in said {
            line.append(byte)
            guard byte == 10 else {
                precondition(0x20...0x7E ~= byte || byte == 13, "a reply with a strange byte")
                precondition(line.count < DialogueLimits.replyLine, "a reply line too long")
                continue
            }
            precondition(line.count >= 6 && line[line.count - 2] == 13, "a reply line without CRLF")
            let code = line[..<3].reduce(0) { $0 * 10 + Int($1) - 48 }
            precondition(Self.codes.contains(code), "an unknown code")
            precondition(line[3] == UInt8(ascii: " ") || line[3] == UInt8(ascii: "-"))
            precondition(wasBlack || (code != 550 && code != 450), "a grey host was rejected")
            line.removeAll(keepingCapacity: true)
        }
    }
}
