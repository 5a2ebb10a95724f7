public import Addressing

/// What an address list held.
public struct AddressList: Hashable, Sendable {
    /// All addresses, sorted and merged.
    public internal(set) var ranges = RangeSet()
    /// Lines, blank ones and comments included.
    public internal(set) var lines = 0
    /// Lines with an address, block or range; more than `ranges.count` when they overlap or touch.
    public internal(set) var entries = 0
    public internal(set) var faultCount = 0
    /// The first faulty lines, `AddressListParser.namedFaultLimit` at most.
    public internal(set) var faults: [Fault] = []
    /// What the list itself says it has (DROP's last line).
    public internal(set) var declaredRecords: Int?
    var isMarkup = false
    var isTooLarge = false

    public struct Fault: Hashable, Sendable {
        /// Counted from 1.
        public var line: Int
        public var reason: Reason
        /// The line's beginning, printable.
        public var text: String

        public enum Reason: Hashable, Sendable {
            case notAnAddress
            /// A prefix length the family does not have.
            case prefixLength
            /// A range that ends before it begins, or in the other family.
            case range
            case tooLong
        }
    }

    /// Why the bytes cannot be the list they should be, nil when they can.
    /// `emptyIsFine`: a file of the administrator's may well have no entry, what a server sends may not.
    public func nonsense(emptyIsFine: Bool) -> Nonsense? {
        if isTooLarge { return .tooLarge }
        if isMarkup { return .markup }
        if let declaredRecords, declaredRecords > entries { return .half(of: declaredRecords, found: entries) }
        if faultCount > entries { return .faulty(lines: faultCount, entries: entries) }
        if entries == 0 && !emptyIsFine { return .empty }
        return nil
    }

    public enum Nonsense: Hashable, Sendable {
        case empty
        /// An HTML or XML page: a server's error message, as a rule.
        case markup
        /// Fewer records than the list says it has.
        case half(of: Int, found: Int)
        /// More lines that are no addresses than lines that are.
        case faulty(lines: Int, entries: Int)
        case tooLarge
    }
}

extension AddressList.Nonsense: CustomStringConvertible {
    /// Completes "the list …".
    public var description: String {
        switch self {
        case .empty: "has no addresses"
        case .markup: "is a web page instead of a list of addresses"
        case .half(let declared, let found): "is incomplete: it announces \(declared) records and has \(found)"
        case .faulty(let lines, let entries):
            "has \(lines) \(lines == 1 ? "line that is no address" : "lines that are no addresses") and \(entries) that are"
        case .tooLarge: "has more than \(AddressListParser.entryLimit) entries"
        }
    }
}

extension AddressList.Fault: CustomStringConvertible {
    /// `line 3: not an address: "foo"`.
    public var description: String {
        switch reason {
        case .notAnAddress: "line \(line): not an address: \"\(text)\""
        case .prefixLength: "line \(line): no such prefix length: \"\(text)\""
        case .range: "line \(line): the range ends before it begins: \"\(text)\""
        case .tooLong: "line \(line): longer than \(AddressListParser.lineLimit) bytes"
        }
    }
}
