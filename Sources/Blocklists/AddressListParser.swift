internal import Addressing

/// Reads a list of addresses, one a line, from bytes in whatever pieces they arrive; how they are cut never changes the
/// answer. A line is an address, a CIDR block, a range `a - b`, or a JSON object with `cidr` (as Spamhaus publishes DROP);
/// IPv4 and IPv6 alike. `#` and `;` begin a comment; text behind an address, set off by a blank, `;`, `#`, `,` or `|`, is
/// passed over. No line is kept longer than it takes to read it.
public struct AddressListParser: Sendable {
    /// Bytes of a line at most, its end not counted; a longer one is a fault.
    public static let lineLimit = 1024
    /// Entries of a list at most.
    public static let entryLimit = 8_000_000
    /// Faults that are named; the rest are counted.
    public static let namedFaultLimit = 5

    private let entryLimit: Int
    private var builder = RangeSetBuilder()
    private var partial: [UInt8] = []
    private var overlong = false
    private var list = AddressList()

    public init(entryLimit: Int = AddressListParser.entryLimit) { self.entryLimit = entryLimit }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let bytes = bytes.bindMemory(to: UInt8.self)
        var start = 0
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") {
                let piece = UnsafeBufferPointer(rebasing: bytes[start..<index])
                if partial.isEmpty && !overlong { finishLine(piece) } else { finishPartialLine(piece) }
                start = index + 1
            }
            index += 1
        }
        keep(UnsafeBufferPointer(rebasing: bytes[start...]))
    }

    public mutating func append(_ bytes: some Collection<UInt8>) {
        let contiguous: Void? = bytes.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
        if contiguous == nil { Array(bytes).withUnsafeBytes { append($0) } }
    }

    /// The end of the input: what was read, sorted and merged.
    public consuming func finish() -> AddressList {
        if !partial.isEmpty || overlong { finishPartialLine(UnsafeBufferPointer(start: nil, count: 0)) }
        list.ranges = builder.build()
        return list
    }

    /// Entries read so far.
    public var entries: Int { list.entries }

    private mutating func keep(_ rest: UnsafeBufferPointer<UInt8>) {
        guard !rest.isEmpty, !overlong else { return }
        // One byte more than the limit, for the carriage return before the line's end.
        if partial.count + rest.count > Self.lineLimit + 1 {
            overlong = true
            partial.removeAll(keepingCapacity: true)
        } else {
            partial.append(contentsOf: rest)
        }
    }

    private mutating func finishPartialLine(_ rest: UnsafeBufferPointer<UInt8>) {
        keep(rest)
        if overlong {
            overlong = false
            list.lines += 1
            return faultOverlong()
        }
        let line = partial
        partial.removeAll(keepingCapacity: true)
        line.withUnsafeBufferPointer { finishLine($0) }
    }

    private mutating func finishLine(_ line: UnsafeBufferPointer<UInt8>) {
        list.lines += 1
        let line = line.last == UInt8(ascii: "\r") ? UnsafeBufferPointer(rebasing: line.dropLast()) : line
        guard line.count <= Self.lineLimit else { return faultOverlong() }
        switch ListLine(line, isFirst: list.lines == 1) {
        case .nothing: break
        case .ipv4(let first, let last):
            if admit() { builder.insert(ipv4: first, last) }
        case .ipv6(let first, let last):
            if admit() { builder.insert(ipv6: first, last) }
        case .recordCount(let records): list.declaredRecords = records
        case .markup:
            if list.entries == 0 { list.isMarkup = true }
            fault(.notAnAddress, line)
        case .fault(let reason): fault(reason, line)
        }
    }

    private mutating func admit() -> Bool {
        list.entries += 1
        if list.entries > entryLimit { list.isTooLarge = true }
        return !list.isTooLarge
    }

    /// Its text is not shown: how much of it is at hand depends on how it arrived.
    private mutating func faultOverlong() { fault(.tooLong, UnsafeBufferPointer(start: nil, count: 0)) }

    private mutating func fault(_ reason: AddressList.Fault.Reason, _ line: UnsafeBufferPointer<UInt8>) {
        list.faultCount += 1
        guard list.faults.count < Self.namedFaultLimit else { return }
        list.faults.append(AddressList.Fault(line: list.lines, reason: reason, text: Self.excerpt(line)))
    }

    private static func excerpt(_ line: UnsafeBufferPointer<UInt8>) -> String {
        let bytes = line.prefix(40).map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }
        return String(decoding: bytes, as: UTF8.self) + (line.count > 40 ? "..." : "")
    }
}
