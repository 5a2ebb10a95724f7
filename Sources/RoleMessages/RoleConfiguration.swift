public import Addressing
public import Moments
internal import WireFormat

/// What the tarpit runs with. Descriptors with `start`: the listeners, one for each entry of `listeners`; then the
/// counter files of all workers in order (shared memory, see TarpitServer); then the link to the engine.
public struct TarpitConfiguration: Hashable, Sendable {
    public var worker: UInt16 = 0
    public var workers: UInt16 = 1
    /// The addresses listened on, in the order of their descriptors.
    public var listeners: [IPAddress] = []
    /// The port listened on.
    public var port: UInt16 = 8025
    /// Serve only connections that were redirected here (`-l127.0.0.1`).
    public var redirectedOnly = false
    public var hostname = ""
    public var banner = "Greymoat"
    public var persona: Persona = .polite
    /// Further EHLO keywords.
    public var ehlo: [String] = []
    public var stutter: Duration = .seconds(1)
    public var greyStutter: Duration = .seconds(10)
    /// 450 or 550, for black hosts.
    public var errorCode: UInt16 = 450
    /// Over all workers.
    public var maximumConnections: UInt32 = 19_000
    public var maximumBlack: UInt32 = 17_100
    public var maximumPerSource: UInt32 = 100
    /// SO_RCVBUF of accepted sockets in bytes, 0 for our own choice.
    public var window: UInt32 = 0
    /// Header lines of black hosts' messages are reported.
    public var reportHeaders = true
    /// Everyone redirected is stuttered throughout and sees 354 at DATA.
    public var blacklistOnly = false
    /// PEM bytes; both empty: STARTTLS is not offered.
    public var certificate: [UInt8] = []
    public var key: [UInt8] = []
    /// Over all workers.
    public var maximumTLSConnections: UInt32 = 2000

    public enum Persona: UInt8, Sendable { case polite = 0, spamd }

    /// Bytes of one worker's counter file: a memfd that the supervisor makes with exactly this size, one for each worker,
    /// and hands to all of them with `start`. It is the workers' own business what stands in it.
    public static let counterFileSize = 4096 + 2 * 32_768 * 4

    public init() {}
}

/// What the engine runs with. Descriptors with `start`: the control socket's listener, the NFLOG socket when
/// `hasPacketLog`, the `alloweddomains` file when `hasAllowedDomains` (also with `reload`), the blocklists' spamd.conf when
/// `hasBlocklists` (also with `reload`), the listener for spamd's configuration connections when `hasConfigurationListener`.
public struct EngineConfiguration: Hashable, Sendable {
    public var databasePath = "/var/lib/greymoat/greymoat.db"
    public var blacklistOnly = false
    public var passtime: Duration = .seconds(25 * 60)
    public var greyexp: Duration = .seconds(4 * 3600)
    public var whiteexp: Duration = .seconds(864 * 3600)
    public var trapexp: Duration = .seconds(24 * 3600)
    public var groupIPv4: UInt8 = 32
    public var groupIPv6: UInt8 = 64
    public var lowPriorityMX: [IPAddress] = []
    public var suffixAtLabel = true
    public var hasAllowedDomains = false
    /// Where `hasAllowedDomains`' descriptor was opened, for messages. Empty: none configured.
    public var allowedDomainsPath = ""
    public var hasPacketLog = false
    public var learnOutbound = false
    /// Interface index the packet log is restricted to, 0 for every interface.
    public var packetLogInterface: UInt32 = 0
    public var logFormat: LogFormat = .spamd
    public var logLevel = "info"
    public var verbose = true
    /// Log lines a minute about one source, 0 for all.
    public var logLinesPerSource: UInt32 = 600
    /// greymoatd keeps the firewall (`[firewall] manage`).
    public var managesFirewall = true
    /// A certificate is configured: `status` warns when not.
    public var offersTLS = false
    /// Group allowed on the control socket beside root, as a number.
    public var controlGroup: UInt32 = 0
    /// For `status` alone: the table's name, the packet log's group, and the tarpits' limits, 0 when not known.
    public var firewallTable = "greymoat"
    public var packetLogGroup: UInt16 = 25
    public var maximumConnections: UInt32 = 0
    public var maximumBlack: UInt32 = 0

    /// The descriptor of spamd.conf came along; without it there are no lists but those that are sent in.
    public var hasBlocklists = false
    /// Where it was opened, for messages. Empty: none configured.
    public var blocklistsPath = ""
    /// From one fetch of all lists to the next; zero: only when asked.
    public var blocklistRefresh: Duration = .seconds(3600)
    /// `[blocklists] config-port` is set: a listener on loopback came along.
    public var hasConfigurationListener = false
    /// When greymoatd started, for `status`; nil: when the engine did.
    public var started: UnixTime?
    /// What an operator should know of the configuration, for `status`; at most `noteLimit`.
    public var notes: [String] = []

    public static let noteLimit = 16

    public enum LogFormat: UInt8, Sendable { case spamd = 0, json }

    public init() {}
}

/// What the firewall role runs with. No descriptors with `start` but the link to the engine.
public struct FirewallConfiguration: Hashable, Sendable {
    public var table = "greymoat"
    /// The ruleset's text as read by the supervisor, at most 128 KiB.
    public var ruleset = ""
    /// Where it was read, for messages.
    public var rulesetPath = ""
    public var manage = true
    public var heal = true
    public var blacklistOnly = false

    public static let rulesetLimit = 131_072

    public init() {}
}

/// What `greymoat-metrics` runs with. Descriptors with `start`: the listener, then the link to the engine.
public struct MetricsConfiguration: Hashable, Sendable {
    /// Where it listens, for messages.
    public var listen = ""

    public init(listen: String = "") { self.listen = listen }
}

extension MetricsConfiguration {
    func write(to writer: inout WireWriter) { writer.write(listen) }

    init(from reader: inout WireReader) throws(WireError) { listen = try reader.readString(limit: 255) }
}

extension TarpitConfiguration {
    func write(to writer: inout WireWriter) {
        writer.write(worker)
        writer.write(workers)
        writer.write(list: listeners) { $0.write($1) }
        writer.write(port)
        writer.write(redirectedOnly)
        writer.write(hostname)
        writer.write(banner)
        writer.write(persona.rawValue)
        writer.write(list: ehlo) { $0.write($1) }
        writer.write(stutter)
        writer.write(greyStutter)
        writer.write(errorCode)
        writer.write(maximumConnections)
        writer.write(maximumBlack)
        writer.write(maximumPerSource)
        writer.write(window)
        writer.write(reportHeaders)
        writer.write(blacklistOnly)
        writer.write(certificate)
        writer.write(key)
        writer.write(maximumTLSConnections)
    }

    init(from reader: inout WireReader) throws(WireError) {
        worker = try reader.readUInt16()
        workers = try reader.readUInt16()
        listeners = try reader.readList(limit: 64) { r throws(WireError) in try r.readAddress() }
        port = try reader.readUInt16()
        redirectedOnly = try reader.readBool()
        hostname = try reader.readString(limit: 255)
        banner = try reader.readString(limit: 512)
        persona = try Persona(from: &reader)
        ehlo = try reader.readList(limit: 32) { r throws(WireError) in try r.readString(limit: 255) }
        stutter = try reader.readDuration()
        greyStutter = try reader.readDuration()
        errorCode = try reader.readUInt16()
        maximumConnections = try reader.readUInt32()
        maximumBlack = try reader.readUInt32()
        maximumPerSource = try reader.readUInt32()
        window = try reader.readUInt32()
        reportHeaders = try reader.readBool()
        blacklistOnly = try reader.readBool()
        certificate = try reader.readBytes(limit: 65_536)
        key = try reader.readBytes(limit: 65_536)
        maximumTLSConnections = try reader.readUInt32()
    }
}

extension EngineConfiguration {
    func write(to writer: inout WireWriter) {
        writer.write(databasePath)
        writer.write(blacklistOnly)
        writer.write(passtime)
        writer.write(greyexp)
        writer.write(whiteexp)
        writer.write(trapexp)
        writer.write(groupIPv4)
        writer.write(groupIPv6)
        writer.write(list: lowPriorityMX) { $0.write($1) }
        writer.write(suffixAtLabel)
        writer.write(hasAllowedDomains)
        writer.write(allowedDomainsPath)
        writer.write(hasPacketLog)
        writer.write(learnOutbound)
        writer.write(packetLogInterface)
        writer.write(logFormat.rawValue)
        writer.write(logLevel)
        writer.write(verbose)
        writer.write(logLinesPerSource)
        writer.write(managesFirewall)
        writer.write(offersTLS)
        writer.write(controlGroup)
        writer.write(hasBlocklists)
        writer.write(blocklistsPath)
        writer.write(blocklistRefresh)
        writer.write(hasConfigurationListener)
        writer.write(firewallTable)
        writer.write(packetLogGroup)
        writer.write(maximumConnections)
        writer.write(maximumBlack)
        writer.write(optional: started) { $0.write($1) }
        Self.write(notes: notes, to: &writer)
    }

    init(from reader: inout WireReader) throws(WireError) {
        databasePath = try reader.readString(limit: 4096)
        blacklistOnly = try reader.readBool()
        passtime = try reader.readDuration()
        greyexp = try reader.readDuration()
        whiteexp = try reader.readDuration()
        trapexp = try reader.readDuration()
        groupIPv4 = try reader.readUInt8()
        groupIPv6 = try reader.readUInt8()
        lowPriorityMX = try reader.readList(limit: 64) { r throws(WireError) in try r.readAddress() }
        suffixAtLabel = try reader.readBool()
        hasAllowedDomains = try reader.readBool()
        allowedDomainsPath = try reader.readString(limit: 4096)
        hasPacketLog = try reader.readBool()
        learnOutbound = try reader.readBool()
        packetLogInterface = try reader.readUInt32()
        logFormat = try LogFormat(from: &reader)
        logLevel = try reader.readString(limit: 16)
        verbose = try reader.readBool()
        logLinesPerSource = try reader.readUInt32()
        managesFirewall = try reader.readBool()
        offersTLS = try reader.readBool()
        controlGroup = try reader.readUInt32()
        hasBlocklists = try reader.readBool()
        blocklistsPath = try reader.readString(limit: 4096)
        blocklistRefresh = try reader.readDuration()
        hasConfigurationListener = try reader.readBool()
        firewallTable = try reader.readString(limit: 255)
        packetLogGroup = try reader.readUInt16()
        maximumConnections = try reader.readUInt32()
        maximumBlack = try reader.readUInt32()
        started = try reader.readOptional { r throws(WireError) in try r.readUnixTime() }
        notes = try Self.readNotes(&reader)
    }

    static func write(notes: [String], to writer: inout WireWriter) {
        writer.write(list: notes.prefix(noteLimit)) { $0.write($1, cutTo: RoleNotice.sentenceLimit) }
    }

    static func readNotes(_ reader: inout WireReader) throws(WireError) -> [String] {
        try reader.readList(limit: noteLimit) { r throws(WireError) in try r.readString(limit: RoleNotice.sentenceLimit) }
    }
}

extension FirewallConfiguration {
    func write(to writer: inout WireWriter) {
        writer.write(table)
        writer.write(ruleset)
        writer.write(rulesetPath)
        writer.write(manage)
        writer.write(heal)
        writer.write(blacklistOnly)
    }

    init(from reader: inout WireReader) throws(WireError) {
        table = try reader.readString(limit: 255)
        ruleset = try reader.readString(limit: Self.rulesetLimit)
        rulesetPath = try reader.readString(limit: 4096)
        manage = try reader.readBool()
        heal = try reader.readBool()
        blacklistOnly = try reader.readBool()
    }
}
