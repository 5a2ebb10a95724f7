public import Addressing
public import Moments

/// Which way a logged connection went.
public enum PacketDirection: Hashable, Sendable {
    /// A host reached our server.
    case inbound
    /// Our server reached a host.
    case outbound
}

/// What the packet log changed.
public enum PacketLogOutcome: Hashable, Sendable {
    /// A white row was renewed.
    case renewed(WhiteRow)
    /// An outbound connection made the host white.
    case learned(WhiteRow)
    /// No white row, and nothing to learn.
    case unknown
}

extension Greylist {
    /// The packet log saw `connections` connections of one host that reached a real server.
    public func packetLogSaw(
        _ address: IPAddress, _ direction: PacketDirection, connections: Int64 = 1, now: UnixTime,
        chance: inout some RandomNumberGenerator, in store: any GreylistTransaction
    ) throws(StoreFault) -> Decision<PacketLogOutcome> {
        if direction == .outbound && !rules.learnOutbound { return Decision(.unknown) }
        switch try store.living(address, now: now) {
        case .white(var row):
            row.expire = max(row.expire, expiry(rules.whiteexp, from: now, chance: &chance))
            row.passed = row.passed.addingReportingOverflow(connections).partialValue
            try store.put(.white(row))
            return Decision(.renewed(row), changes: [Self.put(.white(row), now: now)])
        case .trapped:
            // Our answer to a spammer must not free it.
            return Decision(.unknown)
        case nil:
            guard direction == .outbound else { return Decision(.unknown) }
            let row = try whiten(address, now: now, chance: &chance, in: store)
            return Decision(.learned(row), changes: [Self.put(.white(row), now: now)])
        }
    }

    /// A new white row that no tuple earned: first = pass = now, block 1, passed 0.
    func whiten(
        _ address: IPAddress, now: UnixTime, chance: inout some RandomNumberGenerator, in store: any GreylistTransaction
    ) throws(StoreFault) -> WhiteRow {
        let expire = expiry(rules.whiteexp, from: now, chance: &chance)
        let row = WhiteRow(address: address, first: now, pass: now, expire: expire, block: 1, passed: 0)
        try store.deleteGrey(of: address)
        try store.put(.white(row))
        return row
    }
}
