/// One line of an address list, understood.
enum ListLine {
    /// Blank, a comment, or a record that is no entry.
    case nothing
    case ipv4(UInt32, UInt32)
    case ipv6(UInt128, UInt128)
    /// The list says how many records it has.
    case recordCount(Int)
    /// A tag where an address should be.
    case markup
    case fault(AddressList.Fault.Reason)

    /// `isFirst`: a byte order mark may stand before the list's first line.
    init(_ line: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
        var scanner = AddressScanner(line)
        if isFirst, line.count >= 3, line[0] == 0xEF, line[1] == 0xBB, line[2] == 0xBF { scanner.index = 3 }
        scanner.skipBlanks()
        guard let first = scanner.next else {
            self = .nothing
            return
        }
        switch first {
        case UInt8(ascii: "#"), UInt8(ascii: ";"): self = .nothing
        case UInt8(ascii: "{"): self = Self.record(line)
        case UInt8(ascii: "<"): self = .markup
        default:
            self = Self.entry(&scanner)
            // Behind the entry only text that is set off from it.
            if case .fault = self { return }
            if !scanner.isAtSeparator { self = .fault(.notAnAddress) }
        }
    }

    private static func entry(_ scanner: inout AddressScanner) -> ListLine {
        guard let address = scanner.address() else { return .fault(.notAnAddress) }
        if scanner.next == UInt8(ascii: "/") {
            scanner.index += 1
            let inner = scanner.wasMapped ? 96 : 0
            guard let length = scanner.prefixLength() else { return .fault(.prefixLength) }
            // ::ffff:192.0.2.0/120 is 192.0.2.0/24.
            return block(address, length: length - inner)
        }
        let end = scanner.index
        scanner.skipBlanks()
        if scanner.next == UInt8(ascii: "-") {
            scanner.index += 1
            scanner.skipBlanks()
            if let last = scanner.address(networks: false) { return range(address, last) }
        }
        // No range after all: a dash may begin the text behind a single address.
        scanner.index = end
        return range(address, address)
    }

    private static func block(_ address: AddressScanner.Address, length: Int) -> ListLine {
        switch address {
        case .ipv4(let number):
            guard 0...32 ~= length else { return .fault(.prefixLength) }
            let hosts = length == 0 ? UInt32.max : (UInt32(1) << (32 - length)) &- 1
            return .ipv4(number & ~hosts, number | hosts)
        case .ipv6(let number):
            guard 0...128 ~= length else { return .fault(.prefixLength) }
            let hosts = length == 0 ? UInt128.max : (UInt128(1) << UInt128(128 - length)) &- 1
            return .ipv6(number & ~hosts, number | hosts)
        }
    }

    private static func range(_ first: AddressScanner.Address, _ last: AddressScanner.Address) -> ListLine {
        switch (first, last) {
        case (.ipv4(let first), .ipv4(let last)) where first <= last: .ipv4(first, last)
        case (.ipv6(let first), .ipv6(let last)) where first <= last: .ipv6(first, last)
        case (.ipv4, _), (.ipv6, _): .fault(.range)
        }
    }

    /// A line of JSON: an entry where it has `cidr`, the count of all where it has `records`, else nothing of ours.
    private static func record(_ line: UnsafeBufferPointer<UInt8>) -> ListLine {
        if var scanner = value(of: "cidr", in: line) {
            guard scanner.next == UInt8(ascii: "\"") else { return .fault(.notAnAddress) }
            scanner.index += 1
            let entry = entry(&scanner)
            if case .fault = entry { return entry }
            return scanner.next == UInt8(ascii: "\"") ? entry : .fault(.notAnAddress)
        }
        if let scanner = value(of: "records", in: line) {
            var count = 0
            for byte in line[scanner.index...].prefix(while: { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }).prefix(9) {
                count = count * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return .recordCount(count)
        }
        return line.last == UInt8(ascii: "}") ? .nothing : .fault(.notAnAddress)
    }

    /// The place behind `"name":`, nil when it is not there.
    private static func value(of name: StaticString, in line: UnsafeBufferPointer<UInt8>) -> AddressScanner? {
        name.withUTF8Buffer { name -> AddressScanner? in
            var start = 0
            while start + name.count + 2 < line.count {
                if line[start] == UInt8(ascii: "\""), line[start + name.count + 1] == UInt8(ascii: "\""),
                    line[start + 1..<start + 1 + name.count].elementsEqual(name)
                {
                    var scanner = AddressScanner(line)
                    scanner.index = start + name.count + 2
                    scanner.skipBlanks()
                    if scanner.next == UInt8(ascii: ":") {
                        scanner.index += 1
                        scanner.skipBlanks()
                        return scanner
                    }
                }
                start += 1
            }
            return nil
        }
    }
}

extension AddressScanner {
    /// At the end of the line, or before something that sets trailing text off.
    fileprivate var isAtSeparator: Bool {
        switch next {
        case nil, UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "|"): true
        default: false
        }
    }
}
