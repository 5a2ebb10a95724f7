public import Moments

/// What would happen to an address now, and why: every rule consulted, in the order of precedence.
public struct Explanation: Hashable, Sendable {
    /// What was asked about, in canonical form.
    public var subject: String
    public var verdict: Verdict
    /// One sentence for people: what happens to its next connection or, for a mail address, to who writes to it.
    public var summary: String
    public var steps: [Step]
    /// The database rows it rests on, canonical lines without newline.
    public var rows: [String]
    public var elements: [Element]
    /// When a grey host's next attempt would pass, nil when none would.
    public var passes: UnixTime?
    /// When the verdict changes by itself, nil when it does not.
    public var changes: UnixTime?

    public enum Verdict: UInt8, CaseIterable, Hashable, Sendable {
        /// Of an IP address: allowed by the administrator, trapped, white, on a blocklist, waiting, never seen.
        case allowed = 0, trapped, white, listed, grey, unknown
        /// Of a mail address: a spamtrap, at a domain that is not allowed (traps too), always accepted, greylisted as any.
        case spamtrap, notAllowed, postmaster, ordinary
    }

    /// One rule and what it said.
    public struct Step: Hashable, Sendable {
        /// Stable name of the rule: `allow`, `trapped`, `white`, `blocklists`, `grey`, `low-priority-mx`, `postmaster`, `spamtrap`,
        /// `allowed-domains`, `kernel`.
        public var rule: String
        public var result: Result
        /// One sentence: what was found.
        public var detail: String

        public enum Result: UInt8, Hashable, Sendable {
            /// The rule applies and decides.
            case decides = 0
            /// The rule would apply, an earlier one has decided.
            case overruled
            /// The rule does not apply.
            case silent
            /// Could not be found out, the detail says why.
            case unknown
        }

        public init(rule: String, result: Result, detail: String) {
            self.rule = rule
            self.result = result
            self.detail = detail
        }
    }

    /// What the kernel holds.
    public struct Element: Hashable, Sendable {
        public var set: String
        /// nil: not there; otherwise seconds left, 0 for an element without timeout.
        public var remaining: UInt32?
        /// The database says it should be there.
        public var expected: Bool

        public init(set: String, remaining: UInt32?, expected: Bool) {
            self.set = set
            self.remaining = remaining
            self.expected = expected
        }
    }

    public init(
        subject: String, verdict: Verdict, summary: String, steps: [Step] = [], rows: [String] = [], elements: [Element] = [],
        passes: UnixTime? = nil, changes: UnixTime? = nil
    ) {
        self.subject = subject
        self.verdict = verdict
        self.summary = summary
        self.steps = steps
        self.rows = rows
        self.elements = elements
        self.passes = passes
        self.changes = changes
    }

    public static let stepLimit = 32
    public static let rowLimit = 100
    public static let elementLimit = 16
}
