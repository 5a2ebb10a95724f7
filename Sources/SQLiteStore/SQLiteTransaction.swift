import Addressing
import GRDB
import GreylistPolicy
import Moments
import PeerText

/// Keyed writes over the store's one writing connection. Lives as long as the connection; valid inside `transact`.
final class SQLiteTransaction: SQLiteReads, GreylistTransaction {
    /// Rows of each kind, this transaction's changes included. Spares look-ups in tables that are empty.
    var counts = RowCounts()

    /// Grey rows of one address deleted in one transaction at most; the rest is swept by `removeExpired`.
    static let sweepLimit = 1000

    private let insertGrey: PreparedStatement
    private let updateGrey: PreparedStatement
    private let removeGrey: PreparedStatement
    private let greyIDs: PreparedStatement
    private let insertSweep: PreparedStatement
    private let firstSweep: PreparedStatement
    private let removeSweep: PreparedStatement
    private let replaceHost: PreparedStatement
    private let removeHost: PreparedStatement
    private let insertSpamtrap: PreparedStatement
    private let removeSpamtrap: PreparedStatement
    private let insertDomain: PreparedStatement
    private let removeDomain: PreparedStatement
    private let insertAllow: PreparedStatement
    private let removeAllow: PreparedStatement
    private let insertOffer: PreparedStatement
    private let expiredGrey: PreparedStatement
    private let expiredHosts: PreparedStatement
    private let removeOffers: PreparedStatement
    private let updateClockOffset: PreparedStatement

    override init(_ database: Database) throws {
        func prepare(_ sql: String) throws -> PreparedStatement { try PreparedStatement(database, sql) }
        insertGrey = try prepare(
            "INSERT INTO grey (key, address, helo, sender, recipient, first, pass, expire, block, passed) VALUES (?,?,?,?,?,?,?,?,?,?)")
        updateGrey = try prepare(
            "UPDATE grey SET address = ?, helo = ?, first = ?, pass = ?, expire = ?, block = ?, passed = ? WHERE id = ?")
        removeGrey = try prepare("DELETE FROM grey WHERE id = ?")
        greyIDs = try prepare("SELECT id FROM grey WHERE address = ? AND id <= ? ORDER BY id LIMIT ?")
        insertSweep = try prepare("INSERT OR REPLACE INTO sweep SELECT ?, coalesce(max(id), 0) FROM grey")
        firstSweep = try prepare("SELECT address, upto FROM sweep LIMIT 1")
        removeSweep = try prepare("DELETE FROM sweep WHERE address = ?")
        replaceHost = try prepare("INSERT OR REPLACE INTO host (address, kind, first, pass, expire, block, passed) VALUES (?,?,?,?,?,?,?)")
        removeHost = try prepare("DELETE FROM host WHERE address = ?")
        insertSpamtrap = try prepare("INSERT OR IGNORE INTO spamtrap VALUES (?)")
        removeSpamtrap = try prepare("DELETE FROM spamtrap WHERE key = ?")
        insertDomain = try prepare("INSERT OR IGNORE INTO domain VALUES (?, nullif(?, ''))")
        removeDomain = try prepare("DELETE FROM domain WHERE pattern = ?")
        insertAllow = try prepare("INSERT OR IGNORE INTO allow VALUES (?, ?)")
        removeAllow = try prepare("DELETE FROM allow WHERE address = ? AND length = ?")
        insertOffer = try prepare("INSERT OR REPLACE INTO offer VALUES (?, ?)")
        expiredGrey = try prepare("SELECT id FROM grey WHERE expire <= ? ORDER BY expire LIMIT ?")
        expiredHosts = try prepare("SELECT address, kind FROM host WHERE expire <= ? ORDER BY expire LIMIT ?")
        removeOffers = try prepare("DELETE FROM offer WHERE key IN (SELECT key FROM offer WHERE expire <= ? ORDER BY expire LIMIT ?)")
        updateClockOffset = try prepare("UPDATE meta SET value = ? WHERE name = 'clock_offset'")
        try super.init(database)
        counts = try RowCounts(counting: database)
    }

    // MARK: Reads that an empty table answers at once

    override func isSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool { counts.spamtraps > 0 ? try super.isSpamtrap(key) : false }
    override func hasAnyDomain() throws(StoreFault) -> Bool { counts.domains > 0 }
    override func allowing(_ address: IPAddress) throws(StoreFault) -> IPPrefix? { counts.allow > 0 ? try super.allowing(address) : nil }

    // MARK: Grey rows

    func put(_ row: GreyRow, key: TupleKey) throws(StoreFault) {
        if let id = try found(key)?.id {
            updateGrey.bind(1, row.address)
            updateGrey.bind(2, row.helo)
            updateGrey.bind(3, stored(row.first))
            updateGrey.bind(4, stored(row.pass))
            updateGrey.bind(5, stored(row.expire))
            updateGrey.bind(6, row.block)
            updateGrey.bind(7, row.passed)
            updateGrey.bind(8, id)
            try updateGrey.run()
            return
        }
        insertGrey.bind(1, hash.hash(group: key.group, from: key.from, to: key.to))
        insertGrey.bind(2, row.address)
        insertGrey.bind(3, row.helo)
        insertGrey.bind(4, row.from)
        insertGrey.bind(5, row.to)
        insertGrey.bind(6, stored(row.first))
        insertGrey.bind(7, stored(row.pass))
        insertGrey.bind(8, stored(row.expire))
        insertGrey.bind(9, row.block)
        insertGrey.bind(10, row.passed)
        try insertGrey.run()
        counts.grey += 1
    }

    func deleteGrey(_ key: TupleKey) throws(StoreFault) -> Bool {
        guard let id = try found(key)?.id else { return false }
        try deleteGrey(ids: [id])
        return true
    }

    func deleteGrey(of address: IPAddress) throws(StoreFault) -> Bool {
        let ids = try ids(of: address.networkBytes, upto: .max, limit: Self.sweepLimit)
        try deleteGrey(ids: ids)
        if ids.count == Self.sweepLimit {
            insertSweep.bind(1, address)
            try insertSweep.run()
        }
        return !ids.isEmpty
    }

    private func ids(of address: [UInt8], upto: Int64, limit: Int) throws(StoreFault) -> [Int64] {
        greyIDs.bind(1, blob: address)
        greyIDs.bind(2, upto)
        greyIDs.bind(3, Int64(limit))
        return try numbers(greyIDs)
    }

    private func numbers(_ statement: PreparedStatement) throws(StoreFault) -> [Int64] {
        var numbers: [Int64] = []
        try statement.rows { () throws(StoreFault) in
            numbers.append(statement.number(0))
            return true
        }
        return numbers
    }

    private func deleteGrey(ids: [Int64]) throws(StoreFault) {
        for id in ids {
            removeGrey.bind(1, id)
            try removeGrey.run()
        }
        counts.grey -= Int64(ids.count)
    }

    // MARK: Hosts

    func put(_ row: HostRow) throws(StoreFault) {
        let replaced = try host(row.address)
        replaceHost.bind(1, row.address)
        switch row {
        case .white(let row):
            replaceHost.bind(2, HostKind.white.rawValue)
            replaceHost.bind(3, stored(row.first))
            replaceHost.bind(4, stored(row.pass))
            replaceHost.bind(6, row.block)
            replaceHost.bind(7, row.passed)
        case .trapped(let row):
            replaceHost.bind(2, HostKind.trapped.rawValue)
            replaceHost.bind(3, 0)
            replaceHost.bind(4, 0)
            replaceHost.bind(6, row.block)
            replaceHost.bind(7, 0)
        }
        replaceHost.bind(5, stored(row.expire))
        try replaceHost.run()
        if let replaced { counts.add(replaced, -1) }
        counts.add(row, 1)
    }

    func deleteHost(_ address: IPAddress) throws(StoreFault) -> Bool {
        guard let row = try host(address) else { return false }
        removeHost.bind(1, address)
        try removeHost.run()
        counts.add(row, -1)
        return true
    }

    // MARK: Traps, domains, blocks, offers

    func addSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool {
        insertSpamtrap.bind(1, key)
        return try counted(insertSpamtrap, \.spamtraps, 1)
    }

    func deleteSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool {
        removeSpamtrap.bind(1, key)
        return try counted(removeSpamtrap, \.spamtraps, -1)
    }

    func addDomain(_ pattern: DomainPattern) throws(StoreFault) -> Bool {
        insertDomain.bind(1, pattern.text)
        insertDomain.bind(2, pattern.host ?? PeerText(""))
        return try counted(insertDomain, \.domains, 1)
    }

    func deleteDomain(_ pattern: DomainPattern) throws(StoreFault) -> Bool {
        removeDomain.bind(1, pattern.text)
        return try counted(removeDomain, \.domains, -1)
    }

    func addAllow(_ block: IPPrefix) throws(StoreFault) -> Bool {
        insertAllow.bind(1, block.address)
        insertAllow.bind(2, Int64(block.length))
        return try counted(insertAllow, \.allow, 1)
    }

    func deleteAllow(_ block: IPPrefix) throws(StoreFault) -> Bool {
        removeAllow.bind(1, block.address)
        removeAllow.bind(2, Int64(block.length))
        return try counted(removeAllow, \.allow, -1)
    }

    private func counted(
        _ statement: PreparedStatement, _ count: WritableKeyPath<RowCounts, Int64>, _ change: Int64
    ) throws(StoreFault) -> Bool {
        guard try statement.run() > 0 else { return false }
        counts[keyPath: count] += change
        return true
    }

    func noteOffer(from: PeerText, to: PeerText, expire: UnixTime) throws(StoreFault) {
        insertOffer.bind(1, hash.hash(from: from, to: to))
        insertOffer.bind(2, stored(expire))
        try insertOffer.run()
    }

    // MARK: Upkeep

    func removeExpired(now: UnixTime, limit: Int) throws(StoreFault) -> ExpiredCounts {
        var removed = ExpiredCounts()
        expiredGrey.bind(1, stored(now))
        expiredGrey.bind(2, Int64(limit))
        let ids = try numbers(expiredGrey)
        try deleteGrey(ids: ids)
        removed.grey = ids.count
        var left = limit - ids.count
        left -= try removeExpiredHosts(now: now, limit: left, into: &removed)
        left -= try sweep(limit: left)
        removeOffers.bind(1, stored(now))
        removeOffers.bind(2, Int64(left))
        left -= try removeOffers.run()
        removed.more = left <= 0
        return removed
    }

    private func removeExpiredHosts(now: UnixTime, limit: Int, into removed: inout ExpiredCounts) throws(StoreFault) -> Int {
        // As they are stored, so that a row whose bytes are no address goes too and is not found again and again.
        var hosts: [(address: [UInt8], HostKind?)] = []
        expiredHosts.bind(1, stored(now))
        expiredHosts.bind(2, Int64(limit))
        try expiredHosts.rows { () throws(StoreFault) in
            hosts.append((Array(expiredHosts.bytes(0)), HostKind(rawValue: expiredHosts.number(1))))
            return true
        }
        for (address, kind) in hosts {
            removeHost.bind(1, blob: address)
            try removeHost.run()
            if kind == .trapped { removed.trapped += 1 } else { removed.white += 1 }
        }
        counts.white -= Int64(removed.white)
        counts.trapped -= Int64(removed.trapped)
        return hosts.count
    }

    /// Goes on deleting what `deleteGrey(of:)` left behind.
    private func sweep(limit: Int) throws(StoreFault) -> Int {
        var left = limit
        while left > 0 {
            let next = try firstSweep.first { () throws(StoreFault) in (Array(firstSweep.bytes(0)), firstSweep.number(1)) }
            guard let (address, upto) = next else { break }
            let ids = try ids(of: address, upto: upto, limit: left)
            try deleteGrey(ids: ids)
            left -= ids.count
            if left > 0 {
                removeSweep.bind(1, blob: address)
                try removeSweep.run()
            }
        }
        return limit - left
    }

    func shiftTimes(by step: Duration) throws(StoreFault) {
        let (offset, overflow) = clockOffset.addingReportingOverflow(step.wholeSeconds)
        guard !overflow else { throw .failed("the clock stepped by \(step): set it right") }
        updateClockOffset.bind(1, offset)
        try updateClockOffset.run()
        clockOffset = offset
    }
}

extension RowCounts {
    init(counting database: Database) throws {
        func count(_ table: String) throws -> Int64 { try Int64.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0 }
        self.init()
        grey = try count("grey")
        trapped = try count("host WHERE kind = \(HostKind.trapped.rawValue)")
        white = try count("host") - trapped
        spamtraps = try count("spamtrap")
        domains = try count("domain")
        allow = try count("allow")
    }

    mutating func add(_ row: HostRow, _ change: Int64) {
        switch row {
        case .white: white += change
        case .trapped: trapped += change
        }
    }
}
