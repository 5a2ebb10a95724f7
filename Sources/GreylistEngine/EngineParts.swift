internal import GreylistPolicy
internal import LinuxIO
internal import RoleMessages

/// What an engine is put together from.
struct EngineParts: ~Copyable {
    var version: String
    var configuration: EngineConfiguration
    var rules: GreylistRules
    /// What is wrong with the allowed domains' file, nil when nothing is.
    var domainsFault: String?
    /// Parts of the sandbox that are missing here.
    var missingSandbox: [String]
    let supervisor: PacketChannel
    let controlListener: FileDescriptor
    /// The NFLOG socket.
    let packetLog: FileDescriptor?
    /// spamd.conf.
    let blocklists: FileDescriptor?
    /// The listener for spamd's configuration connections.
    let configurationListener: FileDescriptor?
    /// The writing connection, which goes to the writer's thread, and what it knows of its rows.
    let store: any GreylistStore
    let counts: () -> RowCounts
    /// Two reading ones: for the loop, and for the reader's thread.
    let lookup: any GreylistReader
    let reader: any GreylistReader
    /// Writes a consistent copy of the database to a file that must not exist; nil where there is no such thing.
    let backUp: (@Sendable (String) throws(StoreFault) -> Void)?
    /// Damaged databases that were set aside and that nobody has taken away.
    var setAside: () -> [String] = { [] }
    let clock: EngineClock
    let sink: LogSink
}
