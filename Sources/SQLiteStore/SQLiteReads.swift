import Addressing
import GRDB
import GreylistPolicy
import Moments
import PeerText

/// Keyed reads over one connection. Used only inside a transaction of that connection.
class SQLiteReads: GreylistReads {
    let database: Database
    let hash: KeyedHash
    /// Added to a stored time it gives wall time. Read anew in each transaction of a reader; the writer's own.
    var clockOffset: Int64

    private let findGrey: PreparedStatement
    private let findGreyOfAddress: PreparedStatement
    private let findHost: PreparedStatement
    private let findSpamtrap: PreparedStatement
    private let findAnyDomain: PreparedStatement
    private let findDomain: PreparedStatement
    private let findDomainHost: PreparedStatement
    private let findAllowLengths: PreparedStatement
    private let findAllow: PreparedStatement
    private let findOffer: PreparedStatement
    private let findClockOffset: PreparedStatement

    init(_ database: Database) throws {
        self.database = database
        let halves = try ["hash_key_0", "hash_key_1"].map { name in
            guard let half = try Int64.fetchOne(database, sql: "SELECT value FROM meta WHERE name = ?", arguments: [name]) else {
                throw StoreFault.damaged("the database has lost its \(name)")
            }
            return UInt64(bitPattern: half)
        }
        hash = KeyedHash(key: (halves[0], halves[1]))
        clockOffset = 0
        findGrey = try PreparedStatement(
            database, "SELECT id, address, helo, sender, recipient, first, pass, expire, block, passed FROM grey WHERE key = ?")
        findGreyOfAddress = try PreparedStatement(
            database,
            "SELECT id, address, helo, sender, recipient, first, pass, expire, block, passed FROM grey WHERE address = ? ORDER BY id LIMIT ?"
        )
        findHost = try PreparedStatement(database, "SELECT kind, first, pass, expire, block, passed FROM host WHERE address = ?")
        findSpamtrap = try PreparedStatement(database, "SELECT 1 FROM spamtrap WHERE key = ?")
        findAnyDomain = try PreparedStatement(database, "SELECT 1 FROM domain LIMIT 1")
        findDomain = try PreparedStatement(database, "SELECT 1 FROM domain WHERE pattern = ?")
        findDomainHost = try PreparedStatement(database, "SELECT 1 FROM domain WHERE host = ? LIMIT 1")
        findAllowLengths = try PreparedStatement(database, "SELECT length FROM allow_length WHERE family = ? ORDER BY length DESC")
        findAllow = try PreparedStatement(database, "SELECT 1 FROM allow WHERE address = ? AND length = ?")
        findOffer = try PreparedStatement(database, "SELECT 1 FROM offer WHERE key = ? AND expire > ?")
        findClockOffset = try PreparedStatement(database, "SELECT value FROM meta WHERE name = 'clock_offset'")
        try readClockOffset()
    }

    func readClockOffset() throws(StoreFault) {
        clockOffset = try findClockOffset.first { () throws(StoreFault) in findClockOffset.number(0) } ?? 0
    }

    /// Wall time as it is stored.
    func stored(_ time: UnixTime) -> Int64 { (time - .seconds(clockOffset)).seconds }
    /// A stored time as wall time.
    func wall(_ stored: Int64) -> UnixTime { UnixTime(stored) + .seconds(clockOffset) }

    // MARK: GreylistReads

    func grey(_ key: TupleKey) throws(StoreFault) -> GreyRow? { try found(key)?.row }

    /// The row and its id.
    func found(_ key: TupleKey) throws(StoreFault) -> (id: Int64, row: GreyRow)? {
        var found: (Int64, GreyRow)?
        findGrey.bind(1, hash.hash(group: key.group, from: key.from, to: key.to))
        try findGrey.rows { () throws(StoreFault) in
            let address = try findGrey.address(1)
            guard key.group.contains(address), findGrey.isEqual(3, key.from), findGrey.isEqual(4, key.to) else { return true }
            let row = GreyRow(
                address: address, helo: findGrey.text(2), from: key.from, to: key.to, first: wall(findGrey.number(5)),
                pass: wall(findGrey.number(6)), expire: wall(findGrey.number(7)), block: findGrey.number(8), passed: findGrey.number(9))
            found = (findGrey.number(0), row)
            return false
        }
        return found
    }

    func grey(of address: IPAddress, limit: Int) throws(StoreFault) -> [GreyRow] {
        var rows: [GreyRow] = []
        let find = findGreyOfAddress
        find.bind(1, address)
        find.bind(2, Int64(limit))
        try find.rows { () throws(StoreFault) in
            rows.append(
                GreyRow(
                    address: address, helo: find.text(2), from: find.text(3), to: find.text(4), first: wall(find.number(5)),
                    pass: wall(find.number(6)), expire: wall(find.number(7)), block: find.number(8), passed: find.number(9)))
            return true
        }
        return rows
    }

    func host(_ address: IPAddress) throws(StoreFault) -> HostRow? {
        findHost.bind(1, address)
        return try findHost.first { () throws(StoreFault) in
            try hostRow(
                address, kind: findHost.number(0), first: findHost.number(1), pass: findHost.number(2), expire: findHost.number(3),
                block: findHost.number(4), passed: findHost.number(5))
        }
    }

    func hostRow(
        _ address: IPAddress, kind: Int64, first: Int64, pass: Int64, expire: Int64, block: Int64, passed: Int64
    ) throws(StoreFault) -> HostRow {
        switch HostKind(rawValue: kind) {
        case .white:
            .white(WhiteRow(address: address, first: wall(first), pass: wall(pass), expire: wall(expire), block: block, passed: passed))
        case .trapped: .trapped(TrappedRow(address: address, expire: wall(expire), block: block))
        case nil: throw .damaged("the database holds a host of kind \(kind)")
        }
    }

    func isSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool {
        findSpamtrap.bind(1, key)
        return try findSpamtrap.exists()
    }

    func hasAnyDomain() throws(StoreFault) -> Bool { try findAnyDomain.exists() }

    func hasDomain(_ pattern: PeerText) throws(StoreFault) -> Bool {
        findDomain.bind(1, pattern)
        return try findDomain.exists()
    }

    func hasDomain(speakingOf host: PeerText) throws(StoreFault) -> Bool {
        findDomainHost.bind(1, host)
        return try findDomainHost.exists()
    }

    func allowing(_ address: IPAddress) throws(StoreFault) -> IPPrefix? {
        var lengths: [Int] = []
        findAllowLengths.bind(1, address.isIPv4 ? 4 : 16)
        try findAllowLengths.rows { () throws(StoreFault) in
            lengths.append(Int(findAllowLengths.number(0)))
            return true
        }
        for length in lengths {
            guard let block = IPPrefix(address, length: length) else { continue }
            findAllow.bind(1, block.address)
            findAllow.bind(2, Int64(length))
            if try findAllow.exists() { return block }
        }
        return nil
    }

    func isOffered(from: PeerText, to: PeerText, now: UnixTime) throws(StoreFault) -> Bool {
        findOffer.bind(1, hash.hash(from: from, to: to))
        findOffer.bind(2, stored(now))
        return try findOffer.exists()
    }
}

/// The column `host.kind`.
enum HostKind: Int64 { case white = 1, trapped }
