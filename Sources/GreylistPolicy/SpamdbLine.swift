public import Addressing

/// Writes spamdb's lines into a buffer, field by field, without a string per field: what a listing of a million rows needs.
public struct SpamdbLine: Sendable {
    public var bytes: [UInt8] = []

    public init() {}

    public mutating func begin(_ kind: StoredRow.Kind) { bytes += kind.label.utf8 }

    public mutating func end() { bytes.append(UInt8(ascii: "\n")) }

    public mutating func field(_ text: String) {
        bytes.append(UInt8(ascii: "|"))
        bytes += text.utf8
    }

    /// A text in PeerText's escaped form.
    public mutating func field(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "|"))
        bytes += text
    }

    public mutating func field(_ number: Int64) {
        bytes.append(UInt8(ascii: "|"))
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        append(number.magnitude)
    }

    public mutating func field(_ address: IPAddress) {
        guard let ipv4 = address.ipv4 else { return field(address.description) }
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            bytes.append(UInt8(ascii: index == 0 ? "|" : "."))
            append(UInt64(ipv4 >> UInt32(shift) & 255))
        }
    }

    private mutating func append(_ number: UInt64) {
        let start = bytes.count
        var left = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(left % 10))
            left /= 10
        } while left > 0
        bytes[start...].reverse()
    }
}

extension Sequence<UInt8> where Self: RandomAccessCollection {
    /// Whether these bytes occur in a row.
    public func holds(_ wanted: [UInt8]) -> Bool {
        guard let first = wanted.first else { return true }
        var rest = self[...]
        while let place = rest.firstIndex(of: first) {
            rest = rest[place...]
            if rest.starts(with: wanted) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
