internal import Addressing
internal import Moments
internal import NFTables
internal import RoleMessages

/// The whole truth while it arrives: what the sets shall hold, gathered between `beginLoad` and `finishLoad`.
struct PendingLoad {
    let order: UInt64
    private let begun: MonotonicTime
    /// Elements by set, their lifetimes counted from `begun`.
    private(set) var elements: [NFTSet: [NFTElement]] = [:]
    private(set) var ranges: [NFTSet: [IPRange]] = [:]
    /// Changes ordered while the load went on: newer than what the load says of the same address.
    private var changes: [NFTSet: [IPAddress: NFTElement?]] = [:]

    /// `begun`: CLOCK_BOOTTIME, as all times here.
    init(order: UInt64, begun: MonotonicTime) {
        self.order = order
        self.begun = begun
    }

    mutating func add(_ more: [FirewallOrder.ElementChange.Element], at now: MonotonicTime) {
        let passed = UInt64(clamping: (now - begun).wholeMilliseconds)
        for element in more {
            let set = element.set.set(NFTSet.Family(of: element.address))
            elements[set, default: []].append(NFTElement(element.address, remainingMilliseconds: UInt64(element.remaining) * 1000 + passed))
        }
    }

    mutating func add(_ more: [IPRange], to set: FirewallOrder.BlockSet) {
        for range in more { ranges[set.set(NFTSet.Family(of: range.first)), default: []].append(range) }
    }

    mutating func note(_ more: [FirewallOrder.ElementChange], at now: MonotonicTime) {
        let passed = UInt64(clamping: (now - begun).wholeMilliseconds)
        for change in more {
            switch change {
            case .put(let element):
                let set = element.set.set(NFTSet.Family(of: element.address))
                changes[set, default: [:]][element.address] = .some(
                    NFTElement(element.address, remainingMilliseconds: UInt64(element.remaining) * 1000 + passed))
            case .delete(let host, let address):
                changes[host.set(NFTSet.Family(of: address)), default: [:]][address] = .some(nil)
            }
        }
    }

    /// What `replaceBlocks` said meanwhile is newer too.
    mutating func replace(_ set: FirewallOrder.BlockSet, with blocks: [IPRange]) {
        for family in NFTSet.Family.allCases { ranges[set.set(family)] = nil }
        add(blocks, to: set)
    }

    /// Ends the gathering: lifetimes are those left now, what has expired meanwhile is gone, newer changes have won.
    consuming func finished(at now: MonotonicTime) -> FinishedLoad {
        let passed = UInt64(clamping: (now - begun).wholeMilliseconds)
        for (set, newer) in changes {
            var kept = elements[set, default: []].filter { newer[$0.address] == nil }
            kept += newer.values.compactMap(\.self)
            elements[set] = kept
        }
        return FinishedLoad(
            elements: elements.mapValues { list in
                list.compactMap { element in
                    guard element.remainingMilliseconds > passed else { return nil }
                    return NFTElement(element.address, remainingMilliseconds: element.remainingMilliseconds - passed)
                }
            },
            ranges: Dictionary(uniqueKeysWithValues: ranges.map { ($0, IPRange.merged($1, $0.family)) }))
    }
}

/// What every set shall hold, ready for the kernel.
struct FinishedLoad {
    var elements: [NFTSet: [NFTElement]]
    /// Merged, in order.
    var ranges: [NFTSet: [IPRange]]
}
