import Addressing
import GreylistPolicy
import Moments
import PeerText

extension Simulation {
    func administer(_ deed: SimulationPlan.Deed) throws {
        switch deed {
        case .add(let address, let trapped): try add(address, trapped: trapped)
        case .delete(let address):
            try commit { [self] t, _ in
                let decision = try greylist.deleteHost(address, now: now, in: t)
                return (decision.outcome, decision.changes)
            } kept: { [self] found in
                if let difference = model.delete(address, now: wall, found: found) { throw Mismatch(difference) }
            }
        case .deleteGrey(let address):
            try commit { [self] t, _ in
                (try greylist.deleteGrey(address, in: t), [])
            } kept: { [self] _ in
                model.deleteGrey(address, now: wall)
            }
        case .spamtrap(let text, let add):
            try commit { [self] t, _ in
                if add {
                    _ = try greylist.addSpamtrap(PeerText(lowercasing: text), in: t)
                } else {
                    _ = try greylist.deleteSpamtrap(PeerText(lowercasing: text), in: t)
                }
                return ((), [])
            } kept: { [self] _ in
                model.traps.removeAll { $0 == text }
                if add { model.traps.append(text) }
            }
        case .domain(let text, let add):
            let pattern = DomainPattern(text)!
            try commit { [self] t, _ in
                if add { _ = try greylist.addDomain(pattern, in: t) } else { _ = try greylist.deleteDomain(pattern, in: t) }
                return ((), [])
            } kept: { [self] _ in
                model.domains.removeAll { $0 == text }
                if add { model.domains.append(text) }
            }
        case .allow(let address, let bits, let add):
            let block = IPPrefix(address, length: bits)!
            try commit { [self] t, _ in
                let changes = add ? try greylist.addAllow(block, in: t).changes : try greylist.deleteAllow(block, in: t).changes
                return ((), changes)
            } kept: { [self] _ in
                model.allow.removeAll { $0.address == address && $0.bits == bits }
                if add { model.allow.append((address, bits)) }
            }
        }
    }

    private func add(_ address: IPAddress, trapped: Bool) throws {
        try commit { [self] t, chance in
            let decision =
                trapped
                ? try greylist.addTrapped(address, now: now, chance: &chance, in: t)
                : try greylist.addWhite(address, now: now, chance: &chance, in: t)
            guard let row = try t.host(address) else { throw Mismatch("the added host has no row") }
            return (row.expire, decision.changes)
        } kept: { [self] expire in
            if let difference = model.add(address, trapped: trapped, now: wall, expire: expire) { throw Mismatch(difference) }
        }
    }

    /// Store, model and kernel side by side, row by row.
    func compareEverything() throws {
        noteComparison()
        model.forget(at: wall)
        var rows: [StoredRow] = []
        let request = ListingRequest(kinds: .all, now: now)
        var cursor = ListingCursor.beginning(of: .all)
        while let place = cursor {
            let page = try world.reader.page(request, from: place, byteLimit: 16_384)
            for line in page.text.split(separator: UInt8(ascii: "\n")) { rows.append(try StoredRow(spamdbText: line)) }
            cursor = page.next
        }
        try compare(Set(rows.map(\.spamdbText)), expectedLines(), "store")
        guard rows.count == Set(rows).count else { throw Mismatch("a row is listed twice") }
        // Trapped rows show their block only inside.
        for host in model.hosts where host.isTrapped {
            guard case .trapped(let row)? = try world.reader.look({ try $0.host(host.address) }), row.block == host.block else {
                throw Mismatch("\(host.address) should be trapped with block \(host.block)")
            }
        }
        // Steps of up to a minute move the store's clock and not the kernel's; around an expiry the two may differ so long.
        let slack = Int64(600)
        for host in model.hosts where host.expire - wall > slack {
            let element = Element(set: host.isTrapped ? .greytrap : .white, address: host.address)
            guard let until = kernel[element], abs((until - boot) - (host.expire - wall)) <= slack else {
                throw Mismatch("the kernel lacks \(host), or has it for another time: \(kernel[element].map { $0 - boot } ?? 0) seconds")
            }
        }
        let known = Set(model.hosts.map { Element(set: $0.isTrapped ? .greytrap : .white, address: $0.address) })
        for (element, until) in kernel where until - boot > slack && !known.contains(element) {
            throw Mismatch("the kernel has \(element), which nobody knows")
        }
    }

    private func expectedLines() -> Set<String> {
        func text(_ bytes: [UInt8]) -> String { PeerText.escape(bytes) }
        let greys = model.greys.map {
            "GREY|\($0.address)|\(text($0.helo))|\(text($0.from))|\(text($0.to))|\($0.first)|\($0.expire)|\($0.expire)|\($0.block)|0"
        }
        let hosts = model.hosts.map {
            $0.isTrapped
                ? "TRAPPED|\($0.address)|\($0.expire)"
                : "WHITE|\($0.address)|||\($0.first)|\($0.pass)|\($0.expire)|\($0.block)|\($0.passed)"
        }
        let blocks = model.allow.map { StoredRow.allow(IPPrefix($0.address, length: $0.bits)!).spamdbText }
        return Set(greys + hosts + blocks + model.traps.map { "SPAMTRAP|\(text($0))" } + model.domains.map { "DOMAIN|\(text($0))" })
    }

    private func compare(_ found: Set<String>, _ expected: Set<String>, _ what: String) throws {
        guard found != expected else { return }
        let missing = expected.subtracting(found).sorted().prefix(5).joined(separator: " ")
        let extra = found.subtracting(expected).sorted().prefix(5).joined(separator: " ")
        throw Mismatch("\(what) lacks [\(missing)] and has [\(extra)]")
    }
}
