/// All addresses of one family from `first` to `last`, both included.
public struct IPRange: Hashable, Sendable {
    public let first: IPAddress
    public let last: IPAddress

    /// nil when the families differ or `last` comes before `first`.
    public init?(_ first: IPAddress, _ last: IPAddress) {
        guard first.isIPv4 == last.isIPv4, first <= last else { return nil }
        self.first = first
        self.last = last
    }

    public func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == first.isIPv4 && first <= address && address <= last
    }
}

extension IPAddress {
    /// The next address of the same family, nil after the last.
    public var successor: IPAddress? {
        if let ipv4 { return ipv4 == .max ? nil : IPAddress(ipv4: ipv4 + 1) }
        let (sum, carry) = low.addingReportingOverflow(1)
        if carry && high == .max { return nil }
        let next = IPAddress(high: carry ? high + 1 : high, low: sum)
        return next.isIPv4 ? nil : next
    }

    /// The address before this one of the same family, nil before the first.
    public var predecessor: IPAddress? {
        if let ipv4 { return ipv4 == 0 ? nil : IPAddress(ipv4: ipv4 - 1) }
        if low == 0 && high == 0 { return nil }
        let previous = low == 0 ? IPAddress(high: high - 1, low: .max) : IPAddress(high: high, low: low - 1)
        return previous.isIPv4 ? nil : previous
    }
}
