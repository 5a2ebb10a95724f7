import Addressing
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::", "::"), ("::1", "::1"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:db8::", "2001:db8::"), ("0:0:1::", "0:0:1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("fe80::1", "fe80::1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
    func printsInRFC5952Form(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(networkBytes: address.networkBytes) == address)
        #expect(IPAddress(networkBytes: address.ipv6Bytes) == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "::1.2.3", "1.2.3.4:", "::ffff:1.2.3.4.5", "g::", "1:", "1:2:3:4:5:6:7:1.2.3.4",
    ])
    func refuses(text: String) { #expect(IPAddress(text) == nil) }

    @Test func prefixes() throws {
        let block = try #require(IPPrefix("192.0.2.77/24"))
        #expect(block.description == "192.0.2.0/24")
        #expect(block.contains(IPAddress("192.0.2.255")!) && !block.contains(IPAddress("192.0.3.0")!))
        #expect(!IPPrefix("::/0")!.contains(IPAddress("192.0.2.1")!))
        #expect(IPPrefix("0.0.0.0/0")!.range.last == IPAddress("255.255.255.255"))
        #expect(IPPrefix("2001:db8::/64")!.range.last == IPAddress("2001:db8::ffff:ffff:ffff:ffff"))
        #expect(
            IPPrefix("192.0.2.1/33") == nil && IPPrefix("::/129") == nil && IPPrefix("192.0.2.1/") == nil && IPPrefix("1.2.3.4/+8") == nil)
        #expect(IPPrefix("192.0.2.1/32")!.description == "192.0.2.1")
    }

    @Test func neighbours() {
        #expect(IPAddress("255.255.255.255")!.successor == nil && IPAddress("0.0.0.0")!.predecessor == nil)
        #expect(IPAddress("::ffff:ffff:ffff")!.successor == nil, "an IPv4 address has no IPv6 successor")
        #expect(IPAddress("2001:db8::ffff:ffff:ffff:ffff")!.successor == IPAddress("2001:db8:0:1::"))
    }
}
