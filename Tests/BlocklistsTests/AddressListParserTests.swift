import Addressing
import Blocklists
import TestSupport
import Testing

@Suite struct AddressListParserTests {
    static func parse(_ text: String, entryLimit: Int = AddressListParser.entryLimit) -> AddressList {
        var parser = AddressListParser(entryLimit: entryLimit)
        parser.append(Array(text.utf8))
        return parser.finish()
    }

    private func shown(_ set: RangeSet) -> [String] { set.map { "\($0.first)-\($0.last)" } }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1-192.0.2.1"), ("  \t192.0.2.1\r", "192.0.2.1-192.0.2.1"), ("192.0.2.77/24", "192.0.2.0-192.0.2.255"),
        ("10/8", "10.0.0.0-10.255.255.255"), ("192.168/16 private", "192.168.0.0-192.168.255.255"),
        ("0.0.0.0/0", "0.0.0.0-255.255.255.255"), ("192.0.2.1/32", "192.0.2.1-192.0.2.1"),
        ("192.0.2.3 - 192.0.2.9", "192.0.2.3-192.0.2.9"), ("192.0.2.3-192.0.2.9", "192.0.2.3-192.0.2.9"),
        ("192.0.2.3- 192.0.2.9 # text", "192.0.2.3-192.0.2.9"), ("192.0.2.3 - a spammer", "192.0.2.3-192.0.2.3"),
        ("192.0.2.1 192.0.2.9", "192.0.2.1-192.0.2.1"), ("192.0.2.0/24 ; SBL1", "192.0.2.0-192.0.2.255"),
        ("192.0.2.1;x", "192.0.2.1-192.0.2.1"),
        ("192.0.2.1#x", "192.0.2.1-192.0.2.1"), ("192.0.2.1,x", "192.0.2.1-192.0.2.1"), ("192.0.2.1|x", "192.0.2.1-192.0.2.1"),
        ("2001:db8::1", "2001:db8::1-2001:db8::1"), ("2001:DB8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::5 - 2001:db8::a", "2001:db8::5-2001:db8::a"), ("::ffff:192.0.2.1", "192.0.2.1-192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0-192.0.2.255"), ("::ffff:192.0.2.1 - 192.0.2.2", "192.0.2.1-192.0.2.2"),
        ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7:8-1:2:3:4:5:6:7:8"),
        (#"{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"ripencc"}"#, "192.0.2.0-192.0.2.255"),
        (#"{"sblid": "SBL1", "cidr" : "2001:db8::/127"}"#, "2001:db8::-2001:db8::1"),
        ("\u{FEFF}192.0.2.1", "192.0.2.1-192.0.2.1"),
    ])
    func reads(line: String, range: String) {
        let list = Self.parse(line + "\n")
        #expect(shown(list.ranges) == [range] && list.entries == 1 && list.faultCount == 0)
        #expect(Self.parse(line) == list, "a last line needs no end")
    }

    @Test(arguments: ["", " \t", "# x", "; x", "  # 192.0.2.1", "\r", #"{"type":"metadata","timestamp":1,"records":0}"#, "{}"])
    func passesOver(line: String) {
        let list = Self.parse(line + "\n")
        #expect(list.ranges.isEmpty && list.entries == 0 && list.faultCount == 0 && list.lines == 1)
    }

    @Test(arguments: [
        ("x", AddressList.Fault.Reason.notAnAddress), ("192.0.2", .notAnAddress), ("192.0.2.1.5", .notAnAddress),
        ("192.0.2.256", .notAnAddress),
        ("192.0.02.1", .notAnAddress), ("192.0.2.1x", .notAnAddress), ("192.0.2.1-host.example", .notAnAddress), ("1..2.3", .notAnAddress),
        ("192.0.2.", .notAnAddress), ("10", .notAnAddress), ("10 - 11", .notAnAddress), ("fe80::1%eth0", .notAnAddress),
        (":", .notAnAddress),
        ("1::2::3", .notAnAddress), ("12345::", .notAnAddress), ("1:2:3:4:5:6:7", .notAnAddress), ("1:2:3:4:5:6:7:8:9", .notAnAddress),
        ("::1.2.3", .notAnAddress), ("::ffff:1.2.3.4.5", .notAnAddress), ("192.0.2.1\u{0}", .notAnAddress),
        ("192.0.2.0/24x", .notAnAddress),
        ("192.0.2.1/", .prefixLength), ("192.0.2.1/33", .prefixLength), ("192.0.2.1/120", .prefixLength), ("192.0.2.1/-1", .prefixLength),
        ("192.0.2.1/0024", .prefixLength), ("::/129", .prefixLength), ("::ffff:192.0.2.1/95", .prefixLength),
        ("::ffff:192.0.2.1/24", .prefixLength),
        ("192.0.2.9 - 192.0.2.1", .range), ("192.0.2.9 - ::1", .range), ("::1 - 192.0.2.9", .range), ("::2 - ::1", .range),
        (#"{"cidr":"192.0.2.0/24}"#, .notAnAddress), (#"{"cidr":5}"#, .notAnAddress), (#"{"cidr":"x"}"#, .notAnAddress),
        ("{", .notAnAddress),
    ])
    func refuses(line: String, reason: AddressList.Fault.Reason) {
        let list = Self.parse("# first\n\(line)\n192.0.2.1\n")
        #expect(list.entries == 1 && list.faultCount == 1 && list.faults.first?.reason == reason && list.faults.first?.line == 2)
    }

    @Test func addressesAgreeWithIPAddress() throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<5000 {
            let high = UInt64.random(in: .min ... .max, using: &random) & (Bool.random(using: &random) ? .max : 0xFFFF_0000_0000_FFFF)
            let low = UInt64.random(in: .min ... .max, using: &random) >> UInt64.random(in: 0..<64, using: &random)
            let address = Bool.random(using: &random) ? IPAddress(high: high, low: low) : IPAddress(ipv4: UInt32(truncatingIfNeeded: high))
            #expect(shown(Self.parse(address.description).ranges) == ["\(address)-\(address)"])
            let word = address.description.replacing("0", with: ":", maxReplacements: 1)
            #expect(Self.parse(word).entries == (IPAddress(word) == nil ? 0 : 1), "\(word)")
        }
    }

    @Test func piecesNeverChangeTheAnswer() {
        var random = SeededRandom(seed: 11)
        let text =
            "# head\r\n192.0.2.1\n\n192.0.2.0/25 # x\r\nnonsense\n2001:db8::/32\n{\"cidr\":\"198.51.100.0/24\"}\n"
            + String(repeating: "9", count: AddressListParser.lineLimit + 5) + "\n<b>\n10.0.0.1 - 10.0.0.9\n192.0.2.200"
        let whole = Self.parse(text)
        #expect(whole.entries == 6 && whole.faultCount == 3 && whole.lines == 11)
        let bytes = Array(text.utf8)
        var sizes = [1, 2, 3, 7, 1024, 1025, 1026]
        for _ in 0..<20 { sizes.append(Int.random(in: 1...bytes.count, using: &random)) }
        for size in sizes {
            var parser = AddressListParser()
            for start in stride(from: 0, to: bytes.count, by: size) { parser.append(bytes[start..<min(bytes.count, start + size)]) }
            let list = parser.finish()
            #expect(list == whole, "pieces of \(size)")
        }
    }

    @Test func lineLimit() {
        for (padding, isFine) in [
            (AddressListParser.lineLimit - 1, true), (AddressListParser.lineLimit, true), (AddressListParser.lineLimit + 1, false),
        ] {
            let line = "192.0.2.1" + String(repeating: " ", count: padding - 9)
            for ending in ["", "\n", "\r\n"] {
                let list = Self.parse(line + ending)
                #expect(list.entries == (isFine ? 1 : 0), "\(padding) bytes")
                #expect(list.faults.map(\.reason) == (isFine ? [] : [.tooLong]))
                var parser = AddressListParser()
                for byte in (line + ending).utf8 { parser.append([byte]) }
                let piecemeal = parser.finish()
                #expect(piecemeal.entries == list.entries)
            }
        }
    }

    @Test func entryLimit() {
        for count in 9...11 {
            let list = Self.parse((0..<count).map { "10.0.\($0).1\n" }.joined(), entryLimit: 10)
            #expect((list.nonsense(emptyIsFine: false) == .tooLarge) == (count > 10))
        }
    }

    @Test func namesTheFirstFaultsAlone() {
        let list = Self.parse((0..<9).map { "bad \($0)\u{7}\n" }.joined())
        #expect(list.faultCount == 9 && list.faults.count == AddressListParser.namedFaultLimit)
        #expect(list.faults[1].description == "line 2: not an address: \"bad 1?\"")
    }

    @Test func tellsListsFromNonsense() {
        #expect(Self.parse("").nonsense(emptyIsFine: false) == .empty)
        #expect(Self.parse("# nothing today\n").nonsense(emptyIsFine: false) == .empty)
        #expect(Self.parse("# nothing today\n").nonsense(emptyIsFine: true) == nil)
        #expect(Self.parse("\n<!DOCTYPE html>\n<html>\n192.0.2.1\n</html>").nonsense(emptyIsFine: true) == .markup)
        #expect(Self.parse("404 not found\n").nonsense(emptyIsFine: true) == .faulty(lines: 1, entries: 0))
        #expect(Self.parse("192.0.2.1\nx\n").nonsense(emptyIsFine: false) == nil)
        #expect(Self.parse("192.0.2.1\nx\ny\n").nonsense(emptyIsFine: false) == .faulty(lines: 2, entries: 1))
        let drop = #"{"cidr":"192.0.2.0/24"}"# + "\n" + #"{"type":"metadata","records":"#
        #expect(Self.parse(drop + "1}\n").nonsense(emptyIsFine: false) == nil)
        #expect(Self.parse(drop + "2}\n").nonsense(emptyIsFine: false) == .half(of: 2, found: 1))
    }
}
