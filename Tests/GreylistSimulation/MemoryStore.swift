public import Addressing
public import GreylistPolicy
public import Moments
import PeerText

/// The store contract in memory, kept by an undo log. For tests and simulation: faults can be asked for, and bodies can be
/// run twice, as a store shared by machines may do.
public final class MemoryStore: GreylistStore, GreylistReader {
    /// Asked before each commit; a fault returned is thrown, and nothing of the transaction stays.
    public var faultAtCommit: () -> StoreFault? = { nil }
    /// Each body is run, undone, and run again.
    public var runsTwice = false

    fileprivate var rows = Rows()
    private lazy var transaction = MemoryTransaction(self)

    public init() {}

    public func transact<Result>(
        _ body: (any GreylistTransaction) throws(StoreFault) -> Result
    ) throws(StoreFault) -> Result {
        transaction.undo = []
        do throws(StoreFault) {
            if runsTwice {
                _ = try body(transaction)
                transaction.rollBack()
            }
            let result = try body(transaction)
            if let fault = faultAtCommit() { throw fault }
            return result
        } catch {
            transaction.rollBack()
            throw error
        }
    }

    public func read<Result>(_ body: (any GreylistReads) throws(StoreFault) -> Result) throws(StoreFault) -> Result {
        try body(transaction)
    }

    public var counts: RowCounts {
        var counts = RowCounts()
        counts.grey = Int64(rows.grey.count)
        counts.white = Int64(rows.hosts.values.count { if case .white = $0 { true } else { false } })
        counts.trapped = Int64(rows.hosts.count) - counts.white
        counts.spamtraps = Int64(rows.spamtraps.count)
        counts.domains = Int64(rows.domains.count)
        counts.allow = Int64(rows.allow.count)
        return counts
    }

    /// Every row, in no order.
    public var allRows: [StoredRow] {
        rows.grey.values.map(StoredRow.grey) + rows.hosts.values.map(StoredRow.init) + rows.spamtraps.map(StoredRow.spamtrap)
            + rows.domains.map(StoredRow.domain) + rows.allow.map(StoredRow.allow)
    }

    public func page(_ request: ListingRequest, from cursor: ListingCursor, byteLimit: Int) throws(StoreFault) -> ListingPage {
        var page = ListingPage(text: [], next: cursor.nextKind(of: request.kinds))
        let lines = allRows.filter { $0.kind == cursor.kind && !$0.isExpired(request.now) }.map { Array($0.spamdbText.utf8) }
        let wanted = lines.filter { $0.holds(request.matching) }.sorted { $0.lexicographicallyPrecedes($1) }
        for line in wanted where cursor.after.isEmpty || cursor.after.lexicographicallyPrecedes(line) {
            page.text += line + [UInt8(ascii: "\n")]
            if page.text.count >= byteLimit {
                page.next = ListingCursor(kind: cursor.kind, after: line)
                break
            }
        }
        return page
    }

    public func hosts(after address: IPAddress?, now: UnixTime, limit: Int) throws(StoreFault) -> [HostRow] {
        let sorted = rows.hosts.values.filter { $0.expire > now }.sorted { $0.address < $1.address }
        return Array(sorted.filter { row in address.map { $0 < row.address } ?? true }.prefix(limit))
    }

    public func allowed(after block: IPPrefix?, limit: Int) throws(StoreFault) -> [IPPrefix] {
        let sorted = rows.allow.sorted { ($0.address, $0.length) < ($1.address, $1.length) }
        return Array(sorted.filter { row in block.map { ($0.address, $0.length) < (row.address, row.length) } ?? true }.prefix(limit))
    }

    public func domains(after pattern: DomainPattern?, limit: Int) throws(StoreFault) -> [DomainPattern] {
        let sorted = rows.domains.sorted { $0.text < $1.text }
        return Array(sorted.filter { row in pattern.map { $0.text < row.text } ?? true }.prefix(limit))
    }
}

extension StoredRow {
    init(_ row: HostRow) {
        switch row {
        case .white(let row): self = .white(row)
        case .trapped(let row): self = .trapped(row)
        }
    }

    func isExpired(_ now: UnixTime) -> Bool {
        switch self {
        case .grey(let row): row.expire <= now
        case .white(let row): row.expire <= now
        case .trapped(let row): row.expire <= now
        case .spamtrap, .domain, .allow: false
        }
    }
}

private struct Rows {
    var grey: [TupleKey: GreyRow] = [:]
    var greyOfAddress: [IPAddress: Set<TupleKey>] = [:]
    var hosts: [IPAddress: HostRow] = [:]
    var spamtraps: Set<PeerText> = []
    var domains: Set<DomainPattern> = []
    var allow: Set<IPPrefix> = []
    var offers: [[PeerText]: UnixTime] = [:]
}

private final class MemoryTransaction: GreylistTransaction {
    private unowned let store: MemoryStore
    var undo: [(inout Rows) -> Void] = []

    init(_ store: MemoryStore) { self.store = store }

    func rollBack() {
        for step in undo.reversed() { step(&store.rows) }
        undo = []
    }

    /// Sets one entry of a dictionary, remembering how to undo it.
    private func set<Key, Value>(_ table: WritableKeyPath<Rows, [Key: Value]>, _ key: Key, _ value: Value?) {
        let old = store.rows[keyPath: table][key]
        store.rows[keyPath: table][key] = value
        undo.append { $0[keyPath: table][key] = old }
    }

    private func insert<Element>(_ table: WritableKeyPath<Rows, Set<Element>>, _ element: Element) -> Bool {
        guard store.rows[keyPath: table].insert(element).inserted else { return false }
        undo.append { $0[keyPath: table].remove(element) }
        return true
    }

    private func remove<Element>(_ table: WritableKeyPath<Rows, Set<Element>>, _ element: Element) -> Bool {
        guard store.rows[keyPath: table].remove(element) != nil else { return false }
        undo.append { $0[keyPath: table].insert(element) }
        return true
    }

    // MARK: Reads

    func grey(_ key: TupleKey) -> GreyRow? { store.rows.grey[key] }

    func grey(of address: IPAddress, limit: Int) -> [GreyRow] {
        (store.rows.greyOfAddress[address] ?? []).prefix(limit).compactMap { store.rows.grey[$0] }
    }

    func host(_ address: IPAddress) -> HostRow? { store.rows.hosts[address] }
    func isSpamtrap(_ key: PeerText) -> Bool { store.rows.spamtraps.contains(key) }
    func hasAnyDomain() -> Bool { !store.rows.domains.isEmpty }
    func hasDomain(_ pattern: PeerText) -> Bool { store.rows.domains.contains(DomainPattern(stored: pattern)) }
    func hasDomain(speakingOf host: PeerText) -> Bool { store.rows.domains.contains { $0.host == host } }

    func allowing(_ address: IPAddress) -> IPPrefix? {
        store.rows.allow.filter { $0.contains(address) }.max { $0.length < $1.length }
    }

    func isOffered(from: PeerText, to: PeerText, now: UnixTime) -> Bool {
        store.rows.offers[[from, to]].map { $0 > now } ?? false
    }

    // MARK: Writes

    func put(_ row: GreyRow, key: TupleKey) {
        _ = deleteGrey(key)
        set(\.grey, key, row)
        set(\.greyOfAddress, row.address, (store.rows.greyOfAddress[row.address] ?? []).union([key]))
    }

    func deleteGrey(_ key: TupleKey) -> Bool {
        guard let row = store.rows.grey[key] else { return false }
        set(\.grey, key, nil)
        let left = (store.rows.greyOfAddress[row.address] ?? []).subtracting([key])
        set(\.greyOfAddress, row.address, left.isEmpty ? nil : left)
        return true
    }

    func deleteGrey(of address: IPAddress) -> Bool {
        guard let keys = store.rows.greyOfAddress[address] else { return false }
        for key in keys { _ = deleteGrey(key) }
        return true
    }

    func put(_ row: HostRow) { set(\.hosts, row.address, row) }

    func deleteHost(_ address: IPAddress) -> Bool {
        guard store.rows.hosts[address] != nil else { return false }
        set(\.hosts, address, nil)
        return true
    }

    func addSpamtrap(_ key: PeerText) -> Bool { insert(\.spamtraps, key) }
    func deleteSpamtrap(_ key: PeerText) -> Bool { remove(\.spamtraps, key) }
    func addDomain(_ pattern: DomainPattern) -> Bool { insert(\.domains, pattern) }
    func deleteDomain(_ pattern: DomainPattern) -> Bool { remove(\.domains, pattern) }
    func addAllow(_ block: IPPrefix) -> Bool { insert(\.allow, block) }
    func deleteAllow(_ block: IPPrefix) -> Bool { remove(\.allow, block) }

    func noteOffer(from: PeerText, to: PeerText, expire: UnixTime) { set(\.offers, [from, to], expire) }

    func removeExpired(now: UnixTime, limit: Int) -> ExpiredCounts {
        var removed = ExpiredCounts()
        for (key, row) in store.rows.grey where row.expire <= now && removed.grey < limit {
            removed.grey += deleteGrey(key) ? 1 : 0
        }
        for (address, row) in store.rows.hosts where row.expire <= now && removed.grey + removed.white + removed.trapped < limit {
            set(\.hosts, address, nil)
            if case .white = row { removed.white += 1 } else { removed.trapped += 1 }
        }
        for (offer, expire) in store.rows.offers where expire <= now { set(\.offers, offer, nil) }
        removed.more = removed.grey + removed.white + removed.trapped >= limit
        return removed
    }

    func shiftTimes(by step: Duration) {
        for (key, var row) in store.rows.grey {
            row.first = row.first + step
            row.pass = row.pass + step
            row.expire = row.expire + step
            set(\.grey, key, row)
        }
        for (address, row) in store.rows.hosts {
            switch row {
            case .white(var row):
                row.first = row.first + step
                row.pass = row.pass + step
                row.expire = row.expire + step
                set(\.hosts, address, .white(row))
            case .trapped(var row):
                row.expire = row.expire + step
                set(\.hosts, address, .trapped(row))
            }
        }
        for (offer, expire) in store.rows.offers { set(\.offers, offer, expire + step) }
    }
}
