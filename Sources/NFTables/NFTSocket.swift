public import Addressing
internal import CNFTables
internal import Glibc
public import LinuxIO

/// The connection that carries out transactions and answers questions. For one thread.
public struct NFTSocket: ~Copyable {
    private let descriptor: FileDescriptor
    /// Names this socket in the kernel's notifications: they tell our own transactions from others'.
    public let portID: UInt32
    /// Bytes of the longest transaction that fits, roughly.
    public let sendBufferBytes: Int

    public init() throws(NFTError) { try self.init(adopting: Self.make(.openSocket)) }

    /// `adopting`: a NETLINK_NETFILTER socket, made in another network namespace perhaps, and not yet bound. `sendBuffer`: the
    /// bytes asked for, room for three million elements in one transaction.
    public init(adopting descriptor: consuming FileDescriptor, sendBuffer: Int = 128 << 20) throws(NFTError) {
        var port: UInt32 = 0
        var granted = 0
        guard gm_nft_bind(descriptor.number, 0, sendBuffer, &port, &granted) == 0 else {
            throw NFTError(.openSocket, code: errno)
        }
        self.descriptor = descriptor
        portID = port
        sendBufferBytes = granted
    }

    static func make(_ operation: NFTError.Operation) throws(NFTError) -> FileDescriptor {
        let number = gm_nft_socket()
        guard number >= 0 else { throw NFTError(operation, code: errno) }
        return FileDescriptor(owning: number)
    }

    /// Carries out a transaction and empties the batch, whether it worked or not. An empty one is nothing.
    public func commit(_ batch: inout NFTBatch) throws(NFTError) {
        guard !batch.isEmpty else { return }
        var failure = gm_nft_failure()
        let result = gm_nft_commit(descriptor.number, batch.handle, &failure)
        let code = errno
        batch.removeAll()
        guard result == 0 else { throw NFTError(failure, table: batch.table, code: code) }
    }

    /// The ruleset's generation: one more with each transaction of anybody.
    public func generation() throws(NFTError) -> UInt32 {
        var generation: UInt32 = 0
        guard gm_nft_generation(descriptor.number, &generation) == 0 else { throw NFTError(.read, code: errno) }
        return generation
    }

    /// What is there of a table; nil when it is not.
    public func tableState(_ table: String) throws(NFTError) -> NFTTableState? {
        var flags: UInt32 = 0
        guard gm_nft_table_flags(descriptor.number, table, &flags) == 0 else {
            if errno == ENOENT { return nil }
            throw NFTError(.read, table: table, code: errno)
        }
        var state = NFTTableState(isDormant: flags & UInt32(GM_NFT_TABLE_DORMANT) != 0)
        for attempt in 0... {
            state.keyLengths = [:]
            state.elementCounts = [:]
            let result = withUnsafeMutablePointer(to: &state) { state in
                gm_nft_sets(
                    descriptor.number, table,
                    { context, name, keyLength, count in
                        guard let context, let name else { return }
                        let state = context.assumingMemoryBound(to: NFTTableState.self)
                        state.pointee.keyLengths[String(cString: name)] = Int(keyLength)
                        if count >= 0 { state.pointee.elementCounts[String(cString: name)] = Int(count) }
                    }, state)
            }
            if result == 0 { break }
            guard errno == EINTR, attempt < 10 else { throw NFTError(.read, table: table, code: errno) }
        }
        return state
    }

    /// One element's remaining life in milliseconds, 0 for ever; nil when it is not there.
    public func remainingMilliseconds(of address: IPAddress, in set: NFTSet, table: String) throws(NFTError) -> UInt64? {
        var timeout: UInt64 = 0
        var expiration: UInt64 = 0
        var key = (address.high.bigEndian, address.low.bigEndian)
        let length = set.family.keyLength
        let result = withUnsafeBytes(of: &key) {
            gm_nft_get(descriptor.number, table, set.name, $0.baseAddress! + (16 - length), length, &timeout, &expiration)
        }
        if result == 0 { return expiration }
        if errno == ENOENT { return nil }
        throw NFTError(.read, table: table, set: set.name, element: address, code: errno)
    }

    /// Hands over every element of a set of hosts, in no order, as the kernel's answer arrives; no copy of the set is made.
    /// Slow with large sets: half a minute for a million. Throws `isPassing` when the set changed meanwhile, so that some
    /// may have been missed or come twice; without a word they may be while the kernel still grows the set's hash table
    /// after many additions (rhashtable_walk_start): `NFTTableState.elementCounts` tells.
    public func forEachElement(of set: NFTSet, table: String, _ body: @escaping (NFTElement) -> Void) throws(NFTError) {
        var context = DumpContext(body: { address, expiration, _ in body(NFTElement(address, remainingMilliseconds: expiration)) })
        let result = dump(set, table, &context)
        guard result == 0 else { throw NFTError(.read, table: table, set: set.name, code: result) }
    }

    /// The ranges of an interval set, in order.
    public func ranges(of set: NFTSet, table: String) throws(NFTError) -> [IPRange] {
        var starts: [IPAddress] = []
        var ends: [IPAddress] = []
        let take = { (address: IPAddress, _: UInt64, isEnd: Bool) in
            if isEnd { ends.append(address) } else { starts.append(address) }
        }
        var context = DumpContext(body: take)
        let result = dump(set, table, &context)
        guard result == 0 else { throw NFTError(.read, table: table, set: set.name, code: result) }
        return Self.pair(starts.sorted(), ends.sorted(), set.family)
    }

    /// Every start with the first end behind it; the last may be open.
    private static func pair(_ starts: [IPAddress], _ ends: [IPAddress], _ family: NFTSet.Family) -> [IPRange] {
        var index = 0
        return starts.compactMap { start in
            while index < ends.count && ends[index] <= start { index += 1 }
            let last =
                index < ends.count
                ? ends[index].preceding(in: family) : family == .ipv4 ? IPAddress(ipv4: .max) : IPAddress(high: .max, low: .max)
            return last.flatMap { IPRange(start, $0) }
        }
    }

    private struct DumpContext {
        var body: (IPAddress, UInt64, Bool) -> Void
    }

    /// errno, 0 when all went well.
    private func dump(_ set: NFTSet, _ table: String, _ context: inout DumpContext) -> Int32 {
        withUnsafeMutablePointer(to: &context) { context in
            let result = gm_nft_dump(
                descriptor.number, table, set.name,
                { context, key, length, _, expiration, flags in
                    let key = UnsafeRawBufferPointer(start: key, count: length)
                    guard let context, let address = IPAddress(networkBytes: key) else { return }
                    context.assumingMemoryBound(to: DumpContext.self).pointee
                        .body(address, expiration, flags & UInt32(GM_NFT_INTERVAL_END) != 0)
                }, context)
            return result == 0 ? 0 : errno
        }
    }
}
