internal import Addressing
internal import CLinux
internal import Foundation
internal import Glibc

/// A TCP segment made by hand, headers and all: what a spoofer sends.
public struct RawSegment: Sendable {
    public var source: String
    public var destination: String
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    public var sequence: UInt32
    public var acknowledgement: UInt32
    public var flags: Flags

    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let fin = Flags(rawValue: 1)
        public static let syn = Flags(rawValue: 2)
        public static let rst = Flags(rawValue: 4)
        public static let psh = Flags(rawValue: 8)
        public static let ack = Flags(rawValue: 16)
    }

    public init(
        _ flags: Flags, from source: String, _ sourcePort: UInt16 = 40_000, to destination: String, _ destinationPort: UInt16 = 25,
        sequence: UInt32 = 1000, acknowledgement: UInt32 = 0
    ) {
        self.source = source
        self.destination = destination
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.sequence = sequence
        self.acknowledgement = acknowledgement
        self.flags = flags
    }

    /// The IP packet (RFC 791, RFC 8200) with the segment (RFC 9293 §3.1) in it.
    public var packet: [UInt8] {
        let from = IPAddress(source)!.networkBytes
        let to = IPAddress(destination)!.networkBytes
        var segment: [UInt8] = []
        segment += bytes(sourcePort) + bytes(destinationPort) + bytes(sequence) + bytes(acknowledgement)
        segment += [5 << 4, flags.rawValue, 0xFF, 0xFF, 0, 0, 0, 0]
        let pseudo = from + to + (from.count == 4 ? [0, 6] : [0, 0, 0, 0, 0, 6]) + bytes(UInt16(segment.count))
        let sum = Self.checksum(pseudo + segment)
        segment.replaceSubrange(16..<18, with: bytes(sum))
        if from.count == 16 { return [0x60, 0, 0, 0] + bytes(UInt16(segment.count)) + [6, 64] + from + to + segment }
        var header: [UInt8] = [0x45, 0] + bytes(UInt16(20 + segment.count)) + [0, 1, 0, 0, 64, 6, 0, 0] + from + to
        header.replaceSubrange(10..<12, with: bytes(Self.checksum(header)))
        return header + segment
    }

    private func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while sum >> 16 != 0 { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(truncatingIfNeeded: sum)
    }
}

extension LabHost {
    /// Sends a segment as it stands, whatever source it claims.
    public func send(_ segment: RawSegment) throws {
        let target = try SocketAddress(segment.destination, 0)
        let descriptor = try socket(target.family, Int32(SOCK_RAW.rawValue), 255)
        defer { close(descriptor) }
        let packet = segment.packet
        let sent = target.with { sendto(descriptor, packet, packet.count, 0, $0, $1) }
        guard sent == packet.count else { throw LabError.last("send a raw packet from \(name)") }
    }
}
