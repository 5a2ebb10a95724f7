internal import Addressing

extension IPAddress {
    /// The address after this one in its family's own order; nil after the last. IPv6 runs through ::ffff:0:0/96 too.
    func following(in family: NFTSet.Family) -> IPAddress? {
        switch family {
        case .ipv4: ipv4.flatMap { $0 == .max ? nil : IPAddress(ipv4: $0 + 1) }
        case .ipv6: low < .max ? IPAddress(high: high, low: low + 1) : high < .max ? IPAddress(high: high + 1, low: 0) : nil
        }
    }

    /// The address before this one, nil before the first.
    func preceding(in family: NFTSet.Family) -> IPAddress? {
        switch family {
        case .ipv4: ipv4.flatMap { $0 == 0 ? nil : IPAddress(ipv4: $0 - 1) }
        case .ipv6: low > 0 ? IPAddress(high: high, low: low - 1) : high > 0 ? IPAddress(high: high - 1, low: .max) : nil
        }
    }
}
