internal import Addressing
internal import Blocklists
internal import Glibc
internal import LinuxIO

/// The engine's own copies, in `blocklists` beside the database: NAME.list is the last good copy of a source, NAME.message of a message
/// file, and `sent` what was sent in over a configuration connection. All are plain text. Used on errands' threads.
struct BlocklistDirectory: Sendable {
    let path: String

    /// Bytes of a message file at most.
    static let messageLimit = 65_536
    private static let sentFile = "sent"

    init(stateDirectory: String) { path = stateDirectory + "/blocklists" }

    /// Everything kept, as far as `configuration` still wants it; files of lists that are gone are removed.
    func read(_ configuration: SpamdConfiguration, removingOthers: Bool) throws(SystemError) -> BlocklistCopies {
        var copies = BlocklistCopies()
        guard access(path, F_OK) == 0 else { return copies }
        var wanted: Set<String> = [Self.sentFile]
        for list in configuration.lists {
            wanted.insert("\(list.name).list")
            copies.sources[list.name] = try readSource(list)
            if case .black(.file(let file)) = list.kind {
                wanted.insert("\(list.name).message")
                copies.messages[list.name] = try readMessage(list.name, file)
            }
        }
        var sent = ConfigurationText()
        try readFile(Self.sentFile) { sent.append($0) }
        sent.finish()
        copies.sent = sent.lists
        if removingOthers { try removeOthers(than: wanted) }
        return copies
    }

    func save(_ state: SourceState, of name: String) throws(SystemError) {
        try replace("\(name).list") { file throws(SystemError) in
            var failure: SystemError?
            state.write { piece in
                guard failure == nil else { return }
                do throws(SystemError) { try file.writeAll(piece) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    /// The message, and the file it came from on the first line.
    func save(message: RejectionMessage, from source: String, of name: String) throws(SystemError) {
        try replace("\(name).message") { file throws(SystemError) in try file.writeAll(Array("\(source)\n\(message.template)".utf8)) }
    }

    func save(sent lists: [Blocklist]) throws(SystemError) {
        if lists.isEmpty, access("\(path)/\(Self.sentFile)", F_OK) != 0 { return }
        try replace(Self.sentFile) { file throws(SystemError) in
            for list in lists { try file.writeAll(ConfigurationText.line(for: list)) }
        }
    }

    private func readSource(_ list: SpamdConfiguration.List) throws(SystemError) -> SourceState? {
        var reader = SourceState.Reader(source: list.source.description)
        guard try readFile("\(list.name).list", { reader.append($0) }) else { return nil }
        return reader.finish()
    }

    private func readMessage(_ name: String, _ source: String) throws(SystemError) -> RejectionMessage? {
        var bytes: [UInt8] = []
        try readFile("\(name).message") { bytes += $0 }
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].elementsEqual(source.utf8) else { return nil }
        return RejectionMessage(parts[1])
    }

    /// False when there is no such file.
    @discardableResult
    private func readFile(_ name: String, _ body: (ArraySlice<UInt8>) -> Void) throws(SystemError) -> Bool {
        let file: FileDescriptor
        do throws(SystemError) { file = try .openForReading("\(path)/\(name)") } catch {
            if error.code == ENOENT { return false }
            throw error
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while let count = try file.read(&buffer), count > 0 { body(buffer[..<count]) }
        return true
    }

    /// Writes a file whole or not at all: whoever reads it sees the old or the new one.
    private func replace(_ name: String, _ body: (borrowing FileDescriptor) throws(SystemError) -> Void) throws(SystemError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .last("make the directory \(path)") }
        let temporary = "\(path)/\(name).new"
        do {
            let file = FileDescriptor(
                owning: try retrying("write \(temporary)") { open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) })
            try body(file)
            try retrying("write \(temporary)") { fsync(file.number) }
        }
        try retrying("put \(temporary) in its place") { rename(temporary, "\(path)/\(name)") }
    }

    private func removeOthers(than wanted: Set<String>) throws(SystemError) {
        guard let names = fileNames(in: path) else { throw .last("look into \(path)") }
        for name in names where !wanted.contains(name) { try removeFile("\(path)/\(name)") }
    }
}

/// What the directory held.
struct BlocklistCopies: Sendable {
    var sources: [String: SourceState] = [:]
    var messages: [String: RejectionMessage] = [:]
    var sent: [Blocklist] = []
}
