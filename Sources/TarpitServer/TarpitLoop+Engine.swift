internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import SMTPDialogue

/// What goes to the engine and comes from it. Without an engine service goes on: strangers are grey, and what they offer waits
/// for the next engine as long as a reply may wait.
extension TarpitLoop {
    /// Takes over a link to an engine that has just started, or started again: it is told who speaks and who is held.
    mutating func link(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        dropEngine()
        try engine.replace(descriptor)
        try epoll.add(engine.descriptor, .readable, token: Token.engine(engine.number).value)
        _ = engine.enqueue(.hello(worker: configuration.worker))
        // An engine that has just started counts from nothing: it hears everything once more.
        counts += told
        told = TarpitCounters()
        for index in table.takenRows() where table.row(index).pointee.isTalking && announce(index, resumed: true) {
            for report in unacknowledged.reports(of: engineName(of: index)) { _ = engine.enqueue(report, isEssential: true) }
        }
    }

    /// Tells the engine of a connection; false when it could not be told, and then it hears nothing of it later either.
    mutating func announce(_ index: Int32, resumed: Bool) -> Bool {
        let row = table.row(index)
        let connected = TarpitReport.Connected(
            connection: engineName(of: index), address: row.pointee.dialogue.client,
            originalDestination: row.pointee.originalDestination, resumed: resumed)
        guard engine.enqueue(.connected(connected)) else { return false }
        row.pointee.announcedOn = engine.number
        return true
    }

    /// Tells the engine something of a connection that it knows; false when it does not, or could not be told.
    mutating func tell(_ report: TarpitReport, of index: Int32, isEssential: Bool = false) -> Bool {
        table.row(index).pointee.announcedOn == engine.number && engine.enqueue(report, isEssential: isEssential)
    }

    /// Tells the engine, or the next one, of an attempt; false when this engine cannot be told, and nobody shall wait for it.
    mutating func tell(_ attempt: TarpitReport, _ sequence: UInt32, of index: Int32) -> Bool {
        unacknowledged.add(attempt, sequence, of: engineName(of: index))
        return !engine.isLinked || tell(attempt, of: index)
    }

    mutating func engineReady(_ ready: Epoll.Interest) throws(SystemError) {
        guard !ready.isDisjoint(with: [.readable, .hangUp, .failed]) else { return }
        var verdicts: [EngineVerdict] = []
        var isOpen = false
        do throws(ChannelError) { isOpen = try engine.receive(into: &verdicts) } catch {
            switch error {
            case .system: break  // As good as a closed link.
            case .malformed(let fault):
                notify(.warning("greymoat-tarpit cannot read what the engine sent (\(fault)), and is started again."))
                isEnding = true
            }
        }
        for verdict in verdicts { take(verdict) }
        if !isOpen { dropEngine() }
    }

    private mutating func take(_ verdict: EngineVerdict) {
        switch verdict {
        case .verdict(let connection, let senderClass):
            guard let index = talking(connection) else { return }
            table.row(index).pointee.dialogue.apply(SenderClass(senderClass, &messages), context, &outbox)
            noteClass(index)
            pump(index)
        case .attempt(let connection, let sequence):
            unacknowledged.settle(connection, upTo: sequence)
            guard let index = talking(connection) else { return }
            table.row(index).pointee.dialogue.acknowledge(upTo: sequence, context, &outbox)
            pump(index)
        }
    }

    /// The row of a connection as the engine names it, nil when it is gone or on its way out.
    private func talking(_ name: UInt64) -> Int32? {
        guard name >> 48 == UInt64(configuration.worker), let index = table.find(name & 0xFFFF_FFFF_FFFF) else { return nil }
        return table.row(index).pointee.isTalking ? index : nil
    }

    mutating func flushEngine() throws(SystemError) {
        guard engine.isLinked else { return }
        let isDone: Bool
        do throws(SystemError) { isDone = try engine.flush() } catch { return dropEngine() }
        guard isDone == engine.isWatchedForWriting else { return }
        engine.isWatchedForWriting = !isDone
        try epoll.modify(engine.descriptor, isDone ? .readable : [.readable, .writable], token: Token.engine(engine.number).value)
    }

    private mutating func dropEngine() { engine.drop() }

    // MARK: Counters

    var hasCounts: Bool { outbox.counts != DialogueCounts() || counts.values.contains { $0 != 0 } }

    /// Once a second, while there is something to say and somebody to hear it.
    mutating func reportCounts() {
        countsDue = context.now.after(1_000_000_000)
        refusalsReported = 0
        guard engine.isLinked, hasCounts else { return }
        counts.add(outbox.counts)
        outbox.counts = DialogueCounts()
        if engine.enqueue(.counters(counts)) {
            told += counts
            counts = TarpitCounters()
        }
    }
}

extension SenderClass {
    init(_ senderClass: EngineVerdict.SenderClass, _ pool: inout MessagePool) {
        switch senderClass {
        case .grey: self = .grey
        case .white: self = .white
        case .black(let messages): self = .black(messages: pool.shared(messages))
        case .trapped(let messages): self = .trapped(messages: pool.shared(messages))
        case .annoyed: self = .annoyed
        }
    }
}

extension TarpitCounters {
    mutating func add(_ counts: DialogueCounts) {
        self[.earlyTalkers] += counts.earlyTalkers
        self[.pipelined] += counts.pipelined
        self[.bareLineFeeds] += counts.bareLineFeeds
        self[.bareCarriageReturns] += counts.bareCarriageReturns
        self[.nulBytes] += counts.nulBytes
        self[.eightBitBytes] += counts.eightBitBytes
        self[.overlongLines] += counts.overlongLines
        self[.unknownCommands] += counts.unknownCommands
        self[.tooManyErrors] += counts.tooManyErrors
        self[.tooManyRecipients] += counts.tooManyRecipients
        self[.idleTimeouts] += counts.idleTimeouts
        self[.sessionTimeouts] += counts.sessionTimeouts
        self[.kept] += counts.kept
        self[.unkept] += counts.unkept
        self[.tlsBudgetSpent] += counts.tlsBudgetSpent
        self[.smuggledEnds] += counts.smuggledEnds
    }
}
