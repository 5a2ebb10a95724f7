public import Addressing
internal import CNFTables

/// A transaction on one table's sets: everything put into it happens together, or nothing does. Built as the bytes that go
/// to the kernel, about 40 for an IPv4 element. Within one batch an address is named once for each set.
public struct NFTBatch: ~Copyable {
    public let table: String
    /// How elements that may be there already are renewed.
    public let renewal: Renewal
    let handle: OpaquePointer

    public init(table: String, renewal: Renewal = .ofThisKernel) {
        self.table = table
        self.renewal = renewal
        guard let handle = gm_nft_batch_new(table) else { preconditionFailure("no memory for a transaction") }
        self.handle = handle
    }

    deinit { gm_nft_batch_free(handle) }

    /// Bytes of the transaction.
    public var byteCount: Int { gm_nft_batch_size(handle) }
    public var isEmpty: Bool { gm_nft_batch_is_empty(handle) != 0 }

    public mutating func removeAll() { gm_nft_batch_clear(handle) }

    /// Makes the table, or changes it: chains of a dormant table see no packet.
    public mutating func setTable(dormant: Bool) { check(gm_nft_batch_table(handle, dormant ? UInt32(GM_NFT_TABLE_DORMANT) : 0)) }

    public mutating func deleteTable() { check(gm_nft_batch_delete_table(handle)) }

    /// Takes every element out of the set.
    public mutating func flush(_ set: NFTSet) { check(gm_nft_batch_flush(handle, set.name)) }

    /// Adds elements that are not there: to a set just flushed, as a rule. One that is there keeps its lifetime on old kernels.
    public mutating func add(_ elements: some Collection<NFTElement>, to set: NFTSet) {
        guard !elements.isEmpty else { return }
        check(gm_nft_batch_begin(handle, GM_NFT_ADD, set.name))
        for element in elements { append(element.address, set, timeout: element.remainingMilliseconds) }
    }

    /// Adds elements, or renews those that are there: each then lives as long as it says.
    public mutating func put(_ elements: some Collection<NFTElement>, in set: NFTSet) {
        if renewal == .replacing { delete(elements.lazy.map(\.address), from: set) }
        add(elements, to: set)
    }

    /// Deletes addresses, there or not. Adding each before deleting it makes that no error, in the one way that holds on
    /// every kernel and cannot race with an element's expiry; no packet sees the additions.
    public mutating func delete(_ addresses: some Collection<IPAddress>, from set: NFTSet) {
        guard !addresses.isEmpty else { return }
        check(gm_nft_batch_begin(handle, GM_NFT_ADD, set.name))
        for address in addresses { append(address, set) }
        check(gm_nft_batch_begin(handle, GM_NFT_DELETE, set.name))
        for address in addresses { append(address, set) }
    }

    /// Adds ranges to an interval set that holds nothing that touches them; they must not overlap each other. A range is two
    /// elements: where it starts, and where it is over.
    public mutating func add(_ ranges: some Collection<IPRange>, to set: NFTSet) { append(ranges, set, GM_NFT_ADD) }

    /// Deletes ranges that an interval set holds exactly so; one it does not hold is an error (`NFTError.isMissing`).
    public mutating func delete(_ ranges: some Collection<IPRange>, from set: NFTSet) { append(ranges, set, GM_NFT_DELETE) }

    private func append(_ ranges: some Collection<IPRange>, _ set: NFTSet, _ operation: gm_nft_operation) {
        guard !ranges.isEmpty else { return }
        check(gm_nft_batch_begin(handle, operation, set.name))
        for range in ranges {
            append(range.first, set)
            if let end = range.last.following(in: set.family) { append(end, set, flags: UInt32(GM_NFT_INTERVAL_END)) }
        }
    }

    private func append(_ address: IPAddress, _ set: NFTSet, timeout: UInt64 = 0, flags: UInt32 = 0) {
        var key = (address.high.bigEndian, address.low.bigEndian)
        let length = set.family.keyLength
        check(
            withUnsafeBytes(of: &key) {
                gm_nft_batch_element(handle, $0.baseAddress! + (16 - length), length, timeout, timeout, flags)
            })
    }

    /// Building a batch fails without memory alone, where the process cannot go on.
    private func check(_ result: Int32) { precondition(result == 0, "no memory for a transaction") }

    public enum Renewal: Sendable {
        /// Adding an element that is there sets its lifetime (Linux 6.12 and later).
        case inPlace
        /// Added, deleted and added again in one transaction: every kernel.
        case replacing
    }
}
