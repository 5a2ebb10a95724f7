internal import Addressing
public import WireFormat

extension ControlRequest {
    private enum Kind: UInt8 {
        case status = 1
        case list, query, change, explain, beginImport, importLines, finishImport, exportDatabase, reload
        case applyFirewall, removeFirewall, loadBlocklists, showBlocklists, blocklistText
    }

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .status: kind = .status
        case .list(let filter):
            kind = .list
            writer.write(filter.kinds.rawValue)
            writer.write(filter.match)
            writer.write(filter.form.rawValue)
        case .query(let keys):
            kind = .query
            writer.write(list: keys) { $1.write(to: &$0) }
        case .change(let changes, let confirmed, let moreFollow):
            kind = .change
            writer.write(list: changes) { $1.write(to: &$0) }
            writer.write(confirmed)
            writer.write(moreFollow)
        case .explain(let subject):
            kind = .explain
            writer.write(subject)
        case .beginImport(let dryRun):
            kind = .beginImport
            writer.write(dryRun)
        case .importLines(let lines):
            kind = .importLines
            writer.write(lines)
        case .finishImport: kind = .finishImport
        case .exportDatabase: kind = .exportDatabase
        case .reload: kind = .reload
        case .applyFirewall(let ruleset):
            kind = .applyFirewall
            writer.write(optional: ruleset) { $0.write($1) }
        case .removeFirewall: kind = .removeFirewall
        case .loadBlocklists(let dryRun):
            kind = .loadBlocklists
            writer.write(dryRun)
        case .showBlocklists: kind = .showBlocklists
        case .blocklistText(let text, let last):
            kind = .blocklistText
            writer.write(text)
            writer.write(last)
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        guard let kind = Kind(rawValue: frame.type) else { throw .unknownMessage(frame.type) }
        switch kind {
        case .status: self = .status
        case .list:
            let kinds = RowKinds(rawValue: try reader.readUInt8())
            guard RowKinds.all.isSuperset(of: kinds) else { throw .invalidValue }
            self = .list(
                RowFilter(
                    kinds: kinds, match: try reader.readString(limit: Self.keyLimit), form: try RowFilter.Form(from: &reader)))
        case .query:
            self = .query(try reader.readList(limit: Self.batchLimit) { r throws(WireError) in try RowKey(from: &r) })
        case .change:
            self = .change(
                try reader.readList(limit: Self.batchLimit) { r throws(WireError) in try RowChange(from: &r) },
                confirmed: try reader.readBool(), moreFollow: try reader.readBool())
        case .explain: self = .explain(try reader.readString(limit: Self.keyLimit))
        case .beginImport: self = .beginImport(dryRun: try reader.readBool())
        case .importLines: self = .importLines(try reader.readBytes(limit: Self.chunkLimit))
        case .finishImport: self = .finishImport
        case .exportDatabase: self = .exportDatabase
        case .reload: self = .reload
        case .applyFirewall:
            self = .applyFirewall(
                ruleset: try reader.readOptional { r throws(WireError) in try r.readString(limit: Self.rulesetLimit) })
        case .removeFirewall: self = .removeFirewall
        case .loadBlocklists: self = .loadBlocklists(dryRun: try reader.readBool())
        case .showBlocklists: self = .showBlocklists
        case .blocklistText:
            self = .blocklistText(try reader.readBytes(limit: Self.chunkLimit), last: try reader.readBool())
        }
        try reader.finish()
    }
}

extension RawRepresentable where RawValue == UInt8 {
    init(from reader: inout WireReader) throws(WireError) {
        guard let value = Self(rawValue: try reader.readUInt8()) else { throw .invalidValue }
        self = value
    }
}

extension RowChange {
    private enum Kind: UInt8 { case white = 0, trapped, host, grey, spamtrap, domain, allow }

    /// Bytes the change takes in a message at most.
    var encodedSizeBound: Int {
        switch target {
        case .spamtrap(let text), .domain(let text): 8 + text.utf8.count
        default: 24
        }
    }

    func write(to writer: inout WireWriter) {
        writer.write(action.rawValue)
        switch target {
        case .white(let address): Self.write(.white, address, to: &writer)
        case .trapped(let address): Self.write(.trapped, address, to: &writer)
        case .host(let address): Self.write(.host, address, to: &writer)
        case .grey(let address): Self.write(.grey, address, to: &writer)
        case .spamtrap(let text):
            writer.write(Kind.spamtrap.rawValue)
            writer.write(text)
        case .domain(let text):
            writer.write(Kind.domain.rawValue)
            writer.write(text)
        case .allow(let prefix):
            writer.write(Kind.allow.rawValue)
            writer.write(prefix)
        }
    }

    private static func write(_ kind: Kind, _ address: IPAddress, to writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(address)
    }

    init(from reader: inout WireReader) throws(WireError) {
        let action = try Action(from: &reader)
        let target: Target =
            switch try Kind(from: &reader) {
            case .white: .white(try reader.readAddress())
            case .trapped: .trapped(try reader.readAddress())
            case .host: .host(try reader.readAddress())
            case .grey: .grey(try reader.readAddress())
            case .spamtrap: .spamtrap(try reader.readString(limit: ControlRequest.keyLimit))
            case .domain: .domain(try reader.readString(limit: ControlRequest.keyLimit))
            case .allow: .allow(try reader.readPrefix())
            }
        guard let change = RowChange(action, target) else { throw .invalidValue }
        self = change
    }
}

extension RowKey {
    private enum Kind: UInt8 { case address = 0, spamtrap, domain, allow }

    var encodedSizeBound: Int {
        switch self {
        case .spamtrap(let text), .domain(let text): 8 + text.utf8.count
        case .address, .allow: 24
        }
    }

    func write(to writer: inout WireWriter) {
        switch self {
        case .address(let address):
            writer.write(Kind.address.rawValue)
            writer.write(address)
        case .spamtrap(let text):
            writer.write(Kind.spamtrap.rawValue)
            writer.write(text)
        case .domain(let text):
            writer.write(Kind.domain.rawValue)
            writer.write(text)
        case .allow(let prefix):
            writer.write(Kind.allow.rawValue)
            writer.write(prefix)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try Kind(from: &reader) {
        case .address: self = .address(try reader.readAddress())
        case .spamtrap: self = .spamtrap(try reader.readString(limit: ControlRequest.keyLimit))
        case .domain: self = .domain(try reader.readString(limit: ControlRequest.keyLimit))
        case .allow: self = .allow(try reader.readPrefix())
        }
    }
}
