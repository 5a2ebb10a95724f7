internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import SMTPDialogue
internal import TLS

/// What becomes of a connection once it is in.
extension TarpitLoop {
    mutating func connectionReady(_ index: Int32, _ ready: Epoll.Interest) {
        let row = table.row(index)
        switch row.pointee.stage {
        case .talking:
            if ready.contains(.readable) {
                guard read(index) else { return drop(index) }
            } else if !ready.isDisjoint(with: [.failed, .hangUp]) {
                return drop(index)
            }
            pump(index)
        case .flushing:
            if !ready.isDisjoint(with: [.failed, .hangUp]) { return drop(index) }
            flush(index)
        case .draining(let until, let budget): drain(index, until, budget)
        }
    }

    mutating func deadlineCame(_ index: Int32) {
        let row = table.row(index)
        switch row.pointee.stage {
        case .talking:
            row.pointee.dialogue.advance(context, &outbox)
            pump(index)
        case .flushing(let until), .draining(let until, _):
            if context.now >= until { drop(index) } else { wheel.schedule(index, at: until) }
        }
    }

    /// Takes what the socket has, once; false when the connection is broken.
    private mutating func read(_ index: Int32) -> Bool {
        let row = table.row(index)
        let isEncrypted = row.pointee.tls != nil
        let room = min(row.pointee.dialogue.inputRoom, Self.readSize)
        guard room > 0 else { return true }
        let count = recv(row.pointee.descriptor, received.baseAddress, isEncrypted ? Self.readSize : room, 0)
        guard count >= 0 else { return errno == EAGAIN || errno == EINTR }
        guard count > 0 else {
            row.pointee.sawEndOfInput = true
            if !row.pointee.hasDecryptedMore { row.pointee.dialogue.endOfInput(context, &outbox) }
            return true
        }
        counts[.bytesIn] += UInt64(count)
        let bytes = UnsafeRawBufferPointer(rebasing: received[..<count])
        if isEncrypted { return takeCiphertext(index, bytes) }
        _ = row.pointee.dialogue.receive(bytes, context, &outbox)
        return true
    }

    /// Says what may be said, does what the dialogue wants done, and sees to it that the connection is looked at again in time.
    mutating func pump(_ index: Int32) {
        let row = table.row(index)
        let descriptor = row.pointee.descriptor
        var isBlocked = false
        var isBroken = false
        var sent = 0
        var hasEnded = false
        var decryptions = 0
        repeat {
            isBlocked = false
            let isEncrypted = row.pointee.tls != nil
            row.pointee.dialogue.transmit(context, &outbox) { bytes in
                let count: Int
                if isEncrypted {
                    count = Self.sendEncrypted(row, bytes, &sent, &isBroken)
                } else {
                    count = sendSome(descriptor, bytes, &isBroken)
                    sent += count
                }
                if count < bytes.count { isBlocked = true }
                return count
            }
            if !outbox.actions.isEmpty {
                hasEnded = perform(index)
            } else if row.pointee.hasDecryptedMore, row.pointee.dialogue.inputRoom > 0, decryptions < Self.decryptionsPerTurn {
                decryptions += 1
                if !decrypt(index) { isBroken = true }
            } else {
                break
            }
        } while !hasEnded && !isBroken
        if row.pointee.tls != nil, !isBroken, !Self.sendPending(row, &sent, &isBroken) { isBlocked = true }
        counts[.bytesOut] += UInt64(sent)
        if isBroken { return drop(index) }
        if hasEnded { return conclude(index) }
        let isLeftOver = row.pointee.hasDecryptedMore && row.pointee.dialogue.inputRoom > 0
        watch(row, index, goesOn: isBlocked || isLeftOver)
        wheel.schedule(index, at: isLeftOver ? context.now : row.pointee.dialogue.deadline(context))
    }

    /// Watches for what the connection can go on with; a system call only when that has changed. `goesOn`: as soon as the socket
    /// has room, whatever comes.
    private mutating func watch(_ row: UnsafeMutablePointer<Connection>, _ index: Int32, goesOn: Bool) {
        var wanted: Epoll.Interest = goesOn ? .writable : []
        // A TLS session holds so much unread and no more: what waits in it goes first.
        if !row.pointee.sawEndOfInput, !row.pointee.hasDecryptedMore, row.pointee.dialogue.inputRoom > 0 { wanted.insert(.readable) }
        if wanted != row.pointee.interest { setInterest(row, index, wanted) }
    }

    func setInterest(_ row: UnsafeMutablePointer<Connection>, _ index: Int32, _ wanted: Epoll.Interest) {
        row.pointee.interest = wanted
        do throws(SystemError) {
            try epoll.modify(row.pointee.descriptor, wanted, token: Token.connection(table.name(of: index)).value)
        } catch {
            // The kernel refuses only for want of memory, and not for a change: the connection's deadline ends it.
            return
        }
    }

    /// Does what the outbox holds; true when the dialogue has ended.
    private mutating func perform(_ index: Int32) -> Bool {
        let row = table.row(index)
        var hasEnded = false
        var wasLost = false
        // The array is taken out and put back, because what it asks for may ask for more.
        var actions: [DialogueAction] = []
        swap(&actions, &outbox.actions)
        for action in actions {
            switch action {
            case .reportRecipient(let report):
                let recipient = TarpitReport.Recipient(
                    connection: engineName(of: index), sequence: report.sequence, helo: report.helo, from: report.from, to: report.to,
                    earlyTalker: report.earlyTalker)
                if !tell(.recipient(recipient), report.sequence, of: index) { wasLost = true }
            case .reportDataReached(let sequence, let firstRecipient):
                let report = TarpitReport.dataReached(
                    connection: engineName(of: index), sequence: sequence, firstRecipient: firstRecipient)
                if !tell(report, sequence, of: index) { wasLost = true }
            case .reportHeader(let line): _ = tell(.header(connection: engineName(of: index), line: line), of: index)
            case .reportUnkept(let attempts):
                _ = tell(.unkept(connection: engineName(of: index), attempts: attempts), of: index)
            case .reserveTLS:
                row.pointee.isCountedEncrypted = true
                shared.add(.encrypted, 1)
                noteTLSBudget()
            case .startTLS: startTLS(index)
            case .close: hasEnded = true
            }
        }
        actions.removeAll(keepingCapacity: true)
        if outbox.actions.isEmpty { swap(&actions, &outbox.actions) }
        if wasLost && !hasEnded { row.pointee.dialogue.abandonReports(context, &outbox) }
        return hasEnded
    }

    /// Counts the connection as black while it is.
    mutating func noteClass(_ index: Int32) {
        let row = table.row(index)
        let isBlack = row.pointee.isTalking && row.pointee.dialogue.senderClass.isStutteredThroughout
        guard isBlack != row.pointee.isCountedBlack else { return }
        row.pointee.isCountedBlack = isBlack
        shared.add(.black, isBlack ? 1 : -1)
    }

    // MARK: The end

    /// The dialogue is over: shutdown, bounded drain, close.
    private mutating func conclude(_ index: Int32) {
        let row = table.row(index)
        reportEnd(index)
        if row.pointee.tls != nil {
            row.pointee.stage = .flushing(until: context.now.after(Self.flushTime))
            row.pointee.tls!.session.close()
            return flush(index)
        }
        beginDrain(index)
    }

    private mutating func flush(_ index: Int32) {
        let row = table.row(index)
        var isBroken = false
        var sent = 0
        let isDone = Self.sendPending(row, &sent, &isBroken)
        counts[.bytesOut] += UInt64(sent)
        if isBroken { return drop(index) }
        guard !isDone else { return beginDrain(index) }
        setInterest(row, index, .writable)
        if case .flushing(let until) = row.pointee.stage { wheel.schedule(index, at: until) }
    }

    private mutating func beginDrain(_ index: Int32) {
        let row = table.row(index)
        guard !row.pointee.sawEndOfInput else { return drop(index) }
        guard shutdown(row.pointee.descriptor, Int32(SHUT_WR)) == 0 else { return drop(index) }
        row.pointee.tls = nil
        let until = context.now.after(Self.drainTime)
        row.pointee.stage = .draining(until: until, budget: Self.drainBudget)
        if row.pointee.interest != .readable { setInterest(row, index, .readable) }
        wheel.schedule(index, at: until)
    }

    private mutating func drain(_ index: Int32, _ until: MonotonicTime, _ budget: Int32) {
        let row = table.row(index)
        let count = recv(row.pointee.descriptor, received.baseAddress, Self.readSize, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0, Int(budget) > count else { return drop(index) }
        counts[.bytesIn] += UInt64(count)
        row.pointee.stage = .draining(until: until, budget: budget - Int32(count))
    }

    /// Closes at once and forgets the connection.
    mutating func drop(_ index: Int32) {
        let row = table.row(index)
        reportEnd(index)
        outbox.actions.removeAll(keepingCapacity: true)
        wheel.cancel(index)
        if row.pointee.isRefused {
            refusedDraining -= 1
        } else {
            shared.add(.connections, -1)
            shared.addSource(row.pointee.dialogue.client, -1)
        }
        if row.pointee.isCountedEncrypted { shared.add(.encrypted, -1) }
        let descriptor = row.pointee.descriptor
        table.remove(index)
        close(descriptor)
        if !listeners.areWatched, listeners.resumeAt.nanoseconds == .max { listeners.resumeAt = context.now }
    }

    /// Tells the engine once that the client is gone.
    private mutating func reportEnd(_ index: Int32) {
        let row = table.row(index)
        guard row.pointee.isTalking else { return }
        row.pointee.stage = .draining(until: context.now, budget: 0)
        noteClass(index)
        let seconds = (context.now - row.pointee.dialogue.started).wholeSeconds
        let report = TarpitReport.disconnected(.init(connection: engineName(of: index), seconds: UInt32(clamping: seconds)))
        _ = tell(report, of: index, isEssential: true)
        unacknowledged.forget(engineName(of: index))
    }
}

/// send(2) without a signal; 0 when the socket is full or broken.
func sendSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ isBroken: inout Bool) -> Int {
    let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    if count >= 0 { return count }
    if errno != EAGAIN && errno != EINTR { isBroken = true }
    return 0
}
