public import Addressing

/// What greymoatd runs with: greymoat.toml and the switches, checked. Every field but the last two is a key of the file;
/// `ConfigurationKey.all` says which, and holds names, ranges, defaults and explanations.
public struct Configuration: Hashable, Sendable {
    public var version = 1
    public var mode = Mode.greylist
    /// Empty: the system's.
    public var hostname = ""
    public var sandbox = SandboxRule.bestEffort
    public var listen = Listen()
    public var greylist = Greylist()
    public var tarpit = Tarpit()
    public var tls = TLS()
    public var firewall = Firewall()
    public var packetLog = PacketLog()
    public var blocklists = Blocklists()
    public var log = Log()
    public var metrics = Metrics()

    /// Where the database lives; a switch alone sets it.
    public var stateDirectory = "/var/lib/greymoat"
    /// Where the control socket lives; a switch alone sets it.
    public var runtimeDirectory = "/run/greymoat"

    public init() {}

    public enum Mode: String, CaseIterable, Sendable { case greylist, blacklistOnly = "blacklist-only" }
    public enum SandboxRule: String, CaseIterable, Sendable { case bestEffort = "best-effort", required }
    public enum Preset: String, CaseIterable, Sendable { case none = "", rfc6647 }
    public enum Persona: String, CaseIterable, Sendable { case polite, spamd }
    public enum LogFormat: String, CaseIterable, Sendable { case spamd, json }
    public enum LogLevel: String, CaseIterable, Sendable { case debug, info, notice, warning, error }

    public struct Listen: Hashable, Sendable {
        public var addresses: [IPAddress] = [.ipv6Any, .ipv4Any]
        public var port = 8025
        /// 0: as many as cores, connections and file limits ask for.
        public var workers = 0
    }

    public struct Greylist: Hashable, Sendable {
        public var passtime = Duration.seconds(25 * 60)
        public var greyexp = Duration.seconds(4 * 3600)
        public var whiteexp = Duration.seconds(864 * 3600)
        public var trapexp = Duration.seconds(24 * 3600)
        public var preset = Preset.none
        public var groupIPv4 = 32
        public var groupIPv6 = 64
        public var lowPriorityMX: [IPAddress] = []
        public var allowedDomains = "/etc/greymoat/alloweddomains"
        public var suffixAtLabel = true
    }

    public struct Tarpit: Hashable, Sendable {
        public var banner = "Greymoat"
        public var persona = Persona.polite
        public var ehlo: [String] = []
        public var stutter = Duration.seconds(1)
        public var greyStutter = Duration.seconds(10)
        public var errorCode = 450
        /// 0: derived from the file limit.
        public var maximumConnections = 0
        /// 0: 90 % of `maximumConnections`.
        public var maximumBlack = 0
        public var maximumPerSource = 100
        /// SO_RCVBUF in bytes, 0 for our own choice.
        public var window = 0
    }

    public struct TLS: Hashable, Sendable {
        /// Both empty: STARTTLS is not offered.
        public var certificate = ""
        public var key = ""
        public var maximumConnections = 2000
    }

    public struct Firewall: Hashable, Sendable {
        public var table = "greymoat"
        /// Empty: the installed one for the mode.
        public var ruleset = ""
        public var manage = true
        public var heal = true
    }

    public struct PacketLog: Hashable, Sendable {
        public var group = 25
        public var learnOutbound = false
        /// Empty: every interface.
        public var interface = ""
    }

    public struct Blocklists: Hashable, Sendable {
        public var config = "/etc/greymoat/spamd.conf"
        public var refresh = Duration.seconds(3600)
        /// 0: spamd's configuration connections are not accepted.
        public var configPort = 0
    }

    public struct Log: Hashable, Sendable {
        public var format = LogFormat.spamd
        public var level = LogLevel.info
        public var verbose = true
        /// Lines a minute; 0: no limit.
        public var maximumPerSource = 600
    }

    public struct Metrics: Hashable, Sendable {
        /// Empty: not served.
        public var listen = ""
    }
}
