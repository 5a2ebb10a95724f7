import TestSupport
import Testing

@testable import BlocklistFetch

@Suite struct SourceDecoderTests {
    /// What comes out when `bytes` are fed in pieces of `size`.
    private func decode(_ bytes: [UInt8], size: Int = .max, limit: UInt64 = 1 << 20, chunk: Int = 1000) throws -> [UInt8] {
        var decoder = SourceDecoder(byteLimit: limit, chunkLimit: chunk)
        var out: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            try decoder.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let piece = try decoder.next() {
                #expect(!piece.isEmpty && piece.count <= chunk)
                out += piece
            }
        }
        return out + (try decoder.finish())
    }

    private func failure(_ bytes: [UInt8], size: Int = .max, limit: UInt64 = 1 << 20) -> String? {
        do {
            _ = try decode(bytes, size: size, limit: limit)
            return nil
        } catch FetchError.failed(let sentence) { return sentence } catch { return "\(error)" }
    }

    private let text = Array((0..<3000).map { "10.\($0 % 250).\($0 / 250).1\n" }.joined().utf8)

    @Test func plainAndPackedInAnyPieces() throws {
        let packed = try gzip(text)
        let twice = packed + (try gzip(Array("192.0.2.1\n".utf8)))
        for size in [1, 2, 3, 100, 4096, Int.max] {
            #expect(try decode(text, size: size) == text)
            #expect(try decode(packed, size: size) == text)
            #expect(try decode(twice, size: size) == text + Array("192.0.2.1\n".utf8), "members one behind the other")
            #expect(try decode(packed + [0, 0, 0, 0, 0, 7], size: size) == text, "padding")
        }
        for short in [[], [0x1F], [0x8B], Array("x".utf8)] as [[UInt8]] { #expect(try decode(short) == short) }
    }

    @Test func damagedAndCutOff() throws {
        let packed = try gzip(text)
        var wrongSum = packed
        wrongSum[packed.count - 6] ^= 1
        for size in [1, 1000, Int.max] {
            #expect(failure(Array(packed.dropLast()), size: size) == "ends in the middle of its gzip data")
            #expect(failure(Array(packed.prefix(packed.count / 2)), size: size) == "ends in the middle of its gzip data")
            #expect(failure(Array(packed.prefix(2)), size: size) == "ends in the middle of its gzip data")
            #expect(failure(wrongSum, size: size) == "has damaged gzip data")
            #expect(failure([0x1F, 0x8B] + text, size: size) == "has damaged gzip data")
        }
    }

    @Test func bothSidesAreBounded() throws {
        let packed = try gzip(text)
        let count = UInt64(text.count)
        #expect(failure(text, limit: count) == nil && failure(text, limit: count + 1) == nil)
        #expect(failure(text, limit: count - 1) == "is larger than \(count - 1) bytes")
        #expect(failure(packed, limit: count) == nil && failure(packed, limit: count + 1) == nil)
        #expect(failure(packed, limit: count - 1) == "unpacks to more than \(count - 1) bytes")
        let bomb = try gzip(Array(repeating: 0, count: 8 << 20))
        #expect(bomb.count < 10_000 && failure(bomb, limit: 1 << 20) == "unpacks to more than 1 MB")
    }
}
