/// How long things took, counted by fixed bounds.
public struct DurationHistogram: Hashable, Sendable {
    /// Ascending.
    public let bounds: [Duration]
    /// How many took no longer than each bound and longer than the one before; last, those that took longer than all.
    public internal(set) var counts: [UInt64]
    /// In seconds, all together.
    public internal(set) var sum: Double = 0

    public init(bounds: [Duration]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    public mutating func observe(_ duration: Duration) {
        var index = 0
        while index < bounds.count && duration > bounds[index] { index += 1 }
        counts[index] += 1
        sum += duration.inSeconds
    }

    public var count: UInt64 { counts.reduce(0, &+) }
}

extension Duration {
    /// With fractions.
    public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
