internal import Addressing
internal import NFTables

/// What is to be written so that the sets hold what a load says: for each set everything, or only what differs.
struct FillPlan {
    let sets: ProjectedSets
    let load: FinishedLoad
    let isLive: Bool
    private var hosts: [NFTSet: (gone: [IPAddress], new: [NFTElement])] = [:]
    private var blocks: [NFTSet: (gone: [IPRange], new: [IPRange])] = [:]

    /// Everything, whatever the sets hold.
    init(whole load: FinishedLoad, _ sets: ProjectedSets, isLive: Bool) {
        self.load = load
        self.sets = sets
        self.isLive = isLive
    }

    var whole: FillPlan { FillPlan(whole: load, sets, isLive: isLive) }
    var hasDifferences: Bool { !hosts.isEmpty || !blocks.isEmpty }

    /// Elements to be written, about.
    var count: Int {
        let hostCount = sets.hostSets.reduce(0) { sum, set in
            sum + (hosts[set].map { $0.gone.count + $0.new.count } ?? load.elements[set]?.count ?? 0)
        }
        return sets.blockSets.reduce(hostCount) { sum, set in
            sum + (blocks[set].map { $0.gone.count + $0.new.count } ?? load.ranges[set]?.count ?? 0)
        }
    }

    func write(to batch: inout NFTBatch) {
        for set in sets.hostSets {
            if let (gone, new) = hosts[set] {
                batch.delete(gone, from: set)
                batch.put(new, in: set)
            } else {
                batch.flush(set)
                batch.add(load.elements[set] ?? [], to: set)
            }
        }
        for set in sets.blockSets {
            if let (gone, new) = blocks[set] {
                batch.delete(gone, from: set)
                batch.add(new, to: set)
            } else {
                batch.flush(set)
                batch.add(load.ranges[set] ?? [], to: set)
            }
        }
    }

    // MARK: what differs

    /// Elements of a set up to which it is read back: beyond, reading costs the kernel more than writing everything does (half a
    /// minute for a million).
    static let readBackLimit = 200_000
    /// Milliseconds by which a lifetime may differ from what it should be: the engine tells whole seconds.
    static let lifetimeTolerance: UInt64 = 1000

    /// A set of hosts holds this; it is to hold what the load says. An element without an end is none of ours and cannot be given one:
    /// then the whole set is written.
    mutating func note(_ set: NFTSet, holds held: [IPAddress: UInt64]) {
        var new: [NFTElement] = []
        var gone = held
        for element in load.elements[set] ?? [] {
            guard let remaining = gone.removeValue(forKey: element.address) else {
                new.append(element)
                continue
            }
            if remaining == 0 { return }
            let difference = max(remaining, element.remainingMilliseconds) - min(remaining, element.remainingMilliseconds)
            if difference > Self.lifetimeTolerance { new.append(element) }
        }
        hosts[set] = (Array(gone.keys), new)
    }

    /// The same for an interval set, whose ranges are in order.
    mutating func note(_ set: NFTSet, holds held: [IPRange]) { blocks[set] = Projection.difference(from: held, to: load.ranges[set] ?? []) }
}

extension Projection {
    /// Sets that see packets are read back once, and only what differs is written to them; others are filled. What cannot be
    /// read exactly is written whole.
    func plan(_ load: FinishedLoad, for sets: ProjectedSets, isLive: Bool) -> FillPlan {
        var plan = FillPlan(whole: load, sets, isLive: isLive)
        guard isLive else { return plan }
        for set in sets.hostSets {
            guard (load.elements[set]?.count ?? 0) <= FillPlan.readBackLimit, let held = elements(of: set) else { continue }
            plan.note(set, holds: held)
        }
        for set in sets.blockSets {
            do throws(NFTError) { plan.note(set, holds: try socket.ranges(of: set, table: table)) } catch { continue }
        }
        return plan
    }

    /// Every element of a set, with the milliseconds it still has to live; nil when that is not known for certain, or is too much.
    private func elements(of set: NFTSet) -> [IPAddress: UInt64]? {
        do throws(NFTError) {
            guard let count = try state()?.elementCounts[set.name], count <= FillPlan.readBackLimit else { return nil }
            var held: [IPAddress: UInt64] = [:]
            held.reserveCapacity(count)
            var read = 0
            try socket.forEachElement(of: set, table: table) {
                held[$0.address] = $0.remainingMilliseconds
                read += 1
            }
            // A listing may miss elements, or show some twice, while the kernel grows the set's table.
            return read == count && held.count == count ? held : nil
        } catch { return nil }
    }
}
