public import WireFormat

/// What the short-lived `greymoat-fetch` is started for: one source. The engine asks for it (`RoleNotice.fetchWanted`), the supervisor
/// compares the source with spamd.conf as root read it, so that a source can never be made up, and hands it on in
/// `RoleConfiguration.fetch` with one descriptor: a SOCK_STREAM socket on which `FetchNotice`s go to the engine.
public struct FetchOrder: Hashable, Sendable {
    public var source: Source
    /// What the server said of the copy at hand, sent back to ask whether it still holds; empty when there is none.
    public var entityTag = ""
    public var lastModified = ""
    /// Bytes at most, both as they are fetched and unpacked.
    public var byteLimit: UInt64 = 256 << 20
    /// The whole of it, from start to end.
    public var timeLimit: Duration = .seconds(300)

    public enum Source: Hashable, Sendable {
        /// An absolute path.
        case file(String)
        /// http, https or ftp.
        case url(String)
        /// Program and arguments; no shell sees them.
        case command([String])
    }

    /// Bytes of a path, URL, word or validator at most.
    public static let textLimit = 2048
    public static let argumentLimit = 256

    public init(source: Source) { self.source = source }
}

/// What `greymoat-fetch` tells the engine: the source's bytes, unpacked, then how it ended. A stream that ends without `finished` means
/// that the process died.
public enum FetchNotice: WireMessage, Hashable {
    case bytes([UInt8])
    case finished(Outcome)

    public enum Outcome: Hashable, Sendable {
        /// All of it came. For the next time, what the source said of itself.
        case complete(entityTag: String, lastModified: String)
        /// The copy at hand still holds; no bytes came.
        case notModified
        /// What came before is worthless; completes "the source …".
        case failed(String)
    }

    /// Bytes of the source in one message at most.
    public static let chunkLimit = 61_440
    /// Bytes of a sentence at most.
    public static let sentenceLimit = 1024

    public static let version: UInt8 = 1
    public static let bodyLimit = 65_536
}
