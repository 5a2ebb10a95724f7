import Addressing
import Moments

/// The policy: every rule of greylisting. A value without state of its own; its verbs run inside a store's transaction,
/// with time and chance from outside.
public struct Greylist: Sendable {
    public var rules: GreylistRules

    public init(rules: GreylistRules) { self.rules = rules }

    /// `now` plus `lifetime`, plus at most one per cent of it, so that hosts that came together do not all go in the same second.
    func expiry(_ lifetime: Duration, from now: UnixTime, chance: inout some RandomNumberGenerator) -> UnixTime {
        let spread = max(0, lifetime.wholeSeconds / 100)
        return now + lifetime + .seconds(Int64.random(in: 0...spread, using: &chance))
    }

    /// The element that shows a host row, with what is left of its lifetime.
    static func put(_ row: HostRow, now: UnixTime) -> ProjectionChange {
        let remaining = max(.seconds(1), row.expire - now)
        return switch row {
        case .white: .put(.white, row.address, remaining: remaining)
        case .trapped: .put(.greytrap, row.address, remaining: remaining)
        }
    }
}

extension GreylistReads {
    /// The host's row if it has one that has not expired.
    func living(_ address: IPAddress, now: UnixTime) throws(StoreFault) -> HostRow? {
        guard let row = try host(address), row.expire > now else { return nil }
        return row
    }
}
