import Addressing
import GRDB
import GreylistPolicy
import Moments
import PeerText

/// Pages of rows by key order. Lines are written from the row's own bytes, without a Swift value per column.
final class SQLiteListing {
    private let reads: SQLiteReads
    private let greys: PreparedStatement
    private let hosts: PreparedStatement
    private let spamtraps: PreparedStatement
    private let domains: PreparedStatement
    private let blocks: PreparedStatement

    /// Rows a page looks at, at most: a few milliseconds.
    static let rowLimit = 10_000

    init(_ reads: SQLiteReads) throws {
        self.reads = reads
        func prepare(_ sql: String) throws -> PreparedStatement { try PreparedStatement(reads.database, sql) }
        greys = try prepare(
            "SELECT id, address, helo, sender, recipient, first, pass, expire, block, passed FROM grey WHERE id > ? ORDER BY id")
        hosts = try prepare("SELECT address, kind, first, pass, expire, block, passed FROM host WHERE address > ? ORDER BY address")
        spamtraps = try prepare("SELECT key FROM spamtrap WHERE key > ? ORDER BY key")
        domains = try prepare("SELECT pattern FROM domain WHERE pattern > ? ORDER BY pattern")
        blocks = try prepare("SELECT address, length FROM allow WHERE (address, length) > (?, ?) ORDER BY address, length")
    }

    func page(_ request: ListingRequest, from cursor: ListingCursor, byteLimit: Int) throws(StoreFault) -> ListingPage {
        var page = PageWriter(request: request, byteLimit: byteLimit)
        let last: [UInt8]? =
            switch cursor.kind {
            case .grey: try grey(after: cursor.after, into: &page)
            case .white: try host(.white, after: cursor.after, into: &page)
            case .trapped: try host(.trapped, after: cursor.after, into: &page)
            case .spamtrap: try text(spamtraps, .spamtrap, after: cursor.after, into: &page)
            case .domain: try text(domains, .domain, after: cursor.after, into: &page)
            case .allow: try allow(after: cursor.after, into: &page)
            }
        let next = last.map { ListingCursor(kind: cursor.kind, after: $0) } ?? cursor.nextKind(of: request.kinds)
        return ListingPage(text: page.line.bytes, next: next)
    }

    /// Each of these returns the last key looked at when the page was full, nil when there are no more rows.
    private func grey(after: [UInt8], into page: inout PageWriter) throws(StoreFault) -> [UInt8]? {
        var last: Int64?
        greys.bind(1, after.isEmpty ? Int64.min : after.reduce(0) { $0 << 8 | Int64($1) })
        try greys.rows { () throws(StoreFault) in
            let expire = reads.wall(greys.number(7))
            if page.shows(expire) {
                page.line.begin(.grey)
                page.line.field(try greys.address(1))
                for column: Int32 in 2...4 { page.line.field(greys.bytes(column)) }
                page.line.field(reads.wall(greys.number(5)).seconds)
                page.line.field(reads.wall(greys.number(6)).seconds)
                page.line.field(expire.seconds)
                page.line.field(greys.number(8))
                page.line.field(greys.number(9))
                page.endLine()
            }
            if page.isFull { last = greys.number(0) }
            return last == nil
        }
        return last.map { id in (0..<8).map { UInt8(truncatingIfNeeded: id >> (56 - 8 * Int64($0))) } }
    }

    private func host(_ kind: HostKind, after: [UInt8], into page: inout PageWriter) throws(StoreFault) -> [UInt8]? {
        var last: [UInt8]?
        hosts.bind(1, blob: after)
        try hosts.rows { () throws(StoreFault) in
            let expire = reads.wall(hosts.number(4))
            page.lookedAt += 1
            if hosts.number(1) == kind.rawValue, expire > page.request.now {
                page.line.begin(kind == .white ? .white : .trapped)
                page.line.field(try hosts.address(0))
                if kind == .white {
                    page.line.field(UnsafeBufferPointer(start: nil, count: 0))
                    page.line.field(UnsafeBufferPointer(start: nil, count: 0))
                    page.line.field(reads.wall(hosts.number(2)).seconds)
                    page.line.field(reads.wall(hosts.number(3)).seconds)
                }
                page.line.field(expire.seconds)
                if kind == .white {
                    page.line.field(hosts.number(5))
                    page.line.field(hosts.number(6))
                }
                page.endLine()
            }
            if page.isFull { last = Array(hosts.bytes(0)) }
            return last == nil
        }
        return last
    }

    private func text(
        _ statement: PreparedStatement, _ kind: StoredRow.Kind, after: [UInt8], into page: inout PageWriter
    ) throws(StoreFault) -> [UInt8]? {
        var last: [UInt8]?
        statement.bind(1, text: after)
        try statement.rows { () throws(StoreFault) in
            page.lookedAt += 1
            page.line.begin(kind)
            page.line.field(statement.bytes(0))
            page.endLine()
            if page.isFull { last = Array(statement.bytes(0)) }
            return last == nil
        }
        return last
    }

    private func allow(after: [UInt8], into page: inout PageWriter) throws(StoreFault) -> [UInt8]? {
        var last: [UInt8]?
        blocks.bind(1, blob: Array(after.dropLast()))
        blocks.bind(2, Int64(after.last ?? 0))
        try blocks.rows { () throws(StoreFault) in
            page.lookedAt += 1
            let block = try self.block()
            page.line.begin(.allow)
            page.line.field(block.description)
            page.endLine()
            if page.isFull { last = Array(blocks.bytes(0)) + [UInt8(block.length)] }
            return last == nil
        }
        return last
    }

    private func block() throws(StoreFault) -> IPPrefix {
        guard let block = IPPrefix(try blocks.address(0), length: Int(truncatingIfNeeded: blocks.number(1))) else {
            throw .damaged("the database holds a block of length \(blocks.number(1))")
        }
        return block
    }

    func hosts(after address: IPAddress?, now: UnixTime, limit: Int) throws(StoreFault) -> [HostRow] {
        var rows: [HostRow] = []
        rows.reserveCapacity(limit)
        hosts.bind(1, blob: address?.networkBytes ?? [])
        guard limit > 0 else { return rows }
        try hosts.rows { () throws(StoreFault) in
            let row = try reads.hostRow(
                try hosts.address(0), kind: hosts.number(1), first: hosts.number(2), pass: hosts.number(3), expire: hosts.number(4),
                block: hosts.number(5), passed: hosts.number(6))
            if row.expire > now { rows.append(row) }
            return rows.count < limit
        }
        return rows
    }

    func allowed(after block: IPPrefix?, limit: Int) throws(StoreFault) -> [IPPrefix] {
        var found: [IPPrefix] = []
        blocks.bind(1, blob: block?.address.networkBytes ?? [])
        blocks.bind(2, Int64(block?.length ?? 0))
        guard limit > 0 else { return found }
        try blocks.rows { () throws(StoreFault) in
            let block = try self.block()
            // An address behind its block's first was edited in by hand: no look-up finds it, and going on after it would come back to it.
            if blocks.bytes(0).elementsEqual(block.address.networkBytes) { found.append(block) }
            return found.count < limit
        }
        return found
    }

    func domains(after pattern: DomainPattern?, limit: Int) throws(StoreFault) -> [DomainPattern] {
        var found: [DomainPattern] = []
        domains.bind(1, pattern?.text ?? PeerText(""))
        guard limit > 0 else { return found }
        try domains.rows { () throws(StoreFault) in
            found.append(DomainPattern(stored: domains.text(0)))
            return found.count < limit
        }
        return found
    }
}

/// The lines of one page as they grow.
private struct PageWriter {
    let request: ListingRequest
    let byteLimit: Int
    var line = SpamdbLine()
    var lookedAt = 0
    private var lineStart = 0

    init(request: ListingRequest, byteLimit: Int) {
        self.request = request
        self.byteLimit = byteLimit
        line.bytes.reserveCapacity(byteLimit + 1024)
    }

    mutating func shows(_ expire: UnixTime) -> Bool {
        lookedAt += 1
        return expire > request.now
    }

    /// Ends the line, and takes it back when it does not match.
    mutating func endLine() {
        line.end()
        if !request.matching.isEmpty, !line.bytes[lineStart...].holds(request.matching) { line.bytes.removeSubrange(lineStart...) }
        lineStart = line.bytes.count
    }

    var isFull: Bool { line.bytes.count >= byteLimit || lookedAt >= SQLiteListing.rowLimit }
}
