import Foundation
import GreylistPolicy
import GreylistSimulation
import SQLiteStore

/// `simulate-policy first count [sqlite]`: so many seeds of a simulated year, over the memory store or over SQLite, which is
/// closed and opened again at each crash. Prints what was gone through; a difference prints its seed and ends with 1.
enum SimulationRun {
    static func run(_ arguments: [String]) throws {
        guard arguments.count >= 3, let first = UInt64(arguments[1]), let count = UInt64(arguments[2]) else {
            print("usage: simulate-policy first-seed count [sqlite]")
            exit(64)
        }
        let usesSQLite = arguments.dropFirst(3).first == "sqlite"
        var total = SimulationCounts()
        for seed in first..<first + count {
            do {
                total += usesSQLite ? try onSQLite(seed) : try year(seed, MemoryWorld(runsTwice: seed % 5 == 0))
            } catch {
                print("simulation: \(error)")
                exit(1)
            }
        }
        print(
            "simulation: \(count) seeds from \(first) clean over \(usesSQLite ? "SQLite" : "memory"): \(total.events) events, \(total.passes) passes, \(total.traps) traps,",
            "\(total.renewals) renewals, \(total.faults) store faults, \(total.crashes) crashes, \(total.clockSteps) clock steps,",
            "\(total.expired) rows expired, \(total.comparisons) whole comparisons")
    }

    private static func year(_ seed: UInt64, _ world: any SimulatedStore) throws -> SimulationCounts {
        let simulation = Simulation(seed: seed, world: world)
        try simulation.run(senders: 2000, days: 365)
        return simulation.counts
    }

    private static func onSQLite(_ seed: UInt64) throws -> SimulationCounts {
        let directory = NSTemporaryDirectory() + "simulate-policy-\(getpid())-\(seed)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try year(seed, SQLiteWorld(path: directory + "/greymoat.db"))
    }
}

private final class SQLiteWorld: SimulatedStore {
    private let path: String
    private var sqlite: SQLiteStore
    var store: any GreylistStore { sqlite }
    let reader: any GreylistReader

    init(path: String) {
        self.path = path
        sqlite = SQLiteStore(path: path)
        reader = SQLiteReader(path: path)
    }

    func crash() throws {
        sqlite.close()
        sqlite = SQLiteStore(path: path)
        try sqlite.open()
    }
}
