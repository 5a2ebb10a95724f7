/// One thing wrong with the configuration: where, and what is allowed there.
public struct ConfigurationFault: Hashable, Sendable, CustomStringConvertible {
    /// The file, or `command line`.
    public var source: String
    /// Counted from 1; nil where no line can be named.
    public var line: Int?
    /// `[section] name`, nil where the fault is no key's.
    public var key: String?
    /// What is wrong and what is allowed, as a sentence without its full stop.
    public var sentence: String

    public init(source: String, line: Int?, key: String?, sentence: String) {
        self.source = source
        self.line = line
        self.key = key
        self.sentence = sentence
    }

    public var description: String {
        source + (line.map { ":\($0)" } ?? "") + ": " + (key.map { $0 + ": " } ?? "") + sentence
    }
}

/// Everything wrong with a configuration, all of it at once, in the order of the file.
public struct ConfigurationFaults: Error, Hashable, Sendable, CustomStringConvertible {
    public let faults: [ConfigurationFault]

    public init(faults: [ConfigurationFault]) { self.faults = faults }

    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
