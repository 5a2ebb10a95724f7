import Addressing
import Foundation
import Glibc
import GreylistPolicy
import Moments
import PeerText
import SQLiteStore

/// A process that does to a store what a test may then kill, fill up, mount read-only or forbid.
///
///     store-probe write PATH           commits for ever, and says on standard output what was kept
///     store-probe full PATH BALLAST    commits until the disk is full, removes the ballast, goes on
///     store-probe readonly PATH DIR    opens on a read-only mount, makes it writable, goes on
///     store-probe nobody PATH          opens without permission to write
enum StoreProbe {
    static let now = UnixTime(1_700_000_000)

    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count >= 3 else { return 64 }
        let store = SQLiteStore(path: arguments[2])
        do {
            switch arguments[1] {
            case "write": try write(store)
            case "full": try full(store, ballast: arguments[3])
            case "readonly": try readOnly(store, directory: arguments[3])
            case "nobody": try nobody(store)
            default: return 64
            }
            return 0
        } catch {
            say("unexpected: \(error)")
            return 1
        }
    }

    private static func say(_ line: String) {
        var line = line + "\n"
        line.withUTF8 { _ = Glibc.write(1, $0.baseAddress, $0.count) }
    }

    /// The tuple of a number: what the test looks for afterwards.
    static func commit(_ store: SQLiteStore, _ numbers: Range<Int>) throws(StoreFault) {
        let greylist = Greylist(rules: GreylistRules())
        // Not of its own type: the thread sanitizer looks for a value of no bytes at no address.
        var chance: any RandomNumberGenerator = SystemRandomNumberGenerator()
        try store.transact { t throws(StoreFault) in
            for number in numbers {
                var memory = ConnectionMemory()
                let attempt = Attempt(
                    address: IPAddress(ipv4: UInt32(number)), helo: PeerText("probe"), from: PeerText("<\(number)@probe>"),
                    to: PeerText("<to@probe>"))
                _ = try greylist.attempt(attempt, memory: &memory, now: now, doubt: now, chance: &chance, in: t)
                if number % 3 == 0 { _ = try greylist.addWhite(IPAddress(ipv4: UInt32(number)), now: now, chance: &chance, in: t) }
            }
        }
    }

    private static func write(_ store: SQLiteStore) throws {
        try store.open()
        var number = Int(store.counts.grey + store.counts.white)
        while true {
            let count = 1 + number % 37
            try commit(store, number..<number + count)
            number += count
            say("kept \(number)")
        }
    }

    private static func full(_ store: SQLiteStore, ballast: String) throws {
        var number = 0
        do throws(StoreFault) {
            while true {
                try commit(store, number..<number + 50)
                number += 50
            }
        } catch .full(let text) {
            say("full: \(text)")
        }
        // While it is full, what was kept is there to be read, and each attempt is refused alike.
        let reader = SQLiteReader(path: store.path)
        say("readable \(try reader.counts().grey + reader.counts().white == Int64(number))")
        do throws(StoreFault) { try commit(store, number..<number + 50) } catch .full { say("still full") }
        guard unlink(ballast) == 0 else { return say("no ballast") }
        try commit(store, number..<number + 50)
        say("healed \(store.counts.grey + store.counts.white == Int64(number + 50))")
    }

    private static func readOnly(_ store: SQLiteStore, directory: String) throws {
        do throws(StoreFault) { try store.open() } catch .readOnly(let text) { say("read-only: \(text)") }
        do throws(StoreFault) { try commit(store, 0..<1) } catch .readOnly { say("still read-only") }
        let mount = Process()
        mount.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        mount.arguments = ["mount", "-o", "remount,rw", directory]
        try mount.run()
        mount.waitUntilExit()
        try commit(store, 0..<50)
        say("healed \(store.counts.grey + store.counts.white == 50)")
    }

    private static func nobody(_ store: SQLiteStore) throws {
        if geteuid() == 0 {
            guard setgroups(0, nil) == 0, setgid(65_534) == 0, setuid(65_534) == 0 else { return say("cannot become nobody") }
        }
        do throws(StoreFault) { try store.open() } catch .denied(let text) { say("denied: \(text)") }
    }
}
