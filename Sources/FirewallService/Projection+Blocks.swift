internal import Addressing
internal import NFTables
internal import RoleMessages

/// The interval sets, whose contents come whole and are written as differences: adding to an interval set that was flushed in the
/// same transaction costs the kernel seconds at a hundred thousand, as each addition walks past what is deleted.
extension Projection {
    /// Makes an interval set hold exactly this, both families in one transaction.
    mutating func replace(_ blocks: FirewallOrder.BlockSet, with ranges: [IPRange]) throws(NFTError) {
        let wanted = NFTSet.Family.allCases.map { (set: blocks.set($0), ranges: IPRange.merged(ranges, $0)) }
        if try !writeDifferences(wanted) { try writeWhole(wanted) }
        for (set, ranges) in wanted { heldBlocks[set] = ranges }
    }

    /// False when what the kernel holds is not known well enough.
    private mutating func writeDifferences(_ wanted: [(set: NFTSet, ranges: [IPRange])]) throws(NFTError) -> Bool {
        var differences: [(set: NFTSet, gone: [IPRange], new: [IPRange])] = []
        for (set, ranges) in wanted {
            // Known no more, should this fail.
            guard let held = heldBlocks.removeValue(forKey: set) else { return false }
            let (gone, new) = Self.difference(from: held, to: ranges)
            differences.append((set, gone, new))
        }
        do throws(NFTError) {
            try commit { batch in
                for (set, gone, new) in differences {
                    batch.delete(gone, from: set)
                    batch.add(new, to: set)
                }
            }
            return true
        } catch { return false }
    }

    private mutating func writeWhole(_ wanted: [(set: NFTSet, ranges: [IPRange])]) throws(NFTError) {
        try commit { batch in
            for (set, ranges) in wanted {
                batch.flush(set)
                batch.add(ranges, to: set)
            }
        }
    }

    /// What only the one and what only the other holds; both in order, without overlaps.
    static func difference(from held: [IPRange], to wanted: [IPRange]) -> (gone: [IPRange], new: [IPRange]) {
        var gone: [IPRange] = []
        var new: [IPRange] = []
        var old = held[...]
        var coming = wanted[...]
        while let here = old.first, let there = coming.first {
            if here != there {
                if here.first <= there.first { gone.append(here) }
                if there.first <= here.first { new.append(there) }
            }
            if here.first <= there.first { old.removeFirst() }
            if there.first <= here.first { coming.removeFirst() }
        }
        return (gone + old, new + coming)
    }
}
