public import Addressing
public import Moments

/// What is known of one source between fetches: the last good copy, how to ask whether it changed, and what went wrong since.
/// Pure: the engine keeps it in its state directory as a file that is itself an address list (`SourceState+File`).
public struct SourceState: Hashable, Sendable {
    /// Where the copy came from, as `SpamdConfiguration.Source` prints itself; another source makes the copy worthless.
    public let source: String
    public private(set) var validators = Validators()
    public private(set) var copy: Copy?
    /// Fetches that failed since the last that did not.
    public private(set) var failures = 0
    /// Why the last fetch failed, nil when it did not.
    public private(set) var failure: String?
    /// Entries of a list that shrank by more than half: it is believed when the next fetch says the same.
    private var doubted: Int?

    /// For conditional requests, as the server sent them (RFC 9110 §8.8).
    public struct Validators: Hashable, Sendable {
        public var entityTag: String
        public var lastModified: String

        public init(entityTag: String = "", lastModified: String = "") {
            self.entityTag = entityTag
            self.lastModified = lastModified
        }

        /// Bytes of each at most; a longer one is not kept.
        public static let limit = 512
    }

    public struct Copy: Hashable, Sendable {
        public var ranges: RangeSet
        /// Entries as listed, before merging.
        public var entries: Int
        public var fetched: UnixTime

        public init(ranges: RangeSet, entries: Int, fetched: UnixTime) {
            self.ranges = ranges
            self.entries = entries
            self.fetched = fetched
        }
    }

    /// How a fetch ended.
    public enum Outcome: Sendable {
        case list(AddressList, Validators)
        /// The server says that the copy still holds.
        case notModified
        /// One sentence's end: completes "the source …".
        case failed(String)
    }

    public enum Decision: Hashable, Sendable {
        /// The copy is new: build the table again. A sentence when lines in it were faulty.
        case use(note: String?)
        /// The copy stays what it was, and all is well.
        case unchanged
        /// The copy, if there is one, stays; the sentence says why and what to do.
        case keep(String)
    }

    public init(source: String) { self.source = source }

    public init(source: String, copy: Copy, validators: Validators) {
        self.source = source
        self.copy = copy
        self.validators = validators
    }

    /// Fewer entries than the copy has, divided by this, are doubted once.
    static let doubtDivisor = 2
    /// A copy of fewer entries is too small to say anything about shrinking.
    static let doubtFloor = 100

    /// Takes in what a fetch brought. `name`: the list's name, for the sentence. `emptyIsFine`: the source is a file of the
    /// administrator's.
    public mutating func take(_ outcome: Outcome, name: String, emptyIsFine: Bool, now: UnixTime) -> Decision {
        switch outcome {
        case .notModified:
            guard copy != nil else { return fail("says that nothing changed, but there is no copy", name, now) }
            copy?.fetched = now
            failures = 0
            failure = nil
            return .unchanged
        case .failed(let reason): return fail(reason, name, now)
        case .list(let list, let validators):
            if let nonsense = list.nonsense(emptyIsFine: emptyIsFine) { return fail(nonsense.description, name, now) }
            if let copy, !emptyIsFine, doubts(list, copy) {
                doubted = list.entries
                let reason = "shrank from \(copy.entries) to \(list.entries) entries, which is believed if the next fetch says so too"
                return fail(reason, name, now)
            }
            copy = Copy(ranges: list.ranges, entries: list.entries, fetched: now)
            self.validators = validators.bounded
            doubted = nil
            failures = 0
            failure = nil
            return .use(note: note(list, name))
        }
    }

    private func doubts(_ list: AddressList, _ copy: Copy) -> Bool {
        guard copy.entries >= Self.doubtFloor, list.entries < copy.entries / Self.doubtDivisor else { return false }
        guard let doubted else { return true }
        // The same again, give or take a tenth: the list really is that short now.
        return abs(doubted - list.entries) > max(doubted, list.entries) / 10
    }

    private func note(_ list: AddressList, _ name: String) -> String? {
        guard list.faultCount > 0, let first = list.faults.first else { return nil }
        return "blocklist \(name): \(list.faultCount) of \(list.lines) lines \(list.faultCount == 1 ? "is" : "are") passed over; \(first)"
    }

    private mutating func fail(_ reason: String, _ name: String, _ now: UnixTime) -> Decision {
        failures += 1
        failure = reason
        guard let copy else {
            let sentence = "there is no earlier copy, so the list blocks nobody until a fetch succeeds"
            return .keep("blocklist \(name): \(source) \(reason); \(sentence)")
        }
        let hours = max(0, (now - copy.fetched).components.seconds) / 3600
        let age = hours < 1 ? "less than an hour" : hours == 1 ? "an hour" : hours < 48 ? "\(hours) hours" : "\(hours / 24) days"
        let size = copy.entries == 1 ? "1 entry" : "\(copy.entries) entries"
        return .keep("blocklist \(name): \(source) \(reason); the copy of \(size), \(age) old, stays in use")
    }
}

extension SourceState.Validators {
    /// Printable and short, or not kept at all: they go back to the server in a header.
    var bounded: SourceState.Validators {
        func kept(_ text: String) -> String {
            text.utf8.count <= Self.limit && text.utf8.allSatisfy { 0x20...0x7E ~= $0 } ? text : ""
        }
        return SourceState.Validators(entityTag: kept(entityTag), lastModified: kept(lastModified))
    }
}
