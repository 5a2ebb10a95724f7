import Addressing
import Moments
import PeerText

// spamdb's lines (behaviour.md §6):
//
//     GREY|ip|helo|<from>|<to>|first|pass|expire|block|passed
//     WHITE|ip|||first|pass|expire|block|passed
//     TRAPPED|ip|expire
//     SPAMTRAP|address
//
// and, in exports, DOMAIN|pattern and ALLOW|block.
extension StoredRow {
    /// The line, without its line feed.
    public var spamdbText: String {
        switch self {
        case .grey(let row):
            "GREY|\(row.address)|\(row.helo)|\(row.from)|\(row.to)|\(row.first)|\(row.pass)|\(row.expire)|\(row.block)|\(row.passed)"
        case .white(let row): "WHITE|\(row.address)|||\(row.first)|\(row.pass)|\(row.expire)|\(row.block)|\(row.passed)"
        case .trapped(let row): "TRAPPED|\(row.address)|\(row.expire)"
        case .spamtrap(let key): "SPAMTRAP|\(key)"
        case .domain(let pattern): "DOMAIN|\(pattern)"
        case .allow(let block): "ALLOW|\(block)"
        }
    }

    /// Bytes a line may have at most: three texts of 2,048 bytes, escaped fourfold, and the rest.
    public static let lineLimit = 25_000

    /// From one line, without its line feed.
    public init(spamdbText line: some BidirectionalCollection<UInt8>) throws(SpamdbTextFault) {
        guard line.count <= Self.lineLimit else { throw .tooLong }
        let fields = line.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        guard let kind = Kind.allCases.first(where: { $0.label.utf8.elementsEqual(fields[0]) }) else { throw .unknownKind }
        let expected =
            switch kind {
            case .grey: 10
            case .white: 9
            case .trapped: 3
            case .spamtrap, .domain, .allow: 2
            }
        guard fields.count == expected else { throw .wrongCount(kind, found: fields.count, expected: expected) }
        switch kind {
        case .grey:
            self = .grey(
                GreyRow(
                    address: try Self.address(fields[1]), helo: try Self.text(fields[2]), from: try Self.text(fields[3]),
                    to: try Self.text(fields[4]), first: UnixTime(try Self.number(fields[5])), pass: UnixTime(try Self.number(fields[6])),
                    expire: UnixTime(try Self.number(fields[7])), block: try Self.number(fields[8]), passed: try Self.number(fields[9])))
        case .white:
            guard fields[2].isEmpty, fields[3].isEmpty else { throw .badText }
            self = .white(
                WhiteRow(
                    address: try Self.address(fields[1]), first: UnixTime(try Self.number(fields[4])),
                    pass: UnixTime(try Self.number(fields[5])), expire: UnixTime(try Self.number(fields[6])),
                    block: try Self.number(fields[7]), passed: try Self.number(fields[8])))
        case .trapped:
            self = .trapped(TrappedRow(address: try Self.address(fields[1]), expire: UnixTime(try Self.number(fields[2]))))
        case .spamtrap:
            let key = try Self.text(fields[1]).spamtrapKey
            guard key.isSpamtrapKey else { throw .badText }
            self = .spamtrap(key)
        case .domain:
            guard let pattern = DomainPattern(escaped: fields[1]) else { throw .badText }
            self = .domain(pattern)
        case .allow:
            guard let block = IPPrefix(String(decoding: fields[1], as: UTF8.self)) else { throw .badAddress }
            self = .allow(block)
        }
    }

    private static func address(_ field: some Collection<UInt8>) throws(SpamdbTextFault) -> IPAddress {
        guard let address = IPAddress(ascii: field) else { throw .badAddress }
        return address
    }

    private static func text(_ field: some Collection<UInt8>) throws(SpamdbTextFault) -> PeerText {
        guard let text = PeerText(parsing: field) else { throw .badText }
        return text
    }

    private static func number(_ field: some Collection<UInt8>) throws(SpamdbTextFault) -> Int64 {
        var digits = field[...]
        if digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let number = Int64(String(decoding: field, as: UTF8.self))
        else { throw .badNumber }
        return number
    }
}

/// Why a line of spamdb text was not taken.
public enum SpamdbTextFault: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLong
    case unknownKind
    case wrongCount(StoredRow.Kind, found: Int, expected: Int)
    case badAddress
    case badNumber
    case badText

    public var description: String {
        switch self {
        case .tooLong: "the line is longer than \(StoredRow.lineLimit) bytes"
        case .unknownKind: "the line begins with none of GREY, WHITE, TRAPPED, SPAMTRAP, DOMAIN and ALLOW"
        case .wrongCount(let kind, let found, let expected): "a \(kind.label) line has \(expected) fields, this one \(found)"
        case .badAddress: "the address is not IPv4 or IPv6"
        case .badNumber: "a time or count is not a decimal number"
        case .badText: "a text holds a byte that has to be written as \\ooo, or is not what its field holds"
        }
    }
}
