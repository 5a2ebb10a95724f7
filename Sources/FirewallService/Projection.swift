internal import Addressing
internal import NFTables
internal import RoleMessages

/// The sets of our table as the kernel holds them: every way they are written.
struct Projection: ~Copyable {
    let socket: NFTSocket
    let table: String
    private var batch: NFTBatch
    /// What the block sets were last made to hold, in order, until somebody else is known to have written to them.
    var heldBlocks: [NFTSet: [IPRange]] = [:]

    init(socket: consuming NFTSocket, table: String) {
        self.socket = socket
        self.table = table
        batch = NFTBatch(table: table)
    }

    /// Transactions carried out so far: each is one generation of the ruleset.
    private(set) var transactions: UInt32 = 0

    /// The ruleset's generation, nil when the kernel does not say.
    func generation() -> UInt32? {
        do throws(NFTError) { return try socket.generation() } catch { return nil }
    }

    func state() throws(NFTError) -> NFTTableState? { try socket.tableState(table) }

    /// One element's remaining life in whole seconds, rounded up; nil when it is not there.
    func remaining(of address: IPAddress, in set: FirewallOrder.HostSet) throws(NFTError) -> UInt32? {
        let left = try socket.remainingMilliseconds(of: address, in: set.set(NFTSet.Family(of: address)), table: table)
        return left.map { UInt32(clamping: ($0 + 999) / 1000) }
    }

    /// Carries changes out in one transaction, the last word on each address. When the kernel refuses it because of some
    /// element, the others are carried out all the same, and the first refusal is thrown.
    mutating func apply(_ changes: [FirewallOrder.ElementChange]) throws(NFTError) {
        var last: [Target: FirewallOrder.ElementChange] = [:]
        for change in changes { last[Target(change)] = change }
        var patience = Self.refusalsBorne
        if let refusal = try applyDistinct(Array(last.values)[...], &patience) { throw refusal }
    }

    private struct Target: Hashable {
        var set: FirewallOrder.HostSet
        var address: IPAddress

        init(_ change: FirewallOrder.ElementChange) {
            switch change {
            case .put(let element): (set, address) = (element.set, element.address)
            case .delete(let set, let address): (self.set, self.address) = (set, address)
            }
        }
    }

    /// Failed transactions in one `apply` at most: each costs the kernel up to 30 ms.
    private static let refusalsBorne = 24

    /// The first refusal of a single element; throws what concerns the whole, or when too many are refused.
    private mutating func applyDistinct(
        _ changes: ArraySlice<FirewallOrder.ElementChange>, _ patience: inout Int
    ) throws(NFTError) -> NFTError? {
        do throws(NFTError) {
            try commit { batch in Self.put(changes, into: &batch) }
            return nil
        } catch {
            // Only where a set is named can a part of the transaction fare better than the whole.
            if error.isMissing || error.isPassing || error.set == nil { throw error }
            if changes.count == 1 { return error }
            patience -= 1
            if patience < 0 { throw error }
            let middle = changes.startIndex + changes.count / 2
            let first = try applyDistinct(changes[..<middle], &patience)
            let second = try applyDistinct(changes[middle...], &patience)
            return first ?? second
        }
    }

    private static func put(_ changes: ArraySlice<FirewallOrder.ElementChange>, into batch: inout NFTBatch) {
        var puts: [NFTSet: [NFTElement]] = [:]
        var deletions: [NFTSet: [IPAddress]] = [:]
        for change in changes {
            switch change {
            case .put(let element):
                puts[element.set.set(NFTSet.Family(of: element.address)), default: []]
                    .append(NFTElement(element.address, remainingMilliseconds: UInt64(element.remaining) * 1000))
            case .delete(let set, let address): deletions[set.set(NFTSet.Family(of: address)), default: []].append(address)
            }
        }
        for (set, addresses) in deletions { batch.delete(addresses, from: set) }
        for (set, elements) in puts { batch.put(elements, in: set) }
    }

    /// Makes the sets hold exactly what was planned, in one transaction.
    mutating func carryOut(_ plan: FillPlan) throws(NFTError) {
        heldBlocks = [:]
        do throws(NFTError) {
            try commit { batch in plan.write(to: &batch) }
        } catch {
            // Somebody was there between the reading and the writing.
            if plan.hasDifferences { return try carryOut(plan.whole) }
            guard error.isTooLong else { throw error }
            // Without the privilege to force buffers a transaction holds a few thousand elements.
            try fillInParts(plan.sets, with: plan.load, isLive: plan.isLive)
        }
        batch = NFTBatch(table: table)  // a million elements' memory goes back
        for set in plan.sets.blockSets { heldBlocks[set] = plan.load.ranges[set] ?? [] }
    }

    /// What no single transaction holds: the sets of a dormant table are filled step by step. In a live one elements are put
    /// first and strays deleted after, so that no packet meets a set of hosts half empty.
    private mutating func fillInParts(_ sets: ProjectedSets, with load: FinishedLoad, isLive: Bool) throws(NFTError) {
        for set in sets.hostSets {
            let elements = load.elements[set] ?? []
            if !isLive { try commit { $0.flush(set) } }
            for start in stride(from: 0, to: elements.count, by: Self.part) {
                try commit { $0.put(elements[start..<min(start + Self.part, elements.count)], in: set) }
            }
            if isLive { try deleteStrays(in: set, beside: elements) }
        }
        for set in sets.blockSets {
            let ranges = load.ranges[set] ?? []
            try commit {
                $0.flush(set)
                $0.add(ranges.prefix(Self.part), to: set)
            }
            for start in stride(from: Self.part, to: ranges.count, by: Self.part) {
                try commit { $0.add(ranges[start..<min(start + Self.part, ranges.count)], to: set) }
            }
        }
    }

    /// Elements in one part: about 120 bytes each when replaced, in the smallest usual send buffer of 212,992.
    private static let part = 1000

    private mutating func deleteStrays(in set: NFTSet, beside elements: [NFTElement]) throws(NFTError) {
        let wanted = Set(elements.map(\.address))
        var strays: [IPAddress] = []
        try retryingPassing { socket throws(NFTError) in
            strays = []
            try socket.forEachElement(of: set, table: table) { if !wanted.contains($0.address) { strays.append($0.address) } }
        }
        for start in stride(from: 0, to: strays.count, by: Self.part) {
            try commit { $0.delete(strays[start..<min(start + Self.part, strays.count)], from: set) }
        }
    }

    /// Makes the table's chains see packets, or see none. In a transaction of its own: the kernel hooks and unhooks chains
    /// while it prepares a transaction, some 20 ms before the elements of the same transaction can be seen.
    mutating func setTable(dormant: Bool) throws(NFTError) {
        try commit { $0.setTable(dormant: dormant) }
    }

    /// Deletes the table; one that is not there is no error.
    mutating func deleteTable() throws(NFTError) {
        guard try state() != nil else { return }
        do throws(NFTError) { try commit { $0.deleteTable() } } catch { if !error.isMissing { throw error } }
    }

    /// Builds a transaction and carries it out, again when a passing trouble of the kernel's was in the way.
    mutating func commit(_ build: (inout NFTBatch) -> Void) throws(NFTError) {
        for attempt in 1... {
            build(&batch)
            let isEmpty = batch.isEmpty
            do throws(NFTError) {
                try socket.commit(&batch)
                if !isEmpty { transactions &+= 1 }
                return
            } catch {
                guard error.isPassing, attempt < 4 else { throw error }
            }
        }
    }

    private func retryingPassing(_ body: (borrowing NFTSocket) throws(NFTError) -> Void) throws(NFTError) {
        for attempt in 1... {
            do throws(NFTError) { return try body(socket) } catch {
                guard error.isPassing, attempt < 4 else { throw error }
            }
        }
    }
}
