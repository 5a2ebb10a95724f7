public import Addressing
public import Moments

/// Builds a message: integers in big-endian order, byte strings behind their length. What it writes, `WireReader` reads.
public struct WireWriter {
    public private(set) var bytes: [UInt8]

    public init(reserving capacity: Int = 128) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    public mutating func write(_ value: UInt8) { bytes.append(value) }
    public mutating func write(_ value: UInt16) { append(value) }
    public mutating func write(_ value: UInt32) { append(value) }
    public mutating func write(_ value: UInt64) { append(value) }
    public mutating func write(_ value: Int64) { append(UInt64(bitPattern: value)) }
    public mutating func write(_ value: Double) { append(value.bitPattern) }
    public mutating func write(_ value: UnixTime) { write(value.seconds) }
    public mutating func write(_ value: MonotonicTime) { write(value.nanoseconds) }
    /// Nanoseconds.
    public mutating func write(_ value: Duration) { write(value.wholeNanoseconds) }

    public mutating func write(_ value: IPAddress) {
        append(value.high)
        append(value.low)
    }

    public mutating func write(_ value: IPRange) {
        write(value.first)
        write(value.last)
    }

    public mutating func write(_ value: IPPrefix) {
        write(value.address)
        write(UInt8(value.length))
    }

    /// A 32-bit length and the bytes.
    public mutating func write(_ value: some Collection<UInt8>) {
        write(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func write(_ value: String) { write(value.utf8) }

    /// Text of at most `limit` bytes; `...` stands for what was cut off, which begins at a character.
    public mutating func write(_ text: String, cutTo limit: Int) {
        guard text.utf8.count > limit else { return write(text) }
        var end = text.utf8.index(text.startIndex, offsetBy: limit - 3)
        while text.utf8[end] & 0xC0 == 0x80 { end = text.utf8.index(before: end) }
        write(Array(text.utf8[..<end]) + Array("...".utf8))
    }

    /// A presence byte and, when there is one, the value.
    public mutating func write<Value>(optional value: Value?, _ body: (inout WireWriter, Value) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }

    /// A 32-bit count and the elements.
    public mutating func write<Element>(list: some Collection<Element>, _ body: (inout WireWriter, Element) -> Void) {
        write(UInt32(list.count))
        for element in list { body(&self, element) }
    }

    private mutating func append<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        var shift = Value.bitWidth - 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            shift -= 8
        }
    }
}
