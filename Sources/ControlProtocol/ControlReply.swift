public import Moments
public import WireFormat

/// What the engine answers over the control socket: see `ControlRequest` for which request brings which.
public enum ControlReply: WireMessage, Hashable {
    case status(StatusReport)
    /// Before the rows of a listing: what turns its times into relative ones.
    case heading(Heading)
    /// Whole lines of the canonical text form, newlines included, at most `ControlRequest.chunkLimit` bytes.
    case rows([UInt8])
    /// A piece of a file, at most `ControlRequest.chunkLimit` bytes.
    case file([UInt8])
    /// One outcome for each change or key, in order.
    case outcomes([RowOutcome])
    case explanation(Explanation)
    case imported(ImportReport)
    case blocklists([BlocklistStatus])
    /// Long work goes on; at most a few each second.
    case progress(Progress)
    /// The end of the answer.
    case done
    /// The end of the answer: not carried out, or not wholly. One sentence that says what is wrong and what to do, and the
    /// command's exit status.
    case failure(String, exitStatus: UInt8)

    public struct Heading: Hashable, Sendable {
        /// The engine's clock.
        public var now: UnixTime
        /// A GREY row passes from `first` + this on; nil when nobody knows (the database read without its engine).
        public var passtime: Duration?

        public init(now: UnixTime, passtime: Duration?) {
            self.now = now
            self.passtime = passtime
        }
    }

    public struct Progress: Hashable, Sendable {
        /// What is being done, in a few words: `importing`, `fetching nixspam`.
        public var activity: String
        /// Units done, and how many there will be; 0 when unknown.
        public var completed: UInt64
        public var total: UInt64

        public init(activity: String, completed: UInt64, total: UInt64 = 0) {
            self.activity = activity
            self.completed = completed
            self.total = total
        }
    }

    /// Bytes of a sentence at most.
    public static let sentenceLimit = 4096
    /// Bytes of a sentence that stands in a list at most.
    public static let shortSentenceLimit = 512

    public static let version: UInt8 = 1
    /// A status report at all its limits stays below.
    public static let bodyLimit = 1_048_576
}

/// How an import ended.
public struct ImportReport: Hashable, Sendable {
    /// Lines read, faulty and empty ones included.
    public var lines: UInt64 = 0
    /// Rows taken in, by `RowKind.rawValue`.
    public var rows: [UInt64] = Array(repeating: 0, count: RowKind.allCases.count)
    /// Rows left out because their expiry is over.
    public var over: UInt64 = 0
    /// Lines that are no rows, and so not taken in.
    public var faulty: UInt64 = 0
    /// The first of them, at most `faultLimit`.
    public var faults: [Fault] = []

    public struct Fault: Hashable, Sendable {
        /// Counted from 1.
        public var line: UInt64
        /// What is wrong with it, without the line number.
        public var reason: String

        public init(line: UInt64, reason: String) {
            self.line = line
            self.reason = reason
        }
    }

    public static let faultLimit = 20

    public init() {}

    public subscript(kind: RowKind) -> UInt64 {
        get { rows[Int(kind.rawValue)] }
        set { rows[Int(kind.rawValue)] = newValue }
    }
}

/// One loaded or configured blocklist.
public struct BlocklistStatus: Hashable, Sendable {
    public var name: String
    /// A list of spammers (true), or one whose addresses are taken out of the list before it (false).
    public var black: Bool
    /// Method and file, as configured: `https://…`, `exec:…`, a path.
    public var source: String
    public var entries: UInt64
    /// When the copy in use was fetched, nil when there is none.
    public var loaded: UnixTime?
    /// Why the last attempt to load it failed, nil when it did not.
    public var failure: String?

    public init(name: String, black: Bool, source: String, entries: UInt64, loaded: UnixTime?, failure: String?) {
        self.name = name
        self.black = black
        self.source = source
        self.entries = entries
        self.loaded = loaded
        self.failure = failure
    }

    /// Lists in one message at most.
    public static let limit = 256
}
