public import Addressing
public import Moments
public import PeerText

/// What an administrator's addition did.
public enum AdditionOutcome: Hashable, Sendable {
    case added
    case renewed
    /// It was there and needs no renewal.
    case present
    /// A SPAMTRAP without an @, or not an address at all.
    case refused
}

extension Greylist {
    /// `spamdb -a`: white. A trapped host becomes white with passed 0; a white one is renewed: pass = now, passed + 1.
    public func addWhite(
        _ address: IPAddress, now: UnixTime, chance: inout some RandomNumberGenerator, in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AdditionOutcome> {
        if case .white(var row) = try store.living(address, now: now) {
            row.pass = now
            row.expire = expiry(rules.whiteexp, from: now, chance: &chance)
            row.passed = row.passed.addingReportingOverflow(1).partialValue
            try store.put(.white(row))
            return Decision(.renewed, changes: [Self.put(.white(row), now: now)])
        }
        let row = try whiten(address, now: now, chance: &chance, in: store)
        return Decision(.added, changes: [.delete(.greytrap, address), Self.put(.white(row), now: now)])
    }

    /// `spamdb -t -a`: trapped for trapexp from now, whatever the host was.
    public func addTrapped(
        _ address: IPAddress, now: UnixTime, chance: inout some RandomNumberGenerator, in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AdditionOutcome> {
        var row = TrappedRow(address: address, expire: expiry(rules.trapexp, from: now, chance: &chance))
        var outcome = AdditionOutcome.added
        if case .trapped(let known) = try store.living(address, now: now) {
            row.block = known.block
            outcome = .renewed
        }
        try store.deleteGrey(of: address)
        try store.put(.trapped(row))
        return Decision(outcome, changes: [.delete(.white, address), Self.put(.trapped(row), now: now)])
    }

    /// `spamdb -d` and `-t -d`: the address's row of either kind. False when it had none.
    public func deleteHost(
        _ address: IPAddress, now: UnixTime, in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<Bool> {
        let living = try store.living(address, now: now)
        try store.deleteHost(address)
        return Decision(living != nil, changes: [.delete(.white, address), .delete(.greytrap, address)])
    }

    /// `spamdb -G -d`: all grey rows of an address. False when it had none.
    public func deleteGrey(_ address: IPAddress, in store: any GreylistTransaction) throws(StoreFault) -> Bool {
        try store.deleteGrey(of: address)
    }

    /// `spamdb -T -a`: a trap address, which needs an @.
    public func addSpamtrap(_ address: PeerText, in store: any GreylistTransaction) throws(StoreFault) -> AdditionOutcome {
        let key = address.spamtrapKey
        guard key.isSpamtrapKey else { return .refused }
        return try store.addSpamtrap(key) ? .added : .present
    }

    /// `spamdb -T -d`. False when there was none.
    public func deleteSpamtrap(_ address: PeerText, in store: any GreylistTransaction) throws(StoreFault) -> Bool {
        try store.deleteSpamtrap(address.spamtrapKey)
    }

    public func addDomain(_ pattern: DomainPattern, in store: any GreylistTransaction) throws(StoreFault) -> AdditionOutcome {
        try store.addDomain(pattern) ? .added : .present
    }

    public func deleteDomain(_ pattern: DomainPattern, in store: any GreylistTransaction) throws(StoreFault) -> Bool {
        try store.deleteDomain(pattern)
    }

    public func addAllow(_ block: IPPrefix, in store: any GreylistTransaction) throws(StoreFault) -> Decision<AdditionOutcome> {
        try store.addAllow(block) ? Decision(.added, changes: [.allowChanged]) : Decision(.present)
    }

    public func deleteAllow(_ block: IPPrefix, in store: any GreylistTransaction) throws(StoreFault) -> Decision<Bool> {
        try store.deleteAllow(block) ? Decision(true, changes: [.allowChanged]) : Decision(false)
    }

    /// Import: the row exactly as it is; a host row replaces the address's row of either kind.
    public func importRow(
        _ row: StoredRow, now: UnixTime, in store: any GreylistTransaction
    ) throws(StoreFault) -> [ProjectionChange] {
        switch row {
        case .grey(let row):
            try store.put(row, key: TupleKey(group: rules.group(of: row.address), from: row.from, to: row.to))
            return []
        case .white(let row): return try importHost(.white(row), now: now, in: store)
        case .trapped(let row): return try importHost(.trapped(row), now: now, in: store)
        case .spamtrap(let key):
            try store.addSpamtrap(key)
            return []
        case .domain(let pattern):
            try store.addDomain(pattern)
            return []
        case .allow(let block): return try store.addAllow(block) ? [.allowChanged] : []
        }
    }

    private func importHost(_ row: HostRow, now: UnixTime, in store: any GreylistTransaction) throws(StoreFault) -> [ProjectionChange] {
        try store.put(row)
        let other: ProjectionChange.HostSet =
            switch row {
            case .white: .greytrap
            case .trapped: .white
            }
        if row.expire > now { return [.delete(other, row.address), Self.put(row, now: now)] }
        return [.delete(.white, row.address), .delete(.greytrap, row.address)]
    }

    /// `spamdb key…`: the rows a key names, an address or a trap.
    public func rows(of address: IPAddress, now: UnixTime, limit: Int, in store: any GreylistReads) throws(StoreFault) -> [StoredRow] {
        var rows = try store.grey(of: address, limit: limit).filter { $0.expire > now }.map(StoredRow.grey)
        switch try store.living(address, now: now) {
        case .white(let row): rows.append(.white(row))
        case .trapped(let row): rows.append(.trapped(row))
        case nil: break
        }
        return rows
    }

    public func isSpamtrap(_ address: PeerText, in store: any GreylistReads) throws(StoreFault) -> Bool {
        try store.isSpamtrap(address.spamtrapKey)
    }
}

extension PeerText {
    /// Whether this can be a trap's key: something before an @, and something behind it.
    var isSpamtrapKey: Bool {
        let key = MailKey(self)
        return key.host?.isEmpty == false && !key.local.isEmpty && key.address == self
    }
}
