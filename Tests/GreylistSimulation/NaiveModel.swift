import Addressing
public import GreylistPolicy
import Moments

/// The rules of behaviour.md §§1–3 and §5 once more, as plainly as can be: arrays that are searched from end to end, raw
/// lower-case bytes, times in seconds, everything forgotten the moment it expires. It shares no code with the policy; what
/// chance decided there (up to one per cent of a lifetime) is checked and taken over.
struct NaiveModel {
    typealias Bytes = [UInt8]

    struct Grey: Equatable {
        var address: IPAddress
        var helo, from, to: Bytes
        var first, expire, block: Int64
    }

    struct Host: Equatable {
        var address: IPAddress
        var isTrapped: Bool
        var first, pass, expire, block, passed: Int64
    }

    /// What one connection has said.
    struct Talk {
        var said: [(Bytes, Bytes)] = []
        var trapNamed = false
        var countedAsTrapped = false
    }

    var passtime, greyexp, whiteexp, trapexp: Int64
    var bits4, bits6: Int
    var low: IPAddress?
    var suffixAtLabel, learnOutbound: Bool
    var fileDomains: [Bytes]

    var greys: [Grey] = []
    var hosts: [Host] = []
    var traps: [Bytes] = []
    var domains: [Bytes] = []
    var allow: [(address: IPAddress, bits: Int)] = []
    var offers: [(from: Bytes, to: Bytes, at: Int64)] = []

    mutating func forget(at now: Int64) {
        greys.removeAll { $0.expire <= now }
        hosts.removeAll { $0.expire <= now }
        offers.removeAll { $0.at + greyexp <= now }
    }

    mutating func shift(by step: Int64) {
        for index in greys.indices {
            greys[index].first += step
            greys[index].expire += step
        }
        for index in hosts.indices {
            if !hosts[index].isTrapped {
                hosts[index].first += step
                hosts[index].pass += step
            }
            hosts[index].expire += step
        }
        for index in offers.indices { offers[index].at += step }
    }

    // MARK: Attempts

    /// What an attempt must come to. `actual` is what it came to; a difference is told.
    mutating func attempt(
        address: IPAddress, helo: Bytes, from: Bytes, to: Bytes, destination: IPAddress?, isListed: Bool, talk: inout Talk, now: Int64,
        doubt: Int64, actual: AttemptOutcome
    ) -> String? {
        forget(at: now)
        let (helo, from, to) = (lower(helo), lower(from), lower(to))
        let wasOffered = offers.contains { $0.from == from && $0.to == to }
        offers.append((from, to, now))
        if isAllowed(address) { return actual.word == "allowed" ? nil : "should be allowed" }
        if let index = hosts.firstIndex(where: { $0.address == address }) {
            if hosts[index].isTrapped {
                if !talk.countedAsTrapped { hosts[index].block += 1 }
                talk.countedAsTrapped = true
                guard case .heldAlready(let row) = actual, row.block == hosts[index].block else {
                    return "should be held, block \(hosts[index].block)"
                }
                return nil
            }
            return actual.word == "white" ? nil : "should be white"
        }
        if isListed { return actual.word == "listed" ? nil : "should be listed" }

        let isNull = from == Array("<>".utf8)
        if !isNull { talk.trapNamed = false }
        if isTrap(address, from, to, destination, wasOffered: wasOffered, now: now, doubt: doubt) {
            if isNull {
                talk.trapNamed = true
                return actual.word == "trapPending" ? nil : "should be a trap that waits for DATA"
            }
            return trap(address, talk: &talk, now: now, actual: actual)
        }
        return offer(address: address, helo: helo, from: from, to: to, talk: &talk, now: now, actual: actual)
    }

    /// DATA after a null sender.
    mutating func data(_ address: IPAddress, talk: inout Talk, now: Int64, actual: AttemptOutcome?) -> String? {
        forget(at: now)
        guard talk.trapNamed else { return actual == nil ? nil : "DATA should change nothing" }
        talk.trapNamed = false
        if isAllowed(address) { return actual?.word == "allowed" ? nil : "should be allowed" }
        if let host = hosts.first(where: { $0.address == address }) {
            return actual?.word == (host.isTrapped ? "heldAlready" : "white") ? nil : "should stay as it is"
        }
        guard let actual else { return "the trap should spring at DATA" }
        return trap(address, talk: &talk, now: now, actual: actual)
    }

    private mutating func trap(_ address: IPAddress, talk: inout Talk, now: Int64, actual: AttemptOutcome) -> String? {
        guard case .trapped(let row, _) = actual else { return "should spring a trap" }
        guard isWithin(row.expire, now + trapexp, trapexp) else { return "trapped until \(row.expire)" }
        greys.removeAll { $0.address == address }
        hosts.append(Host(address: address, isTrapped: true, first: 0, pass: 0, expire: row.expire.seconds, block: 1, passed: 0))
        talk.countedAsTrapped = true
        return nil
    }

    private mutating func offer(
        address: IPAddress, helo: Bytes, from: Bytes, to: Bytes, talk: inout Talk, now: Int64, actual: AttemptOutcome
    ) -> String? {
        if talk.said.contains(where: { $0.0 == from && $0.1 == to }) { return actual == .repeated ? nil : "should be a repetition" }
        talk.said.append((from, to))
        guard let index = greys.firstIndex(where: { $0.from == from && $0.to == to && isOneGroup($0.address, address) }) else {
            greys.append(Grey(address: address, helo: helo, from: from, to: to, first: now, expire: now + greyexp, block: 1))
            guard case .grey(let row) = actual, row.block == 1 else { return "should be a first sight" }
            return nil
        }
        greys[index].block += 1
        if now < greys[index].first + passtime {
            guard case .grey(let row) = actual, row.block == greys[index].block else {
                return "should count as attempt \(greys[index].block)"
            }
            return nil
        }
        let passed = greys.remove(at: index)
        greys.removeAll { $0.address == address }
        guard case .passed(let row) = actual, row.first.seconds == passed.first, row.block == passed.block, row.pass.seconds == now,
            row.passed == 0,
            isWithin(row.expire, now + whiteexp, whiteexp)
        else { return "should pass with first \(passed.first) and block \(passed.block)" }
        hosts.append(
            Host(
                address: address, isTrapped: false, first: passed.first, pass: now, expire: row.expire.seconds, block: passed.block,
                passed: 0))
        return nil
    }

    // MARK: Traps

    private func isTrap(
        _ address: IPAddress, _ from: Bytes, _ to: Bytes, _ destination: IPAddress?, wasOffered: Bool, now: Int64, doubt: Int64
    ) -> Bool {
        let recipient = bare(to)
        let parts = recipient.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        let host = parts.count > 1 ? Bytes(parts.last!) : nil
        let all = fileDomains + domains
        let matches = all.isEmpty || all.contains { self.matches(recipient, $0) }
        if parts.dropLast(parts.count > 1 ? 1 : 0).elementsEqual([Bytes("postmaster".utf8)[...]]) {
            guard let host else { return false }
            if matches || all.contains(where: { ends($0, with: [UInt8(ascii: "@")] + host) }) { return false }
        }
        if traps.contains(recipient) || !matches { return true }
        guard destination != nil, destination == low, now - doubt >= greyexp, !wasOffered else { return false }
        return !greys.contains { $0.from == from && $0.to == to && isOneGroup($0.address, address) }
    }

    private func matches(_ recipient: Bytes, _ pattern: Bytes) -> Bool {
        guard let at = pattern.lastIndex(of: UInt8(ascii: "@")) else {
            guard ends(recipient, with: pattern) else { return false }
            let before = recipient.dropLast(pattern.count)
            if !suffixAtLabel { return !before.isEmpty || recipient == pattern }
            return before.isEmpty || before.last == UInt8(ascii: "@") || before.last == UInt8(ascii: ".")
                || pattern.first == UInt8(ascii: ".")
        }
        return at == 0 ? ends(recipient, with: pattern) : recipient == pattern
    }

    private func ends(_ text: Bytes, with end: Bytes) -> Bool { text.count >= end.count && Bytes(text.suffix(end.count)) == end }

    /// Without brackets and source route.
    private func bare(_ to: Bytes) -> Bytes {
        var text = to
        if text.first == UInt8(ascii: "<") { text.removeFirst() }
        if text.last == UInt8(ascii: ">") { text.removeLast() }
        if text.first == UInt8(ascii: "@"), let colon = text.firstIndex(of: UInt8(ascii: ":")) { text.removeSubrange(...colon) }
        return text
    }

    private func lower(_ bytes: Bytes) -> Bytes { bytes.map { (65...90).contains($0) ? $0 + 32 : $0 } }

    // MARK: Networks

    private func bit(_ address: IPAddress, _ index: Int) -> Bool {
        let bytes = address.networkBytes
        return bytes[index / 8] >> UInt8(7 - index % 8) & 1 == 1
    }

    private func share(_ a: IPAddress, _ b: IPAddress, bits: Int) -> Bool {
        a.isIPv4 == b.isIPv4 && (0..<bits).allSatisfy { bit(a, $0) == bit(b, $0) }
    }

    private func isOneGroup(_ a: IPAddress, _ b: IPAddress) -> Bool { a == b || share(a, b, bits: a.isIPv4 ? bits4 : bits6) }

    func isAllowed(_ address: IPAddress) -> Bool { allow.contains { share($0.address, address, bits: $0.bits) } }

    private func isWithin(_ expire: UnixTime, _ least: Int64, _ lifetime: Int64) -> Bool {
        expire.seconds >= least && expire.seconds <= least + lifetime / 100
    }

    // MARK: Packet log and administrator

    mutating func packetLog(_ address: IPAddress, outbound: Bool, now: Int64, actual: PacketLogOutcome) -> String? {
        forget(at: now)
        if outbound && !learnOutbound { return actual == .unknown ? nil : "nothing should be learnt" }
        if let index = hosts.firstIndex(where: { $0.address == address }) {
            if hosts[index].isTrapped { return actual == .unknown ? nil : "a trapped host should stay so" }
            guard case .renewed(let row) = actual, row.passed == hosts[index].passed + 1, row.expire.seconds >= hosts[index].expire,
                row.expire.seconds >= now + whiteexp
            else { return "should be renewed" }
            hosts[index].passed += 1
            hosts[index].expire = row.expire.seconds
            return nil
        }
        guard outbound else { return actual == .unknown ? nil : "an unknown host should stay so" }
        guard case .learned(let row) = actual, isWithin(row.expire, now + whiteexp, whiteexp) else { return "should be learnt" }
        greys.removeAll { $0.address == address }
        hosts.append(Host(address: address, isTrapped: false, first: now, pass: now, expire: row.expire.seconds, block: 1, passed: 0))
        return nil
    }

    /// `spamdb -a` and `-t -a`; `expire` is what the store says now.
    mutating func add(_ address: IPAddress, trapped: Bool, now: Int64, expire: UnixTime) -> String? {
        forget(at: now)
        let lifetime = trapped ? trapexp : whiteexp
        guard isWithin(expire, now + lifetime, lifetime) else { return "added until \(expire)" }
        let old = hosts.first { $0.address == address }
        hosts.removeAll { $0.address == address }
        var new = Host(
            address: address, isTrapped: trapped, first: trapped ? 0 : now, pass: trapped ? 0 : now, expire: expire.seconds, block: 1,
            passed: 0)
        if let old, old.isTrapped == trapped {
            new.block = old.block
            if !trapped {
                new.first = old.first
                new.passed = old.passed + 1
            }
        }
        if old == nil || trapped || old!.isTrapped { greys.removeAll { $0.address == address } }
        hosts.append(new)
        return nil
    }

    mutating func delete(_ address: IPAddress, now: Int64, found: Bool) -> String? {
        forget(at: now)
        let count = hosts.count
        hosts.removeAll { $0.address == address }
        return found == (hosts.count < count) ? nil : "deleting found \(found)"
    }

    mutating func deleteGrey(_ address: IPAddress, now: Int64) {
        forget(at: now)
        greys.removeAll { $0.address == address }
    }
}

extension AttemptOutcome {
    /// The case's name alone.
    public var word: String {
        switch self {
        case .grey: "grey"
        case .repeated: "repeated"
        case .passed: "passed"
        case .trapped: "trapped"
        case .trapPending: "trapPending"
        case .heldAlready: "heldAlready"
        case .white: "white"
        case .allowed: "allowed"
        case .listed: "listed"
        case .unrecorded: "unrecorded"
        }
    }
}
