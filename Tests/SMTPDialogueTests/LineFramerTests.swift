import Testing

@testable import SMTPDialogue

@Suite struct LineFramerTests {
    /// What the framer makes of `text` fed in pieces of `size` bytes: lines, over-long ones as `nil`, and the counts.
    private func frame(_ bytes: [UInt8], size: Int) -> (lines: [String?], crlf: [Bool], counts: DialogueCounts) {
        var framer = LineFramer()
        var counts = DialogueCounts()
        var lines: [String?] = []
        var crlf: [Bool] = []
        var buffer: [UInt8] = []
        var rest = bytes[...]
        while true {
            let piece = buffer.withUnsafeBytes { framer.next(in: $0, &counts) }
            switch piece {
            case .line(let length, let taken, let endsInCRLF):
                lines.append(String(decoding: buffer[..<length], as: UTF8.self))
                crlf.append(endsInCRLF)
                buffer.removeFirst(taken)
            case .overlong(let taken), .more(let taken): buffer.removeFirst(taken)
            case .overlongEnd(let taken, let endsInCRLF):
                lines.append(nil)
                crlf.append(endsInCRLF)
                buffer.removeFirst(taken)
            case .incomplete:
                guard !rest.isEmpty else { return (lines, crlf, counts) }
                buffer += rest.prefix(size)
                rest = rest.dropFirst(size)
            }
        }
    }

    private static let samples: [[UInt8]] = [
        Array("a\r\nbb\r\n\r\nccc\n\n".utf8), Array("a\rb\r\r\n\r\n\r".utf8), [0, 13, 10, 0x80, 0xFF, 10, 13, 13, 10],
        Array(repeating: 0x61, count: 2046) + [13, 10], Array(repeating: 0x61, count: 2047) + [13, 10, 0x62, 10],
        Array(repeating: 0x61, count: 2047) + [10], Array(repeating: 0x61, count: 2048) + [10],
        Array(repeating: 13, count: 5000) + [10, 0x61, 10], Array(repeating: 0x61, count: 2048) + [13] + [10],
        Array(repeating: 0, count: 9000) + [13, 10] + Array("QUIT\r\n".utf8),
    ]

    @Test(arguments: samples.indices) func piecesChangeNothing(sample: Int) {
        let bytes = Self.samples[sample]
        let whole = frame(bytes, size: bytes.count)
        for size in [1, 2, 3, 7, 2047, 2048, 2049] {
            let pieces = frame(bytes, size: size)
            #expect(pieces.lines == whole.lines)
            #expect(pieces.crlf == whole.crlf)
            #expect(pieces.counts == whole.counts)
        }
    }

    @Test func theLimitCountsTheLineEnd() {
        #expect(frame(Array(repeating: 0x61, count: 2046) + [13, 10], size: 100).lines[0]?.utf8.count == 2046)
        #expect(frame(Array(repeating: 0x61, count: 2047) + [10], size: 100).lines[0]?.utf8.count == 2047)
        #expect(frame(Array(repeating: 0x61, count: 2047) + [13, 10], size: 100).lines == [nil])
        #expect(frame(Array(repeating: 0x61, count: 2048) + [10], size: 100).lines == [nil])
    }

    @Test func oddBytesAreCounted() {
        let counts = frame([0, 0, 13, 0x41, 0xE4, 13, 13, 10, 0x42, 10], size: 3).counts
        #expect(counts.nulBytes == 2)
        #expect(counts.eightBitBytes == 1)
        #expect(counts.bareCarriageReturns == 2)
        #expect(counts.bareLineFeeds == 1)
    }
}
