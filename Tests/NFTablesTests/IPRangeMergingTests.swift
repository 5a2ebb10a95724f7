import Addressing
import NFTables
import Testing

@testable import NFTables

@Suite struct IPRangeMergingTests {
    private func merged(_ texts: [String], _ family: NFTSet.Family = .ipv4) -> [String] {
        IPRange.merged(texts.map { IPPrefix($0)!.range }, family).map { "\($0.first)-\($0.last)" }
    }

    @Test func mergesWhatOverlapsOrTouches() {
        #expect(merged([]) == [])
        #expect(merged(["10.1.0.0/16", "10.0.0.0/8", "10.255.255.255"]) == ["10.0.0.0-10.255.255.255"])
        #expect(merged(["192.0.2.0/25", "192.0.2.128/25", "192.0.3.1"]) == ["192.0.2.0-192.0.2.255", "192.0.3.1-192.0.3.1"])
        #expect(merged(["255.255.255.255", "255.255.255.254", "0.0.0.0"]) == ["0.0.0.0-0.0.0.0", "255.255.255.254-255.255.255.255"])
        #expect(merged(["0.0.0.0/0", "10.0.0.0/8", "255.255.255.255"]) == ["0.0.0.0-255.255.255.255"])
        #expect(merged(["2001:db8::/32", "10.0.0.0/8"], .ipv6) == ["2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"])
        #expect(merged(["::/0", "ffff::/16"], .ipv6).count == 1)
    }

    @Test func renewalByRelease() {
        #expect(NFTBatch.Renewal.of(kernelRelease: "6.18.44-fc-v657") == .inPlace)
        #expect(NFTBatch.Renewal.of(kernelRelease: "6.12.0") == .inPlace)
        #expect(NFTBatch.Renewal.of(kernelRelease: "6.11.99") == .replacing)
        #expect(NFTBatch.Renewal.of(kernelRelease: "5.10.0-30-amd64") == .replacing)
        #expect(NFTBatch.Renewal.of(kernelRelease: "strange") == .replacing)
    }
}
