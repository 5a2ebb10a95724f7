internal import Addressing
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import PacketLog
internal import RoleMessages

/// Connections that reached the real server, as the kernel logs them: what one turn receives becomes one transaction and
/// one change of the sets.
extension Engine {
    func receivePackets() {
        guard packetLog != nil else { return }
        do throws(PacketLogError) {
            var sightings = packetSightings
            packetSightings = PacketSightings()
            let only = configuration.packetLogInterface
            try packetLog?.receive { sightings.add($0, interface: only) }
            packetSightings = sightings
        } catch {
            log.logger.error("\(error); the packet log goes on")
        }
    }

    /// Hands what has been seen to the writer, unless the last batch is still there: then it waits and grows together.
    func refreshSeen() {
        guard !packetSightings.isEmpty, !isRefreshing else { return }
        let sightings = packetSightings.takeBatch()
        let wall = now.wall
        isRefreshing = writer.perform { owner throws(StoreFault) in
            try owner.refresh(sightings, now: wall)
        } then: { [unowned self] result in
            isRefreshing = false
            switch result {
            case .success(let refreshed):
                packetCounts.refreshed += refreshed.renewed
                packetCounts.learned += refreshed.learned
                packetCounts.unknown += refreshed.unknown
                projection.submit(refreshed.changes, waiter: nil)
            case .failure(let fault):
                packetCounts.unstored += sightings.connections
                note(fault)
            }
        }
        if !isRefreshing { packetCounts.unstored += sightings.connections }
    }
}

/// Counted since the engine started.
struct PacketCounts {
    var refreshed: UInt64 = 0
    var learned: UInt64 = 0
    var unknown: UInt64 = 0
    /// Seen while the database could not store anything.
    var unstored: UInt64 = 0
}

extension StoreOwner {
    struct Refreshed: Sendable {
        var renewed: UInt64 = 0
        var learned: UInt64 = 0
        var unknown: UInt64 = 0
        var changes: [ProjectionChange] = []
    }

    /// Renews and learns hosts, in one transaction.
    func refresh(_ sightings: PacketSightings, now: UnixTime) throws(StoreFault) -> Refreshed {
        try store.transact { transaction throws(StoreFault) in
            var refreshed = Refreshed()
            for (direction, hosts) in [(PacketDirection.inbound, sightings.inbound), (.outbound, sightings.outbound)] {
                for (address, connections) in hosts {
                    let decision = try greylist.packetLogSaw(
                        address, direction, connections: connections, now: now, chance: &chance, in: transaction)
                    switch decision.outcome {
                    case .renewed: refreshed.renewed += 1
                    case .learned: refreshed.learned += 1
                    case .unknown: refreshed.unknown += 1
                    }
                    refreshed.changes += decision.changes
                }
            }
            return refreshed
        }
    }
}
