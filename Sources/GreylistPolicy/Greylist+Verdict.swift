public import Addressing
public import Moments
public import PeerText

extension Greylist {
    /// What an address is now. `listed` names the loaded blacklists it is on, and is asked only when it matters.
    public func verdict(
        for address: IPAddress, now: UnixTime, in store: any GreylistReads, listed: (IPAddress) -> [ListMatch]
    ) throws(StoreFault) -> Verdict {
        if let block = try store.allowing(address) { return .allowed(block) }
        switch try store.living(address, now: now) {
        case .trapped(let row): return .trapped(row)
        case .white(let row): return .white(row)
        case nil:
            let matches = listed(address)
            return matches.isEmpty ? .grey : .listed(matches)
        }
    }

    /// The trap a mail to this address would spring, low-priority MX aside: for `explain`.
    public func trap(recipient: PeerText, now: UnixTime, in store: any GreylistReads) throws(StoreFault) -> TrapReason? {
        let attempt = Attempt(address: .ipv6Any, helo: PeerText(""), from: PeerText("<>"), to: recipient)
        return try trap(attempt, now: now, doubt: now, in: store)
    }
}
