/// Numbers that follow from the configuration and the machine.
public struct DerivedLimits: Hashable, Sendable {
    public var workers: Int
    /// Over all workers.
    public var maximumConnections: Int
    public var maximumBlack: Int
    /// What the operator should know: what was asked for and cannot be had.
    public var notes: [String]

    /// More than this is held only when asked for: each costs some 5 KB of kernel memory and a conntrack entry.
    public static let unaskedConnections = 100_000
    public static let maximumWorkers = 64

    /// Connections one worker can hold under a limit on open files: a twentieth of the limit, but 64 at least, is kept for
    /// listeners, links and clients that are being turned away.
    public static func connectionsPerWorker(fileLimit: Int) -> Int {
        max(1, fileLimit - max(64, fileLimit / 20))
    }

    /// `connectionTable`: connections the kernel tracks at most, the real server's among them; unasked we take half of it.
    public init(_ configuration: Configuration, cores: Int, fileLimit: Int, connectionTable: Int) {
        let perWorker = Self.connectionsPerWorker(fileLimit: fileLimit)
        let asked = configuration.tarpit.maximumConnections
        notes = []
        if configuration.listen.workers > 0 {
            workers = configuration.listen.workers
        } else {
            let needed = asked > 0 ? (asked + perWorker - 1) / perWorker : 1
            workers = min(Self.maximumWorkers, max(1, cores, needed))
        }
        let possible = workers * perWorker
        maximumConnections = asked > 0 ? min(asked, possible) : min(possible, Self.unaskedConnections, max(1, connectionTable / 2))
        if maximumConnections < asked {
            notes.append(
                "[tarpit] max-connections = \(asked) is more than \(workers) workers can hold at a limit of \(fileLimit) open files each; "
                    + "it is \(maximumConnections) now: raise the limit, or [listen] workers")
        }
        let black = configuration.tarpit.maximumBlack
        maximumBlack = black > 0 ? min(black, maximumConnections) : maximumConnections * 9 / 10
    }
}
