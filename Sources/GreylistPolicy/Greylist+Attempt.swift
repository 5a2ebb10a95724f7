public import Addressing
public import Moments
import PeerText

extension Greylist {
    /// One RCPT. `memory` belongs to the connection; inside a transaction it is a copy, kept when the transaction is.
    ///
    /// `doubt` is the latest moment at which somebody innocent may have tried our other addresses without our knowing: a
    /// start, a refused connection, a dropped tuple, an absent engine, or low-priority MX being switched on.
    public func attempt(
        _ attempt: Attempt, memory: inout ConnectionMemory, now: UnixTime, doubt: UnixTime, chance: inout some RandomNumberGenerator,
        in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AttemptOutcome> {
        if let known = try known(attempt, memory: &memory, now: now, in: store) {
            try noteOffer(attempt, now: now, in: store)
            return known
        }
        if rules.blacklistOnly { return Decision(.unrecorded) }

        // A pending trap belongs to a mail with a null sender; another sender means another mail.
        if !attempt.hasNullSender { memory.pendingTrap = nil }
        let trap = try trap(attempt, now: now, doubt: doubt, in: store)
        try noteOffer(attempt, now: now, in: store)
        guard let trap else { return try offer(attempt, memory: &memory, now: now, chance: &chance, in: store) }
        if attempt.hasNullSender {
            memory.pendingTrap = memory.pendingTrap ?? trap
            return Decision(.trapPending(trap))
        }
        return try spring(trap, address: attempt.address, memory: &memory, now: now, chance: &chance, in: store)
    }

    /// What becomes of an attempt of a host that is not grey; nil for one that is.
    private func known(
        _ attempt: Attempt, memory: inout ConnectionMemory, now: UnixTime, in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AttemptOutcome>? {
        if let block = try store.allowing(attempt.address) { return Decision(.allowed(block)) }
        switch try store.living(attempt.address, now: now) {
        case .trapped(var row):
            if !memory.countedAsTrapped {
                memory.countedAsTrapped = true
                row.block &+= 1
                try store.put(.trapped(row))
            }
            return Decision(.heldAlready(row))
        case .white(let row): return Decision(.white(row), changes: [Self.put(.white(row), now: now)])
        case nil: break
        }
        return attempt.isListed ? Decision(.listed) : nil
    }

    /// Whoever offers a From and To, at whatever address of ours, makes it innocent at a low-priority MX.
    private func noteOffer(_ attempt: Attempt, now: UnixTime, in store: any GreylistTransaction) throws(StoreFault) {
        guard !rules.lowPriorityMX.isEmpty, !rules.blacklistOnly else { return }
        try store.noteOffer(from: attempt.from, to: attempt.to, expire: now + rules.greyexp)
    }

    /// A mail with a null sender reached DATA: a trap it named springs. nil when it named none.
    public func dataReached(
        address: IPAddress, memory: inout ConnectionMemory, now: UnixTime, chance: inout some RandomNumberGenerator,
        in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AttemptOutcome>? {
        guard let trap = memory.pendingTrap else { return nil }
        memory.pendingTrap = nil
        if let block = try store.allowing(address) { return Decision(.allowed(block)) }
        switch try store.living(address, now: now) {
        case .trapped(let row): return Decision(.heldAlready(row))
        case .white(let row): return Decision(.white(row), changes: [Self.put(.white(row), now: now)])
        case nil: return try spring(trap, address: address, memory: &memory, now: now, chance: &chance, in: store)
        }
    }

    /// The tuple itself: stored, counted, or passed.
    private func offer(
        _ attempt: Attempt, memory: inout ConnectionMemory, now: UnixTime, chance: inout some RandomNumberGenerator,
        in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AttemptOutcome> {
        let standing = memory.standing(from: attempt.from, to: attempt.to)
        if standing == .counted { return Decision(.repeated) }
        memory.note(from: attempt.from, to: attempt.to)
        let key = TupleKey(group: rules.group(of: attempt.address), from: attempt.from, to: attempt.to)
        guard var row = try store.grey(key), row.expire > now else {
            let expire = now + rules.greyexp
            let row = GreyRow(
                address: attempt.address, helo: attempt.helo, from: attempt.from, to: attempt.to, first: now, pass: expire,
                expire: expire, block: 1, passed: 0)
            try store.put(row, key: key)
            return Decision(.grey(row))
        }
        if standing == .unknown { return Decision(.repeated) }
        row.block &+= 1
        if now < row.first + rules.passtime {
            try store.put(row, key: key)
            return Decision(.grey(row))
        }
        try store.deleteGrey(key)
        try store.deleteGrey(of: attempt.address)
        let white = WhiteRow(
            address: attempt.address, first: row.first, pass: now, expire: expiry(rules.whiteexp, from: now, chance: &chance),
            block: row.block, passed: 0)
        try store.put(.white(white))
        return Decision(.passed(white), changes: [Self.put(.white(white), now: now)])
    }

    /// The host is trapped: its row replaces all others of its address.
    private func spring(
        _ reason: TrapReason, address: IPAddress, memory: inout ConnectionMemory, now: UnixTime,
        chance: inout some RandomNumberGenerator, in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AttemptOutcome> {
        memory.countedAsTrapped = true
        let row = TrappedRow(address: address, expire: expiry(rules.trapexp, from: now, chance: &chance))
        try store.deleteGrey(of: address)
        try store.put(.trapped(row))
        return Decision(.trapped(row, reason), changes: [.delete(.white, address), Self.put(.trapped(row), now: now)])
    }
}
