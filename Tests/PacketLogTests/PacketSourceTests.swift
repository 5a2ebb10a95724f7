import Addressing
import PacketLog
import TestSupport
import Testing

@Suite struct PacketSourceTests {
    private func source(_ bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { IPAddress(sourceOfPacket: $0).map { "\($0)" } }
    }

    private let four = RawSegment(.ack, from: "192.0.2.1", to: "198.51.100.1").packet
    private let six = RawSegment(.ack, from: "2001:db8::1", to: "2001:db8::2").packet

    @Test func findsTheSource() {
        #expect(source(four) == "192.0.2.1")
        #expect(source(six) == "2001:db8::1")
    }

    @Test func headersAreBounded() {
        for length in 0..<20 { #expect(source(Array(four.prefix(length))) == nil) }
        #expect(source(Array(four.prefix(20))) == "192.0.2.1")
        for length in 0..<40 { #expect(source(Array(six.prefix(length))) == nil) }
        #expect(source(Array(six.prefix(40))) == "2001:db8::1")
        #expect(source([]) == nil)
    }

    @Test func refusesWhatIsNoHeader() {
        for version: UInt8 in 0...15 where version != 4 && version != 6 {
            #expect(source([version << 4 | 5] + four.dropFirst()) == nil)
        }
        for length: UInt8 in 0...4 { #expect(source([0x40 | length] + four.dropFirst()) == nil) }
        #expect(source([0x4F] + four.dropFirst()) == "192.0.2.1")
    }

    @Test func refusesSourcesNoHostHas() {
        for address in ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1"] {
            #expect(source(RawSegment(.ack, from: address, to: address.contains(":") ? "::1" : "192.0.2.1").packet) == nil)
        }
        var mapped = six
        mapped.replaceSubrange(8..<24, with: IPAddress("192.0.2.1")!.ipv6Bytes)
        #expect(source(mapped) == nil)
        for address in ["1.0.0.1", "223.255.255.255"] {
            #expect(source(RawSegment(.ack, from: address, to: "192.0.2.1").packet) == address)
        }
    }
}
