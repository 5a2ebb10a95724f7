public import Addressing
public import Moments

/// What is wrong with a message from another role. The channel it came on is closed and the event counted.
public enum WireError: Error, Hashable, Sendable {
    /// The message ends before its fields do.
    case truncated
    /// Bytes follow the last field.
    case trailingBytes
    /// A length or count above its bound.
    case tooLarge
    /// A value no sender of this version writes: a bool of 2, text that is not UTF-8, an unknown kind.
    case invalidValue
    /// The frame names another version of the protocol.
    case unknownVersion(UInt8)
    /// The frame names a message type this role does not know.
    case unknownMessage(UInt8)
}

/// Reads a message field by field; every read is bounded by what was received and by the caller's limit.
public struct WireReader {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    public var isAtEnd: Bool { index == bytes.endIndex }

    /// To be called behind the last field.
    public func finish() throws(WireError) {
        guard isAtEnd else { throw .trailingBytes }
    }

    public mutating func readBool() throws(WireError) -> Bool {
        switch try readUInt8() {
        case 0: return false
        case 1: return true
        default: throw .invalidValue
        }
    }

    public mutating func readUInt8() throws(WireError) -> UInt8 { try readInteger() }
    public mutating func readUInt16() throws(WireError) -> UInt16 { try readInteger() }
    public mutating func readUInt32() throws(WireError) -> UInt32 { try readInteger() }
    public mutating func readUInt64() throws(WireError) -> UInt64 { try readInteger() }
    public mutating func readInt64() throws(WireError) -> Int64 { Int64(bitPattern: try readInteger()) }
    public mutating func readDouble() throws(WireError) -> Double { Double(bitPattern: try readInteger()) }
    public mutating func readUnixTime() throws(WireError) -> UnixTime { UnixTime(try readInt64()) }
    public mutating func readMonotonicTime() throws(WireError) -> MonotonicTime { MonotonicTime(nanoseconds: try readInt64()) }
    public mutating func readDuration() throws(WireError) -> Duration { .nanoseconds(try readInt64()) }

    public mutating func readAddress() throws(WireError) -> IPAddress {
        let high = try readUInt64()
        return IPAddress(high: high, low: try readUInt64())
    }

    public mutating func readRange() throws(WireError) -> IPRange {
        let first = try readAddress()
        guard let range = IPRange(first, try readAddress()) else { throw .invalidValue }
        return range
    }

    public mutating func readPrefix() throws(WireError) -> IPPrefix {
        let address = try readAddress()
        guard let prefix = IPPrefix(address, length: Int(try readUInt8())) else { throw .invalidValue }
        return prefix
    }

    public mutating func readBytes(limit: Int) throws(WireError) -> [UInt8] {
        let count = Int(try readUInt32())
        guard count <= limit else { throw .tooLarge }
        guard count <= bytes.endIndex - index else { throw .truncated }
        defer { index += count }
        return Array(bytes[index..<index + count])
    }

    /// Text in UTF-8, `limit` in bytes.
    public mutating func readString(limit: Int) throws(WireError) -> String {
        guard let text = String(validating: try readBytes(limit: limit), as: UTF8.self) else { throw .invalidValue }
        return text
    }

    public mutating func readOptional<Value>(
        _ body: (inout WireReader) throws(WireError) -> Value
    ) throws(WireError) -> Value? {
        try readBool() ? try body(&self) : nil
    }

    public mutating func readList<Element>(
        limit: Int, _ body: (inout WireReader) throws(WireError) -> Element
    ) throws(WireError) -> [Element] {
        let count = Int(try readUInt32())
        // An element takes a byte at least, so a count above what is left is a lie that must not reserve memory.
        guard count <= limit else { throw .tooLarge }
        guard count <= bytes.endIndex - index else { throw .truncated }
        var list: [Element] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try body(&self)) }
        return list
    }

    private mutating func readInteger<Value: FixedWidthInteger & UnsignedInteger>() throws(WireError) -> Value {
        let width = Value.bitWidth / 8
        guard bytes.endIndex - index >= width else { throw .truncated }
        var value: Value = 0
        for _ in 0..<width {
            value = value << 8 | Value(bytes[index])
            index += 1
        }
        return value
    }
}
