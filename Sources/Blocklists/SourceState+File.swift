internal import Addressing
internal import Moments

extension SourceState {
    /// The copy as a file: a heading of comments, then one block or range a line, so that `less` and `grep` serve and
    /// `AddressListParser` reads it. Empty when there is no copy. Given out in pieces of some 60 kB.
    public func write(_ body: ([UInt8]) throws -> Void) rethrows {
        guard let copy else { return }
        let fetched = copy.fetched.seconds
        var out = Array("# greymoat blocklist copy 1\n# source \(source)\n# fetched \(fetched)\n# entries \(copy.entries)\n".utf8)
        if !validators.entityTag.isEmpty { out += Array("# etag \(validators.entityTag)\n".utf8) }
        if !validators.lastModified.isEmpty { out += Array("# last-modified \(validators.lastModified)\n".utf8) }
        for range in copy.ranges {
            out += Array((range.first == range.last ? "\(range.first)\n" : "\(range.first) - \(range.last)\n").utf8)
            if out.count > 60_000 {
                try body(out)
                out.removeAll(keepingCapacity: true)
            }
        }
        out += Array("# end\n".utf8)
        try body(out)
    }

    /// From such a file, in whatever pieces; nil when it is not whole or belongs to another source.
    public struct Reader: Sendable {
        private let source: String
        private var parser = AddressListParser()
        private var head: [UInt8] = []
        private var tail: [UInt8] = []

        /// Bytes of the heading at most: source and validators at their limits.
        private static let headLimit = 4096

        public init(source: String) { self.source = source }

        public mutating func append(_ bytes: some Collection<UInt8>) {
            if head.count < Self.headLimit { head += bytes.prefix(Self.headLimit - head.count) }
            tail = Array((tail + bytes.suffix(6)).suffix(6))
            parser.append(bytes)
        }

        public consuming func finish() -> SourceState? {
            guard tail.elementsEqual("# end\n".utf8) else { return nil }
            var heading: [Substring: Substring] = [:]
            let lines = String(decoding: head, as: UTF8.self).split(separator: "\n").prefix { $0.hasPrefix("# ") }
            for line in lines {
                let words = line.dropFirst(2).split(separator: " ", maxSplits: 1)
                if words.count == 2 { heading[words[0]] = words[1] }
            }
            guard heading["greymoat"] == "blocklist copy 1", heading["source"].map(String.init) == source,
                let fetched = heading["fetched"].flatMap({ Int64($0) }), let entries = heading["entries"].flatMap({ Int($0) }), entries >= 0
            else { return nil }
            let list = parser.finish()
            guard list.faultCount == 0 else { return nil }
            let validators = Validators(
                entityTag: String(heading["etag"] ?? ""), lastModified: String(heading["last-modified"] ?? ""))
            return SourceState(
                source: source, copy: Copy(ranges: list.ranges, entries: entries, fetched: UnixTime(fetched)),
                validators: validators.bounded)
        }
    }
}
