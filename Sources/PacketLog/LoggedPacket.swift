public import Addressing

/// What the packet log tells of one connection.
public struct LoggedPacket: Hashable, Sendable {
    /// The host at the other end: whoever reached our mail server, or whom it reached.
    public var address: IPAddress
    public var direction: Direction
    /// Index of the interface the packet came in by, 0 when unknown.
    public var interface: UInt32

    public init(address: IPAddress, direction: Direction, interface: UInt32) {
        self.address = address
        self.direction = direction
        self.interface = interface
    }

    public enum Direction: Hashable, Sendable {
        /// A host reached our mail server: prefix `greymoat-in`.
        case inbound
        /// Our mail server reached a host: prefix `greymoat-out`.
        case outbound

        /// nil for a prefix that is none of ours.
        init?(prefix: UnsafeBufferPointer<UInt8>) {
            if prefix.elementsEqual(Self.inboundPrefix) {
                self = .inbound
            } else if prefix.elementsEqual(Self.outboundPrefix) {
                self = .outbound
            } else {
                return nil
            }
        }

        private static let inboundPrefix = Array("greymoat-in".utf8)
        private static let outboundPrefix = Array("greymoat-out".utf8)
    }
}

extension IPAddress {
    /// The source of a packet that begins with its IP header (RFC 791 §3.1, RFC 8200 §3), of which the first bytes suffice;
    /// nil for anything that is not such a header, or has no source a host can have.
    public init?(sourceOfPacket packet: UnsafeRawBufferPointer) {
        guard let first = packet.first else { return nil }
        switch first >> 4 {
        case 4:
            guard first & 15 >= 5, packet.count >= 20 else { return nil }
            let source = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
            // 0.0.0.0/8 and multicast and above are no host's (RFC 1122 §3.2.1.3).
            guard source >> 24 != 0, source >> 28 < 14 else { return nil }
            self.init(ipv4: source)
        case 6:
            guard packet.count >= 40 else { return nil }
            let high = UInt64(bigEndian: packet.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            let low = UInt64(bigEndian: packet.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            // Unspecified, multicast, and IPv4's own block, which no packet on the wire carries.
            guard high | low != 0, high >> 56 != 0xFF, !(high == 0 && low >> 32 == 0xFFFF) else { return nil }
            self.init(high: high, low: low)
        default: return nil
        }
    }
}
