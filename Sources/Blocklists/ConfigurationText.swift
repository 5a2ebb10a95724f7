internal import Addressing

/// spamd's configuration connection: a line for each list, `tag;"message";inet;count;a/m;a/m…`, as spamd-setup sends it. Read in
/// whatever pieces it arrives; `inet6;count;…` may follow or stand alone, and the old form without family and count is
/// understood. A line that is not whole, whose count does not hold, or that has anything wrong in it changes nothing.
public struct ConfigurationText: Sendable {
    /// Bytes of a message at most, as it is sent.
    public static let messageLimit = 8192
    /// Bytes of an address with its length at most.
    static let fieldLimit = 64
    /// Addresses over all lists of one connection at most.
    public static let entryLimit = AddressListParser.entryLimit

    /// Lists read whole, in order.
    public private(set) var lists: [Blocklist] = []
    /// Lines that were refused; the first few with their reasons.
    public private(set) var faultCount = 0
    public private(set) var faults: [Fault] = []

    public struct Fault: Hashable, Sendable {
        /// Counted from 1.
        public var line: Int
        public var sentence: String
    }

    private enum State: Sendable {
        case tag
        case message(escaped: Bool)
        case behindMessage
        case fields
        case refused
    }

    private var state = State.tag
    private var line = 1
    private var entries = 0
    private var pending: [UInt8] = []
    private var tag = ""
    private var message = RejectionMessage("")
    private var builder = RangeSetBuilder()
    /// What a family's name and count promised and what has come since.
    private var promise = Promise.none

    private enum Promise: Sendable {
        case none
        case countWanted
        case entries(Int)
    }

    public init() {}

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { take(byte) }
    }

    /// The end of the connection: a line without its end was cut off and is refused.
    public mutating func finish() {
        if case .tag = state, pending.isEmpty { return }
        if case .refused = state { return }
        refuse("the line ends in the middle")
    }

    private mutating func take(_ byte: UInt8) {
        if byte == UInt8(ascii: "\n") { return endLine() }
        switch state {
        case .refused: break
        case .tag:
            if byte == UInt8(ascii: ";") {
                tag = String(decoding: pending, as: UTF8.self)
                guard SpamdConfigurationParser.isName(tag) else { return refuse("the list's name is missing or has odd characters") }
                pending.removeAll(keepingCapacity: true)
                state = .message(escaped: false)
            } else {
                gather(byte, limit: SpamdConfiguration.nameLimit, "the list's name is too long")
            }
        case .message(let escaped):
            if pending.isEmpty, byte != UInt8(ascii: "\"") { return refuse("the message does not begin with a quotation mark") }
            if byte == UInt8(ascii: "\""), !escaped, !pending.isEmpty {
                message = RejectionMessage(pending.dropFirst())
                pending.removeAll(keepingCapacity: true)
                state = .behindMessage
            } else {
                state = .message(escaped: byte == UInt8(ascii: "\\") && !escaped)
                gather(byte, limit: Self.messageLimit, "the message is longer than \(Self.messageLimit) bytes")
            }
        case .behindMessage:
            guard byte == UInt8(ascii: ";") else { return refuse("something stands between the message and its semicolon") }
            state = .fields
        case .fields:
            if byte == UInt8(ascii: ";") {
                endField()
            } else if byte != UInt8(ascii: "\r") {
                gather(byte, limit: Self.fieldLimit, "an address is longer than \(Self.fieldLimit) bytes")
            }
        }
    }

    private mutating func gather(_ byte: UInt8, limit: Int, _ sentence: @autoclosure () -> String) {
        guard pending.count < limit else { return refuse(sentence()) }
        pending.append(byte)
    }

    private mutating func endField() {
        let field = pending
        pending.removeAll(keepingCapacity: true)
        if case .countWanted = promise {
            guard let count = Self.count(field) else { return refuse("a family without its count") }
            promise = .entries(count)
            return
        }
        if field.isEmpty { return }
        if field.elementsEqual("inet".utf8) || field.elementsEqual("inet6".utf8) {
            if case .entries(let missing) = promise, missing != 0 { return refuse("the count and the addresses differ") }
            promise = .countWanted
            return
        }
        let entry = field.withUnsafeBufferPointer { ListLine($0, isFirst: false) }
        switch entry {
        case .ipv4(let first, let last): builder.insert(ipv4: first, last)
        case .ipv6(let first, let last): builder.insert(ipv6: first, last)
        case .nothing, .recordCount, .markup, .fault: return refuse("something is no address")
        }
        if case .entries(let missing) = promise { promise = .entries(missing - 1) }
        entries += 1
        if entries > Self.entryLimit { refuse("more than \(Self.entryLimit) addresses") }
    }

    private mutating func endLine() {
        defer {
            line += 1
            startLine()
        }
        switch state {
        case .refused: return
        case .tag where pending.allSatisfy({ $0 == UInt8(ascii: "\r") }): return
        case .tag, .message, .behindMessage: return refuse("the line ends before its addresses")
        case .fields: endField()
        }
        guard case .fields = state else { return }
        switch promise {
        case .none, .entries(0): break
        case .countWanted: return refuse("a family without its count")
        case .entries: return refuse("the count and the addresses differ")
        }
        guard lists.count < BlocklistTable.listLimit else { return refuse("more than \(BlocklistTable.listLimit) lists") }
        let built = builder
        builder = RangeSetBuilder()
        lists.append(Blocklist(name: tag, message: message, ranges: built.build()))
    }

    private mutating func startLine() {
        state = .tag
        promise = .none
        pending.removeAll(keepingCapacity: true)
        builder = RangeSetBuilder()
    }

    private mutating func refuse(_ sentence: String) {
        state = .refused
        faultCount += 1
        if faults.count < AddressListParser.namedFaultLimit { faults.append(Fault(line: line, sentence: sentence)) }
    }

    private static func count(_ field: [UInt8]) -> Int? {
        guard 1...9 ~= field.count, field.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return field.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}

extension ConfigurationText {
    /// The line spamd would be sent for a list, newline included; CIDR blocks only. IPv6 follows as `inet6;count;…`.
    public static func line(for list: Blocklist) -> [UInt8] {
        var ipv4: [UInt8] = []
        var ipv6: [UInt8] = []
        var counts = (ipv4: 0, ipv6: 0)
        for range in list.ranges {
            for prefix in range.prefixes {
                let text = ";\(prefix.address)/\(prefix.length)".utf8
                if prefix.address.isIPv4 {
                    ipv4 += text
                    counts.ipv4 += 1
                } else {
                    ipv6 += text
                    counts.ipv6 += 1
                }
            }
        }
        var out = Array("\(list.name);\"\(list.message.template)\";inet;\(counts.ipv4)".utf8) + ipv4
        if counts.ipv6 > 0 { out += Array(";inet6;\(counts.ipv6)".utf8) + ipv6 }
        out.append(UInt8(ascii: "\n"))
        return out
    }
}
