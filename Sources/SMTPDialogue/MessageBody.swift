/// What is remembered of a black host's message while it arrives: where its header ends, how many lines it has, and whether a
/// lone dot would end it.
struct MessageBody: Sendable {
    private var isInHeader = true
    private var headerLines: UInt16 = 0
    private var bodyLines: UInt8 = 0
    /// The line before ended in CRLF, so a lone dot with a CRLF of its own ends the message.
    private var followsCRLF: Bool

    /// `followsCRLF`: whether the DATA line itself ended in CRLF.
    init(followsCRLF: Bool) { self.followsCRLF = followsCRLF }

    enum Verdict: Equatable {
        case goOn
        /// A From, To or Subject line.
        case header
        /// The message is over, or enough of it was seen.
        case finished
    }

    /// Judges one line, given without its line end. `isWhole` is false for the first part of a line that is too long; its end
    /// is told by `lineEnded`.
    mutating func take(
        _ line: UnsafeRawBufferPointer, isWhole: Bool, endsInCRLF: Bool, _ counts: inout DialogueCounts
    ) -> Verdict {
        if isWhole {
            if line.count == 1, line[0] == UInt8(ascii: "."), followsCRLF, endsInCRLF { return .finished }
            counts.smuggledEnds += Self.loneDots(in: line)
            followsCRLF = endsInCRLF
        }
        if isInHeader {
            headerLines += 1
            if line.isEmpty && isWhole {
                isInHeader = false
                return .goOn
            }
            if headerLines <= DialogueLimits.headerLines, Self.isHeaderLine(line) { return Self.isReported(line) ? .header : .goOn }
            isInHeader = false
        }
        bodyLines += 1
        return bodyLines >= DialogueLimits.bodyLines ? .finished : .goOn
    }

    mutating func lineEnded(inCRLF: Bool) { followsCRLF = inCRLF }

    /// A field (RFC 5322 §2.2) or the continuation of one.
    private static func isHeaderLine(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let first = line.first else { return false }
        if first.isBlank { return true }
        for index in 0..<line.count {
            if line[index] == UInt8(ascii: ":") { return index > 0 }
            // mbox's "From " line, which some engines send, is let through as spamd does.
            guard 0x21...0x7E ~= line[index] || line[index].isBlank && line.hasPrefix(ignoringCase: "from ") else { return false }
        }
        return false
    }

    private static func isReported(_ line: UnsafeRawBufferPointer) -> Bool {
        line.hasPrefix(ignoringCase: "from:") || line.hasPrefix(ignoringCase: "to:") || line.hasPrefix(ignoringCase: "subject:")
    }

    /// Dots between any two line ends or bare carriage returns: what SMTP smuggling sends. The true end never comes here.
    private static func loneDots(in line: UnsafeRawBufferPointer) -> UInt64 {
        var found: UInt64 = 0
        for index in 0..<line.count where line[index] == UInt8(ascii: ".") {
            if (index == 0 || line[index - 1] == 13) && (index == line.count - 1 || line[index + 1] == 13) { found += 1 }
        }
        return found
    }
}
