import Addressing
import PeerText

/// SipHash-1-3 (Aumasson and Bernstein) of a tuple under a key of the database's own, so that nobody outside can choose
/// tuples that share a hash. Rows are told apart by their texts; the hash only finds them.
struct KeyedHash {
    private let key: (UInt64, UInt64)

    init(key: (UInt64, UInt64)) { self.key = key }

    func hash(group: IPPrefix, from: PeerText, to: PeerText) -> Int64 {
        var state = State(key: key)
        state.feed(group.address.high)
        state.feed(group.address.low)
        state.feed(UInt64(group.length))
        state.feed(from)
        state.feed(to)
        return Int64(bitPattern: state.finish())
    }

    func hash(from: PeerText, to: PeerText) -> Int64 {
        var state = State(key: key)
        state.feed(from)
        state.feed(to)
        return Int64(bitPattern: state.finish())
    }

    /// Fed with whole words only; a text is padded and followed by its length, so no two sequences of texts look alike.
    private struct State {
        var v0, v1, v2, v3: UInt64

        init(key: (UInt64, UInt64)) {
            v0 = key.0 ^ 0x736f_6d65_7073_6575
            v1 = key.1 ^ 0x646f_7261_6e64_6f6d
            v2 = key.0 ^ 0x6c79_6765_6e65_7261
            v3 = key.1 ^ 0x7465_6462_7974_6573
        }

        mutating func feed(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        mutating func feed(_ text: PeerText) {
            var text = text.escaped
            text.withUTF8 { bytes in
                let raw = UnsafeRawBufferPointer(bytes)
                var offset = 0
                while offset + 8 <= raw.count {
                    feed(raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    offset += 8
                }
                var tail: UInt64 = 0
                for (place, byte) in raw[offset...].enumerated() { tail |= UInt64(byte) << UInt64(8 * place) }
                feed(tail)
                feed(UInt64(raw.count))
            }
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            for _ in 0..<3 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = v1 << 13 | v1 >> 51
            v1 ^= v0
            v0 = v0 << 32 | v0 >> 32
            v2 &+= v3
            v3 = v3 << 16 | v3 >> 48
            v3 ^= v2
            v0 &+= v3
            v3 = v3 << 21 | v3 >> 43
            v3 ^= v0
            v2 &+= v1
            v1 = v1 << 17 | v1 >> 47
            v1 ^= v2
            v2 = v2 << 32 | v2 >> 32
        }
    }
}
