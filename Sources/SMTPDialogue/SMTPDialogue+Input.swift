extension SMTPDialogue {
    /// Bytes `receive` would take now. At 0 leave the rest in the kernel.
    public var inputRoom: Int {
        switch stage {
        case .parting, .closed, .handshaking: 65_536
        case .awaitingVerdict, .conversing, .receiving: isStartingTLS ? 65_536 : DialogueLimits.inputBuffer - input.count
        }
    }

    /// The client sent `bytes`. Takes at most `inputRoom` of them and returns how many it took.
    public mutating func receive(
        _ bytes: UnsafeRawBufferPointer, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox
    ) -> Int {
        let taken = min(bytes.count, inputRoom)
        guard taken > 0 else { return 0 }
        lastByte = context.now
        if !flags.contains(.saidBanner), !flags.contains(.isEarlyTalker) {
            flags.insert(.isEarlyTalker)
            outbox.counts.earlyTalkers += 1
        }
        switch stage {
        case .parting, .closed, .handshaking: return taken
        case .awaitingVerdict, .conversing, .receiving: break
        }
        // What stands between STARTTLS and the handshake was put there by somebody in between (CVE-2011-0411).
        if isStartingTLS { return taken }
        let arrived = UnsafeRawBufferPointer(rebasing: bytes[..<taken])
        if input.isEmpty && isListening {
            let parsed = parse(arrived, context, &outbox)
            if parsed < taken && wantsInput { input = Array(arrived[parsed...]) }
        } else {
            input.append(contentsOf: arrived)
            if isListening { parseInput(context, &outbox) }
        }
        return taken
    }

    /// The client will send no more. What it asked for before is still answered.
    public mutating func endOfInput(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        flags.insert(.inputEnded)
        switch stage {
        case .closed: break
        case .awaitingVerdict:
            if input.isEmpty { close(&outbox) }
        case .handshaking: close(&outbox)
        case .conversing, .receiving, .parting: if isListening { close(&outbox) }
        }
    }

    /// Goes on with the commands that waited while the one ahead of them was answered.
    mutating func resumeInput(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        if !input.isEmpty && isListening {
            if case .conversing = stage, input.contains(10) { outbox.counts.pipelined += 1 }
            parseInput(context, &outbox)
        }
        if isListening && flags.contains(.inputEnded) { close(&outbox) }
    }

    private mutating func parseInput(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        var waiting: [UInt8] = []
        swap(&waiting, &input)
        let parsed = waiting.withUnsafeBytes { parse($0, context, &outbox) }
        guard wantsInput else { return }
        if parsed == 0 {
            input = waiting
        } else if parsed < waiting.count {
            input = Array(waiting[parsed...])
        }
    }

    /// Takes whole lines as long as somebody listens; returns how many bytes that was.
    private mutating func parse(
        _ bytes: UnsafeRawBufferPointer, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox
    ) -> Int {
        var start = 0
        while start < bytes.count, isListening {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let piece = framer.next(in: rest, &outbox.counts)
            guard case .receiving(var body) = stage else {
                start += takeCommand(piece, rest, context, &outbox)
                if case .incomplete = piece { break }
                continue
            }
            let verdict: MessageBody.Verdict
            switch piece {
            case .incomplete: return start
            case .line(let length, let taken, let endsInCRLF):
                let line = UnsafeRawBufferPointer(rebasing: rest[..<length])
                verdict = body.take(line, isWhole: true, endsInCRLF: endsInCRLF, &outbox.counts)
                report(verdict, line, context, &outbox)
                start += taken
            case .overlong(let taken):
                let line = UnsafeRawBufferPointer(rebasing: rest[..<taken])
                verdict = body.take(line, isWhole: false, endsInCRLF: false, &outbox.counts)
                report(verdict, line, context, &outbox)
                start += taken
            case .more(let taken):
                verdict = .goOn
                start += taken
            case .overlongEnd(let taken, let endsInCRLF):
                body.lineEnded(inCRLF: endsInCRLF)
                verdict = .goOn
                start += taken
            }
            if verdict == .finished {
                endMessage(context)
            } else {
                stage = .receiving(body)
            }
        }
        return start
    }

    private func report(
        _ verdict: MessageBody.Verdict, _ line: UnsafeRawBufferPointer, _ context: borrowing DialogueContext,
        _ outbox: inout DialogueOutbox
    ) {
        guard verdict == .header, context.settings.reportsHeaders else { return }
        outbox.actions.append(.reportHeader(Array(line.prefix(DialogueLimits.headerLine))))
    }

    private mutating func takeCommand(
        _ piece: LineFramer.Piece, _ bytes: UnsafeRawBufferPointer, _ context: borrowing DialogueContext,
        _ outbox: inout DialogueOutbox
    ) -> Int {
        switch piece {
        case .incomplete: return 0
        case .line(let length, let taken, let endsInCRLF):
            let command = Command(parsing: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
            answer(command, endsInCRLF: endsInCRLF, context, &outbox)
            return taken
        case .overlong(let taken), .more(let taken): return taken
        case .overlongEnd(let taken, _):
            answerFault(context.book.lineTooLong, context, &outbox)
            return taken
        }
    }

    /// Nothing is being said, so the next line is taken at once.
    var isListening: Bool {
        guard case .silent = speech else { return false }
        switch stage {
        case .conversing, .receiving: return true
        case .awaitingVerdict, .parting, .handshaking, .closed: return false
        }
    }

    private var isStartingTLS: Bool {
        if case .replying(let reply) = speech, reply.ending == .startTLS { return true }
        return false
    }

    /// Whether what was received and not yet parsed will ever be.
    private var wantsInput: Bool {
        switch stage {
        case .awaitingVerdict, .conversing, .receiving: !isStartingTLS
        case .parting, .handshaking, .closed: false
        }
    }
}
