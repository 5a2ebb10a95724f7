public import Addressing

extension IPRange {
    /// The same addresses as as few ranges as there can be, of one family, in order: what overlaps or touches becomes one.
    /// An interval set takes nothing else: the kernel merges nothing.
    public static func merged(_ ranges: some Collection<IPRange>, _ family: NFTSet.Family) -> [IPRange] {
        var merged: [IPRange] = []
        for range in ranges.filter({ NFTSet.Family(of: $0.first) == family }).sorted(by: { $0.first < $1.first }) {
            guard let previous = merged.last, let end = previous.last.following(in: family) else {
                if merged.isEmpty { merged.append(range) }
                continue  // the range before reaches to the family's last address
            }
            guard range.first <= end else {
                merged.append(range)
                continue
            }
            guard previous.last < range.last, let union = IPRange(previous.first, range.last) else { continue }
            merged[merged.count - 1] = union
        }
        return merged
    }
}
