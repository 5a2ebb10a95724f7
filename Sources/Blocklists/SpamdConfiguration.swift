/// What spamd.conf(5) says: the lists named by `all`, in their order.
public struct SpamdConfiguration: Hashable, Sendable {
    /// As `all` names them. A white list may occur more than once; it applies to the black list before it.
    public var lists: [List]
    /// What is odd but changes nothing, in order of lines.
    public var warnings: [Fault]

    public struct List: Hashable, Sendable {
        public var name: String
        public var kind: Kind
        public var source: Source
        /// Where its record begins.
        public var line: Int

        public init(name: String, kind: Kind, source: Source, line: Int = 0) {
            self.name = name
            self.kind = kind
            self.source = source
            self.line = line
        }
    }

    public enum Kind: Hashable, Sendable {
        case black(Message)
        /// Its addresses are removed from the black list before it.
        case white
    }

    public enum Message: Hashable, Sendable {
        case inline(RejectionMessage)
        /// A file that holds the message, by its absolute path.
        case file(String)
    }

    public enum Source: Hashable, Sendable {
        /// By its absolute path.
        case file(String)
        /// http, https or ftp, scheme included.
        case url(String)
        /// Program and arguments; no shell sees them.
        case command([String])
    }

    /// Something wrong, in a sentence without the line number.
    public struct Fault: Error, Hashable, Sendable {
        /// Counted from 1; 0 concerns the file as a whole.
        public var line: Int
        public var sentence: String
    }

    /// Everything that is wrong with a file, in order of lines; never empty.
    public struct Faults: Error, Hashable, Sendable {
        public var faults: [Fault]
    }

    /// Bytes of a configuration at most.
    public static let sizeLimit = 262_144
    /// Lists in `all` at most.
    public static let listLimit = 256
    /// Bytes of a list's name at most.
    public static let nameLimit = 64
    /// Bytes of a path, URL or command at most.
    public static let sourceLimit = 2048
    /// Words of a command at most, spamd-setup's own limit.
    public static let argumentLimit = 256

    /// No lists: what an absent file means.
    public init() {
        lists = []
        warnings = []
    }

    /// Reads a whole file and reports all its faults together.
    public init(parsing bytes: [UInt8]) throws(Faults) {
        var parser = SpamdConfigurationParser()
        self = try parser.parse(bytes)
    }
}

extension SpamdConfiguration.Source: CustomStringConvertible {
    /// `https://…`, a path, `exec:program arguments`.
    public var description: String {
        switch self {
        case .file(let path): path
        case .url(let url): url
        case .command(let words): "exec:" + words.joined(separator: " ")
        }
    }
}

extension SpamdConfiguration.Fault: CustomStringConvertible {
    public var description: String { line > 0 ? "line \(line): \(sentence)" : sentence }
}
