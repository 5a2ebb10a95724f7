internal import Addressing
internal import ControlProtocol
internal import GreylistPolicy
internal import Moments
internal import PeerText

/// Listings and queries, read a page at a time as the client takes them.
extension Engine {
    func list(_ filter: ControlRequest.RowFilter, _ client: ControlClient) {
        reply(.heading(.init(now: now.wall, passtime: greylist.rules.passtime)), to: client)
        let request = ListingRequest(filter, now: now.wall)
        client.activity = .listing(.init(request: request, cursor: .beginning(of: request.kinds), keysOnly: filter.form == .keys))
        control.active.insert(client.id)
    }

    func goOn(_ listing: ControlClient.Listing, _ client: ControlClient) {
        guard !listing.isReading, client.pendingOutput < ControlClient.feedLevel else { return }
        guard let cursor = listing.cursor else { return finish(client) }
        var listing = listing
        let request = listing.request
        let keysOnly = listing.keysOnly
        let ticket = client.ticket
        listing.isReading = reader.ask { reader throws(StoreFault) in
            try reader.page(request, from: cursor, keysOnly: keysOnly)
        } then: { [unowned self] result in
            guard let client = self.client(of: ticket), case .listing(var listing) = client.activity else { return }
            listing.isReading = false
            switch result {
            case .success(let page):
                listing.cursor = page.next
                client.activity = .listing(listing)
                control.active.insert(client.id)
                if !page.text.isEmpty { reply(.rows(page.text), to: client) }
            case .failure(let fault): finish(client, fault)
            }
        }
        client.activity = .listing(listing)
        // Too many ask at once: this client asks again next turn.
        if !listing.isReading { control.active.insert(client.id) }
    }

    func query(_ keys: [RowKey], _ client: ControlClient) {
        let greylist = greylist
        let wall = now.wall
        let ticket = client.ticket
        let asked = reader.ask { reader throws(StoreFault) in
            try reader.read { reads throws(StoreFault) in try greylist.lines(for: keys, now: wall, in: reads) }
        } then: { [unowned self] result in
            guard let client = self.client(of: ticket) else { return }
            switch result {
            case .success(let (text, outcomes)):
                for rows in text { reply(.rows(rows), to: client) }
                reply(.outcomes(outcomes), to: client)
                finish(client)
            case .failure(let fault): finish(client, fault)
            }
        }
        if !asked { finish(client, .failure("the engine is too busy; try again", exitStatus: 2)) }
    }
}

extension ListingRequest {
    init(_ filter: ControlRequest.RowFilter, now: UnixTime) {
        // Rows are stored in lower case.
        self.init(
            kinds: Set(RowKind.allCases.filter(filter.kinds.contains).map(StoredRow.Kind.init)),
            matching: filter.match.utf8.map(PeerText.lowercased),
            now: now
        )
    }
}

extension GreylistReader {
    /// As much of a listing as one reply takes.
    func page(_ request: ListingRequest, from cursor: ListingCursor, keysOnly: Bool) throws(StoreFault) -> ListingPage {
        // A line may stand beyond the limit: it is asked for with room for the longest.
        var page = try page(request, from: cursor, byteLimit: ControlRequest.chunkLimit - StoredRow.lineLimit)
        if keysOnly { page.text = keys(of: page.text) }
        return page
    }

    /// The second field of each line.
    private func keys(of text: [UInt8]) -> [UInt8] {
        var keys: [UInt8] = []
        keys.reserveCapacity(text.count)
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let rest = line.drop { $0 != UInt8(ascii: "|") }.dropFirst()
            keys.append(contentsOf: rest.prefix { $0 != UInt8(ascii: "|") })
            keys.append(UInt8(ascii: "\n"))
        }
        return keys
    }
}

extension Greylist {
    /// Rows of one address shown at most.
    private static let rowsOfAddress = 10_000

    /// The rows that keys name, as text for one reply each, and whether each key found any.
    func lines(
        for keys: [RowKey], now: UnixTime, in store: any GreylistReads
    ) throws(StoreFault) -> (text: [[UInt8]], outcomes: [RowOutcome]) {
        var text: [[UInt8]] = []
        var outcomes: [RowOutcome] = []
        for key in keys {
            let rows = try rows(for: key, now: now, in: store)
            outcomes.append(rows.isEmpty ? .notFound : .done)
            for row in rows {
                let line = Array(row.spamdbText.utf8) + [UInt8(ascii: "\n")]
                if let last = text.last, last.count + line.count <= ControlRequest.chunkLimit {
                    text[text.count - 1] += line
                } else {
                    text.append(line)
                }
            }
        }
        return (text, outcomes)
    }

    /// The rows a key names.
    private func rows(for key: RowKey, now: UnixTime, in store: any GreylistReads) throws(StoreFault) -> [StoredRow] {
        switch key {
        case .address(let address): try rows(of: address, now: now, limit: Self.rowsOfAddress, in: store)
        case .spamtrap(let text):
            if let key = PeerText(parsing: text.utf8), try isSpamtrap(key, in: store) { [.spamtrap(key.spamtrapKey)] } else { [] }
        case .domain(let text):
            if let pattern = DomainPattern(escaped: text.utf8), try store.hasDomain(pattern.text) { [.domain(pattern)] } else { [] }
        case .allow(let block):
            if try store.allowing(block.address) == block { [.allow(block)] } else { [] }
        }
    }
}

extension StoredRow.Kind {
    init(_ kind: RowKind) {
        switch kind {
        case .grey: self = .grey
        case .white: self = .white
        case .trapped: self = .trapped
        case .spamtrap: self = .spamtrap
        case .domain: self = .domain
        case .allow: self = .allow
        }
    }
}

extension RowKind {
    init(_ kind: StoredRow.Kind) {
        switch kind {
        case .grey: self = .grey
        case .white: self = .white
        case .trapped: self = .trapped
        case .spamtrap: self = .spamtrap
        case .domain: self = .domain
        case .allow: self = .allow
        }
    }
}
