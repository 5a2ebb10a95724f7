internal import Addressing
public import WireFormat

extension FirewallOrder {
    private enum Kind: UInt8 {
        case change = 1
        case beginLoad, loadElements, loadBlocks, finishLoad, replaceBlocks, setManaged, read, useRuleset
    }

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .change(let order, let changes):
            kind = .change
            writer.write(order)
            writer.write(list: changes) { $1.write(to: &$0) }
        case .beginLoad(let order):
            kind = .beginLoad
            writer.write(order)
        case .loadElements(let elements):
            kind = .loadElements
            writer.write(list: elements) { $1.write(to: &$0) }
        case .loadBlocks(let set, let ranges):
            kind = .loadBlocks
            writer.write(set.rawValue)
            writer.write(list: ranges) { $0.write($1) }
        case .finishLoad(let order):
            kind = .finishLoad
            writer.write(order)
        case .replaceBlocks(let order, let set, let ranges, let last):
            kind = .replaceBlocks
            writer.write(order)
            writer.write(set.rawValue)
            writer.write(list: ranges) { $0.write($1) }
            writer.write(last)
        case .useRuleset(let piece, let last):
            kind = .useRuleset
            writer.write(piece)
            writer.write(last)
        case .setManaged(let order, let managed):
            kind = .setManaged
            writer.write(order)
            writer.write(managed)
        case .read(let order, let set, let address):
            kind = .read
            writer.write(order)
            writer.write(set.rawValue)
            writer.write(address)
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        guard let kind = Kind(rawValue: frame.type) else { throw .unknownMessage(frame.type) }
        switch kind {
        case .change:
            self = .change(
                order: try reader.readUInt64(),
                try reader.readList(limit: Self.batchLimit) { r throws(WireError) in try ElementChange(from: &r) })
        case .beginLoad: self = .beginLoad(order: try reader.readUInt64())
        case .loadElements:
            self = .loadElements(
                try reader.readList(limit: Self.batchLimit) { r throws(WireError) in try ElementChange.Element(from: &r) })
        case .loadBlocks: self = .loadBlocks(try BlockSet(from: &reader), try Self.readRanges(&reader))
        case .finishLoad: self = .finishLoad(order: try reader.readUInt64())
        case .replaceBlocks:
            self = .replaceBlocks(
                order: try reader.readUInt64(), try BlockSet(from: &reader), try Self.readRanges(&reader), last: try reader.readBool())
        case .useRuleset: self = .useRuleset(try reader.readBytes(limit: Self.rulesetPieceLimit), last: try reader.readBool())
        case .setManaged: self = .setManaged(order: try reader.readUInt64(), try reader.readBool())
        case .read: self = .read(order: try reader.readUInt64(), try HostSet(from: &reader), try reader.readAddress())
        }
        try reader.finish()
    }

    private static func readRanges(_ reader: inout WireReader) throws(WireError) -> [IPRange] {
        try reader.readList(limit: batchLimit) { r throws(WireError) in try r.readRange() }
    }
}

extension RawRepresentable where RawValue == UInt8 {
    init(from reader: inout WireReader) throws(WireError) {
        guard let value = Self(rawValue: try reader.readUInt8()) else { throw .invalidValue }
        self = value
    }
}

extension FirewallOrder.ElementChange {
    func write(to writer: inout WireWriter) {
        switch self {
        case .put(let element):
            writer.write(UInt8(0))
            element.write(to: &writer)
        case .delete(let set, let address):
            writer.write(UInt8(1))
            writer.write(set.rawValue)
            writer.write(address)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.readUInt8() {
        case 0: self = .put(try Element(from: &reader))
        case 1: self = .delete(try FirewallOrder.HostSet(from: &reader), try reader.readAddress())
        default: throw .invalidValue
        }
    }
}

extension FirewallOrder.ElementChange.Element {
    func write(to writer: inout WireWriter) {
        writer.write(set.rawValue)
        writer.write(address)
        writer.write(remaining)
    }

    init(from reader: inout WireReader) throws(WireError) {
        set = try FirewallOrder.HostSet(from: &reader)
        address = try reader.readAddress()
        remaining = try reader.readUInt32()
        guard remaining > 0 else { throw .invalidValue }
    }
}

extension FirewallNotice {
    private enum Kind: UInt8 { case done = 1, element, loadWanted, live, warning, removed, rules }

    /// Bytes of a sentence at most.
    public static let sentenceLimit = 4096

    public func encoded() -> Frame {
        var writer = WireWriter(reserving: 32)
        let kind: Kind
        switch self {
        case .done(let order, let outcome):
            kind = .done
            writer.write(order)
            switch outcome {
            case .applied: writer.write(optional: String?.none) { $0.write($1) }
            case .failed(let reason): writer.write(optional: reason) { $0.write($1, cutTo: Self.sentenceLimit) }
            }
        case .element(let order, let remaining):
            kind = .element
            writer.write(order)
            writer.write(optional: remaining) { $0.write($1) }
        case .loadWanted(let reason):
            kind = .loadWanted
            writer.write(reason.rawValue)
        case .removed: kind = .removed
        case .live(let live):
            kind = .live
            writer.write(live)
        case .rules(let refusal):
            kind = .rules
            writer.write(optional: refusal) { $0.write($1, cutTo: Self.sentenceLimit) }
        case .warning(let sentence):
            kind = .warning
            writer.write(sentence, cutTo: Self.sentenceLimit)
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        switch Kind(rawValue: frame.type) {
        case .done:
            let order = try reader.readUInt64()
            let reason = try reader.readOptional { r throws(WireError) in try r.readString(limit: Self.sentenceLimit) }
            self = .done(order: order, reason.map(Outcome.failed) ?? .applied)
        case .element:
            self = .element(
                order: try reader.readUInt64(), remaining: try reader.readOptional { r throws(WireError) in try r.readUInt32() })
        case .loadWanted: self = .loadWanted(try LoadReason(from: &reader))
        case .removed: self = .removed
        case .live: self = .live(try reader.readBool())
        case .rules:
            self = .rules(refusal: try reader.readOptional { r throws(WireError) in try r.readString(limit: Self.sentenceLimit) })
        case .warning: self = .warning(try reader.readString(limit: Self.sentenceLimit))
        case nil: throw .unknownMessage(frame.type)
        }
        try reader.finish()
    }
}
