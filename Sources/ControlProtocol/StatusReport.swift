public import Moments

/// Everything `greymoat status` shows.
public struct StatusReport: Hashable, Sendable {
    /// greymoatd's version.
    public var version = ""
    public var blacklistOnly = false
    /// When the engine started, and its clock now.
    public var started = UnixTime(0)
    public var now = UnixTime(0)
    public var roles: [Role] = []
    public var connections = Connections()
    public var database = Database()
    public var firewall = Firewall()
    public var packetLog = PacketLog()
    public var blocklists: [BlocklistStatus] = []
    /// The tarpit's counters by name, then the engine's.
    public var counters: [Counter] = []
    /// Temporary failures that went out before their tuples were committed.
    public var unkept: UInt64 = 0
    public var timing = Timing()
    /// What an operator should mend, one sentence each.
    public var warnings: [String] = []

    public init() {}

    public struct Role: Hashable, Sendable {
        /// `greymoat-tarpit` and so on.
        public var name: String
        /// Which tarpit worker, 0 for other roles.
        public var worker: UInt16
        /// 0 while it is not running.
        public var pid: Int32
        public var restarts: UInt32
        /// Parts of its sandbox that are missing here.
        public var missing: [String]

        public init(name: String, worker: UInt16, pid: Int32, restarts: UInt32, missing: [String]) {
            self.name = name
            self.worker = worker
            self.pid = pid
            self.restarts = restarts
            self.missing = missing
        }
    }

    /// Connections held by the tarpit, over all workers.
    public struct Connections: Hashable, Sendable {
        public var all: UInt32 = 0
        public var black: UInt32 = 0
        /// 0: not known to the engine.
        public var maximum: UInt32 = 0
        public var maximumBlack: UInt32 = 0

        public init() {}
    }

    public struct Database: Hashable, Sendable {
        public var path = ""
        /// Rows by `RowKind.rawValue`.
        public var rows: [UInt64] = Array(repeating: 0, count: RowKind.allCases.count)
        /// Bytes of the file.
        public var size: UInt64 = 0
        /// Attempts waiting for their commit.
        public var queued: UInt64 = 0
        /// Why nothing can be stored at the moment (disk full, …), nil when all is well.
        public var failure: String?

        public init() {}

        public subscript(kind: RowKind) -> UInt64 {
            get { rows[Int(kind.rawValue)] }
            set { rows[Int(kind.rawValue)] = newValue }
        }
    }

    public struct Firewall: Hashable, Sendable {
        public var state = State.unmanaged
        /// The table's name.
        public var table = ""
        /// Changes the kernel does not have yet.
        public var behind: UInt64 = 0
        /// Why the sets are not in step, or how the last change failed; nil when all is well.
        public var failure: String?
        /// How often the sets were loaded whole, and when last.
        public var loads: UInt64 = 0
        public var lastLoad: UnixTime?

        public enum State: UInt8, Hashable, Sendable {
            /// greymoatd does not keep the firewall (`[firewall] manage = false`, or no firewall role).
            case unmanaged = 0
            /// The ruleset was taken away by the administrator.
            case removed
            /// Rules or elements are being loaded; until then nothing is redirected, or what the sets held goes on.
            case loading
            /// Every row has its element, and the rules are live.
            case inStep
            /// Changes are under way, or one failed: `behind` and `failure` tell.
            case behind
        }

        public init() {}
    }

    public struct PacketLog: Hashable, Sendable {
        public var enabled = false
        public var group: UInt16 = 0
        /// Connections seen reaching the real server.
        public var seen: UInt64 = 0
        /// WHITE rows renewed.
        public var refreshed: UInt64 = 0
        /// Hosts made WHITE because our server connected to them.
        public var learned: UInt64 = 0
        /// Seen from hosts without a WHITE row.
        public var unknown: UInt64 = 0
        /// Messages the kernel had to drop.
        public var lost: UInt64 = 0

        public init() {}
    }

    public struct Counter: Hashable, Sendable {
        public var name: String
        public var value: UInt64

        public init(name: String, value: UInt64) {
            self.name = name
            self.value = value
        }
    }

    /// The times in force.
    public struct Timing: Hashable, Sendable {
        public var passtime: Duration = .zero
        public var greyexp: Duration = .zero
        public var whiteexp: Duration = .zero
        public var trapexp: Duration = .zero

        public init() {}
    }

    public static let roleLimit = 256
    public static let counterLimit = 128
    public static let warningLimit = 16
}
