/// What is there of a table.
public struct NFTTableState: Hashable, Sendable {
    /// Its chains see no packet.
    public var isDormant: Bool
    /// The named sets, and how many bytes their keys have.
    public var keyLengths: [String: Int] = [:]
    /// How many elements each holds, expired ones among them until the kernel collects them, once a second; none on kernels
    /// before 6.16, which do not tell.
    public var elementCounts: [String: Int] = [:]

    /// Whether the set is there and holds such addresses.
    public func holds(_ set: NFTSet) -> Bool { keyLengths[set.name] == set.family.keyLength }
}
