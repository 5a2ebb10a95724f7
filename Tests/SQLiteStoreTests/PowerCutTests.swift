import Addressing
import CPowerCut
import Foundation
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import SQLiteStore
import Testing

/// What a power cut leaves of the disk: every prefix of the store's writes that ends at a sync, and a thousand others with
/// unsynced writes lost or torn. Each opens unharmed and holds whatever was committed before.
@Suite(.serialized) struct PowerCutTests {
    static let now = UnixTime(1_700_000_000)

    struct Recording {
        var operations: [powercut_operation] = []
        /// How many operations there were when a commit returned, and how many tuples had been kept by then.
        var commits: [(operations: Int, tuples: Int)] = []
    }

    /// Records `rounds` commits, with a log so short that it is carried over often, and a close in the middle.
    func record(_ directory: String, rounds: Int) throws -> Recording {
        #expect(powercut_register() == 0)
        // The recording keeps the pointer.
        let prefix = strdup(directory + "/")!
        powercut_start(prefix)
        defer { powercut_stop() }
        var options = SQLiteStore.Options()
        options.checkpointPages = 16
        let store = SQLiteStore(path: directory + "/db", options: options)
        let greylist = Greylist(rules: GreylistRules())
        var chance = SeededChance(seed: 3)
        var recording = Recording()
        var tuples = 0
        for round in 0..<rounds {
            let count = 1 + round % 7
            try store.transact { t throws(StoreFault) in
                for number in tuples..<tuples + count {
                    var memory = ConnectionMemory()
                    let attempt = Attempt(
                        address: IPAddress(ipv4: UInt32(number)), helo: PeerText("h"), from: PeerText("<\(number)@x>"),
                        to: PeerText("<y@z>"))
                    _ = try greylist.attempt(attempt, memory: &memory, now: Self.now, doubt: Self.now, chance: &chance, in: t)
                }
            }
            tuples += count
            recording.commits.append((powercut_count(), tuples))
            if round == rounds / 2 { store.close() }
        }
        recording.operations = (0..<powercut_count()).map { powercut_at($0) }
        return recording
    }

    /// The files as the first `count` operations leave them; of writes not followed by a sync of their file, `keeps` says
    /// how many bytes reached the disk (nil: all).
    func disk(_ recording: Recording, first count: Int, keeps: (powercut_operation) -> Int?) -> [String: [UInt8]] {
        var lastSync: [String: Int] = [:]
        for index in 0..<count where recording.operations[index].kind == Int32(POWERCUT_SYNC.rawValue) {
            lastSync[name(recording.operations[index])] = index
        }
        var files: [String: [UInt8]] = [:]
        for index in 0..<count {
            let operation = recording.operations[index]
            let name = name(operation)
            let isSynced = index < lastSync[name] ?? -1
            switch UInt32(operation.kind) {
            case POWERCUT_WRITE.rawValue:
                let kept = isSynced ? operation.count : min(operation.count, keeps(operation) ?? operation.count)
                guard kept > 0 else { continue }
                var file = files[name] ?? []
                let end = Int(operation.offset) + kept
                if file.count < end { file += [UInt8](repeating: 0, count: end - file.count) }
                file.replaceSubrange(Int(operation.offset)..<end, with: UnsafeBufferPointer(start: operation.bytes, count: kept))
                files[name] = file
            case POWERCUT_TRUNCATE.rawValue:
                if isSynced || keeps(operation) == nil { files[name] = Array((files[name] ?? []).prefix(Int(operation.offset))) }
            case POWERCUT_DELETE.rawValue: files[name] = nil
            default: break
            }
        }
        return files
    }

    func name(_ operation: powercut_operation) -> String {
        withUnsafeBytes(of: operation.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Opens the disk, checks it through and through, and looks for every tuple kept by then.
    func check(_ files: [String: [UInt8]], tuples: Int, _ directory: String, _ what: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for (name, bytes) in files where name.hasPrefix("db") { try Data(bytes).write(to: URL(fileURLWithPath: directory + "/" + name)) }
        var report: OpeningReport?
        let store = SQLiteStore(path: directory + "/db") { report = $0 }
        try store.open()
        #expect(report?.setAside == nil, "\(what): \(report?.setAside?.reason ?? "")")
        // Tuples were kept in order, so it is a prefix of them, whole, and no shorter than what was acknowledged.
        #expect(store.counts.grey >= Int64(tuples), "\(what): \(store.counts.grey) of \(tuples) tuples")
        try store.run { t in
            for number in 0..<Int(store.counts.grey) {
                let key = TupleKey(
                    group: IPPrefix(host: IPAddress(ipv4: UInt32(number))), from: PeerText("<\(number)@x>"), to: PeerText("<y@z>"))
                guard try t.grey(key) != nil else {
                    Issue.record("\(what): tuple \(number) of \(tuples) is gone")
                    break
                }
            }
        }
        store.close()
        #expect(try IntegrityCheck.run(directory + "/db") == "ok", "\(what)")
    }

    @Test func noCommittedTupleIsLost() throws {
        let memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
        let directory = memory + "/powercut-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let recording = try record(directory, rounds: 60)
        let syncs = recording.operations.indices.filter { recording.operations[$0].kind == Int32(POWERCUT_SYNC.rawValue) }
        #expect(syncs.count > 60)
        func tuples(_ count: Int) -> Int { recording.commits.last { $0.operations <= count }?.tuples ?? 0 }
        for sync in syncs {
            try check(
                disk(recording, first: sync + 1) { _ in nil }, tuples: tuples(sync + 1), directory + "/replay", "cut after sync \(sync)")
        }
        let cuts = ProcessInfo.processInfo.environment["GREYMOAT_POWER_CUTS"].flatMap(Int.init) ?? 1000
        for seed in 0..<cuts {
            var chance = SeededChance(seed: UInt64(seed))
            let count = Int.random(in: 0...recording.operations.count, using: &chance)
            let files = disk(recording, first: count) { operation in
                switch Int.random(in: 0..<3, using: &chance) {
                case 0: nil
                case 1: 0
                // Torn at a sector.
                default: Int.random(in: 0...operation.count / 512, using: &chance) * 512
                }
            }
            try check(files, tuples: tuples(count), directory + "/replay", "seed \(seed), cut after operation \(count)")
        }
    }

    /// A disk that fails in mid-flight: nothing of the failed commit stays, and the next one goes through.
    @Test(arguments: [(13, "full"), (10 | 3 << 8, "failed"), (8, "failed")] as [(Int32, String)])
    func aFailingDiskHeals(_ code: Int32, _ kind: String) throws {
        try withTemporaryDirectory { directory in
            #expect(powercut_register() == 0)
            let prefix = strdup(directory + "/")!
            powercut_start(prefix)
            defer { powercut_stop() }
            let store = SQLiteStore(path: directory + "/db")
            func add(_ number: Int) throws {
                try store.transact { t throws(StoreFault) in
                    try t.put(.trapped(TrappedRow(address: IPAddress(ipv4: UInt32(number)), expire: Self.now)))
                }
            }
            try add(1)
            powercut_fail(code)
            for _ in 0..<3 {
                do {
                    try add(2)
                    Issue.record("the write did not fail")
                } catch let fault as StoreFault {
                    switch fault {
                    case .full: #expect(kind == "full")
                    case .failed: #expect(kind == "failed")
                    default: Issue.record("\(fault)")
                    }
                }
                #expect(store.counts.trapped == 1)
                #expect(try SQLiteReader(path: directory + "/db").counts().trapped == 1)
            }
            powercut_fail(0)
            try add(3)
            #expect(store.counts.trapped == 2)
            store.close()
            #expect(try IntegrityCheck.run(directory + "/db") == "ok")
        }
    }
}
