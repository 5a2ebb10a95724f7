internal import Glibc

/// Cuts what arrives into lines, in pieces of any size, without ever needing more than `DialogueLimits.commandLine` bytes at
/// once. A line ends at its line feed; a carriage return before that belongs to the line end.
struct LineFramer: Sendable {
    /// Inside a line that is too long, behind the part that was handed out.
    private var isSkipping = false
    /// The last byte taken was a carriage return whose line feed may still come.
    private var hasPendingReturn = false

    enum Piece: Equatable {
        /// A line; `length` without its line end, `taken` with it.
        case line(length: Int, taken: Int, endsInCRLF: Bool)
        /// The first `taken` bytes of a line that is longer than a line may be.
        case overlong(taken: Int)
        /// More of such a line.
        case more(taken: Int)
        /// The last of such a line.
        case overlongEnd(taken: Int, endsInCRLF: Bool)
        /// No whole line is there: wait for more.
        case incomplete
    }

    /// The next piece of `bytes`, counting in `counts` what its bytes are. The caller drops the bytes taken.
    mutating func next(in bytes: UnsafeRawBufferPointer, _ counts: inout DialogueCounts) -> Piece {
        if isSkipping { return skip(bytes, &counts) }
        let limit = min(bytes.count, DialogueLimits.commandLine)
        if let feed = bytes.indexOfLineFeed(before: limit) {
            let endsInCRLF = feed > 0 && bytes[feed - 1] == 13
            if !endsInCRLF { counts.bareLineFeeds += 1 }
            let length = endsInCRLF ? feed - 1 : feed
            tally(UnsafeRawBufferPointer(rebasing: bytes[..<length]), &counts)
            settleReturn(isBare: true, &counts)
            return .line(length: length, taken: feed + 1, endsInCRLF: endsInCRLF)
        }
        guard limit == DialogueLimits.commandLine else { return .incomplete }
        counts.overlongLines += 1
        isSkipping = true
        tally(UnsafeRawBufferPointer(rebasing: bytes[..<limit]), &counts)
        return .overlong(taken: limit)
    }

    private mutating func skip(_ bytes: UnsafeRawBufferPointer, _ counts: inout DialogueCounts) -> Piece {
        guard !bytes.isEmpty else { return .incomplete }
        guard let feed = bytes.indexOfLineFeed(before: bytes.count) else {
            tally(bytes, &counts)
            return .more(taken: bytes.count)
        }
        tally(UnsafeRawBufferPointer(rebasing: bytes[..<feed]), &counts)
        let endsInCRLF = hasPendingReturn
        if !endsInCRLF { counts.bareLineFeeds += 1 }
        settleReturn(isBare: false, &counts)
        isSkipping = false
        return .overlongEnd(taken: feed + 1, endsInCRLF: endsInCRLF)
    }

    private mutating func settleReturn(isBare: Bool, _ counts: inout DialogueCounts) {
        if hasPendingReturn && isBare { counts.bareCarriageReturns += 1 }
        hasPendingReturn = false
    }

    /// Counts bytes that have no business in a line. A carriage return at the very end stays pending.
    private mutating func tally(_ bytes: UnsafeRawBufferPointer, _ counts: inout DialogueCounts) {
        guard !bytes.isEmpty else { return }
        settleReturn(isBare: true, &counts)
        // One pass that finds nothing is the rule; it has no branches.
        var odd: UInt8 = 0
        for byte in bytes { odd |= byte & 0x80 | (byte == 0 ? 1 : 0) | (byte == 13 ? 2 : 0) }
        guard odd != 0 else { return }
        for byte in bytes {
            switch byte {
            case 0: counts.nulBytes += 1
            case 13: counts.bareCarriageReturns += 1
            case 0x80...: counts.eightBitBytes += 1
            default: break
            }
        }
        if bytes[bytes.count - 1] == 13 {
            counts.bareCarriageReturns -= 1
            hasPendingReturn = true
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func indexOfLineFeed(before limit: Int) -> Int? {
        guard limit > 0, let base = baseAddress, let found = memchr(base, 10, limit) else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
