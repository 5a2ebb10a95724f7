public import PeerText

/// The patterns of an `alloweddomains` file, ready to be asked.
public struct AllowedDomains: Sendable {
    private(set) var patterns: Set<PeerText> = []
    private(set) var hosts: Set<PeerText> = []

    /// Bytes a file may have at most, and lines with a pattern.
    public static let fileLimit = 32 << 20
    public static let patternLimit = 1_000_000

    public init() {}

    public init(_ patterns: some Sequence<DomainPattern>) {
        for pattern in patterns { insert(pattern) }
    }

    public var isEmpty: Bool { patterns.isEmpty }
    public var count: Int { patterns.count }

    public func contains(_ pattern: PeerText) -> Bool { patterns.contains(pattern) }

    /// Whether an `@host` or `somebody@host` pattern speaks of this domain.
    public func speaks(of host: PeerText) -> Bool { hosts.contains(host) }

    /// From the file's bytes: one pattern a line, blank lines and what follows a `#` ignored, CR at the end of a line and a byte order
    /// mark before the first one too.
    public init(parsing bytes: some BidirectionalCollection<UInt8>) throws(AllowedDomainsFault) {
        guard bytes.count <= Self.fileLimit else { throw .tooLarge }
        var number = 0
        var faults = AllowedDomainsFault.BadLines()
        let byteOrderMark = "\u{FEFF}".utf8
        let text = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes[...]
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let space: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            var text = line.prefix { $0 != UInt8(ascii: "#") }.drop(while: space)
            while let last = text.last, space(last) { text = text.dropLast() }
            if text.isEmpty { continue }
            guard let pattern = DomainPattern(text) else {
                faults.add(number, text)
                continue
            }
            insert(pattern)
            guard patterns.count <= Self.patternLimit else { throw .tooMany }
        }
        guard faults.count == 0 else { throw .badLines(faults) }
    }

    private mutating func insert(_ pattern: DomainPattern) {
        patterns.insert(pattern.text)
        if let host = pattern.host { hosts.insert(host) }
    }
}

/// Why an `alloweddomains` file was not taken.
public enum AllowedDomainsFault: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLarge
    case tooMany
    case badLines(BadLines)

    /// The lines that are no pattern: the first of them, and how many there are.
    public struct BadLines: Hashable, Sendable {
        public private(set) var first: [BadLine] = []
        public private(set) var count = 0

        /// Lines told one by one at most.
        public static let limit = 10

        mutating func add(_ number: Int, _ text: some Sequence<UInt8>) {
            count += 1
            // No more than is shown of it.
            if first.count < Self.limit { first.append(BadLine(number: number, text: Array(text.prefix(DomainPattern.limit)))) }
        }
    }

    public struct BadLine: Hashable, Sendable {
        /// Counted from 1.
        public var number: Int
        /// As it stands there, without comment and the space around it; the beginning of a long one.
        public var text: [UInt8]
    }

    /// What is wrong, a sentence each; safe for terminals and logs.
    public var sentences: [String] {
        switch self {
        case .tooLarge: return ["the file is larger than \(AllowedDomains.fileLimit) bytes; shorten it"]
        case .tooMany: return ["the file names more than \(AllowedDomains.patternLimit) domains; shorten it"]
        case .badLines(let lines):
            let told = lines.first.map { line in
                "line \(line.number): \(PeerText.forLog(PeerText.escape(line.text), limit: 80)) is not `@domain`, `domain` or `name@domain`, without a `*`, a `/` or an empty label"
            }
            let rest = lines.count - told.count
            return told + (rest == 0 ? [] : ["and \(rest) more faulty \(rest == 1 ? "line" : "lines")"])
        }
    }

    public var description: String { sentences.joined(separator: "; ") }
}
