import Addressing
import Blocklists
import LinuxIO
import Moments
import TestSupport

/// What loading a blocklist costs: from the bytes of a list, in pieces as they come from a fetch, to a table that answers.
enum BlocklistBench {
    /// False when a figure is not reached.
    static func run() -> Bool {
        var good = true
        print("blocklists                      entries    parse     load   B/entry   look-up   must be")
        for count in [100_000, 1_000_000] {
            let limit = Duration.milliseconds(count == 100_000 ? 300 : 2000)
            good = measure("IPv4 hosts, in no order", lines(count, order: .random), limit) && good
            good = measure("IPv4 hosts, sorted", lines(count, order: .sorted), limit) && good
            good = measure("IPv6 hosts and /48", lines6(count), limit) && good
        }
        return measure("DROP as JSON lines", drop(100_000), .milliseconds(300)) && good
    }

    private static let bytesPerEntry = 16.0

    private static func measure(_ name: String, _ text: [UInt8], _ limit: Duration) -> Bool {
        var bestParse = Duration.seconds(1000)
        var bestLoad = Duration.seconds(1000)
        var entries = 0
        var table = BlocklistTable()
        for _ in 0..<3 {
            let begun = Clock.monotonic()
            var parser = AddressListParser()
            for start in stride(from: 0, to: text.count, by: 65_536) { parser.append(text[start..<min(text.count, start + 65_536)]) }
            let parsed = Clock.monotonic()
            let list = parser.finish()
            table = BlocklistTable([Blocklist(name: "bench", message: RejectionMessage("%A"), ranges: list.ranges)])
            bestLoad = min(bestLoad, Clock.monotonic() - begun)
            bestParse = min(bestParse, parsed - begun)
            entries = list.entries
        }
        let perEntry = Double(table.byteCount) / Double(entries)
        let good = bestLoad <= limit && perEntry <= bytesPerEntry
        print(
            padded(name, 30), padded(String(entries), -8), padded(milliseconds(bestParse), -8), padded(milliseconds(bestLoad), -8),
            padded(String((perEntry * 10).rounded() / 10), -9), padded(lookup(table), -9), "  ≤ \(milliseconds(limit)), ≤ 16 B  ",
            good ? "ok" : "NOT REACHED", separator: " ")
        return good
    }

    /// Nanoseconds of one look-up among addresses of which half are listed.
    private static func lookup(_ table: BlocklistTable) -> String {
        var random = SeededRandom(seed: 3)
        let addresses = (0..<100_000).map { _ in IPAddress(ipv4: UInt32.random(in: .min ... .max, using: &random)) }
        let begun = Clock.monotonic()
        var found = 0
        for address in addresses where table.contains(address) { found += 1 }
        let elapsed = Clock.monotonic() - begun
        precondition(found >= 0)
        return "\(elapsed.wholeNanoseconds / Int64(addresses.count)) ns"
    }

    private enum Order { case random, sorted }

    private static func lines(_ count: Int, order: Order) -> [UInt8] {
        var random = SeededRandom(seed: 1)
        var addresses = (0..<count).map { _ in UInt32.random(in: .min ... .max, using: &random) }
        if order == .sorted { addresses.sort() }
        return addresses.flatMap { Array("\(IPAddress(ipv4: $0))\n".utf8) }
    }

    private static func lines6(_ count: Int) -> [UInt8] {
        var random = SeededRandom(seed: 2)
        return (0..<count).flatMap { index -> [UInt8] in
            let high = 0x2000_0000_0000_0000 | UInt64.random(in: 0..<1 << 60, using: &random)
            let address = IPAddress(high: high, low: UInt64.random(in: .min ... .max, using: &random))
            return Array((index % 2 == 0 ? "\(address)\n" : "\(address)/48\n").utf8)
        }
    }

    private static func drop(_ count: Int) -> [UInt8] {
        var random = SeededRandom(seed: 4)
        return (0..<count).flatMap { _ -> [UInt8] in
            let address = IPAddress(ipv4: UInt32.random(in: .min ... .max, using: &random))
            return Array("{\"cidr\":\"\(address)/24\",\"sblid\":\"SBL123456\",\"rir\":\"ripencc\"}\n".utf8)
        }
    }

    private static func milliseconds(_ duration: Duration) -> String { "\(duration.wholeMilliseconds) ms" }

    /// Left-aligned to `width`, right-aligned when it is negative.
    private static func padded(_ text: String, _ width: Int) -> String {
        let filling = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? filling + text : text + filling
    }
}
