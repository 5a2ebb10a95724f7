import Addressing
import Foundation
import LinuxIO
import Moments
import NFTables

/// What `set_bare.c` does with nothing but libmnl, done by the room the firewall role uses: `bench-netfilter OPERATION COUNT`
/// writes the elements 10.0.0.0 and up of `inet bench white`, and prints `{"seconds": …}`.
enum NetfilterBench {
    static let table = "bench"
    static let white = NFTSet("white", .ipv4)
    static let delta = 1000
    static let life: UInt64 = 36_000_000

    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]), count > 0 else {
            fatalError("usage: bench-netfilter load|reconcile|add|renew|delete|one COUNT")
        }
        do { try run(arguments[1], count) } catch {
            FileHandle.standardError.write(Data("bench-netfilter: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ operation: String, _ count: Int) throws {
        let socket = try NFTSocket()
        let elements = (0..<count).map { NFTElement(IPAddress(ipv4: 0x0A00_0000 + UInt32($0)), remainingMilliseconds: life) }
        var each: [Double] = []
        let begun = Clock.monotonic()
        switch operation {
        case "load", "reconcile":
            var batch = NFTBatch(table: table)
            if operation == "reconcile" { batch.flush(white) }
            batch.add(elements, to: white)
            try socket.commit(&batch)
        case "add", "renew", "delete":
            var batch = NFTBatch(table: table)
            for start in stride(from: 0, to: count, by: delta) {
                let piece = elements[start..<min(start + delta, count)]
                if operation == "delete" { batch.delete(piece.map(\.address), from: white) } else { batch.put(piece, in: white) }
                try socket.commit(&batch)
            }
        case "one":
            var batch = NFTBatch(table: table)
            for element in elements {
                let before = Clock.monotonic()
                batch.put(CollectionOfOne(element), in: white)
                try socket.commit(&batch)
                each.append(seconds(Clock.monotonic() - before))
            }
        default: fatalError("no operation named \(operation)")
        }
        var line = String(format: "{\"seconds\": %.6f", seconds(Clock.monotonic() - begun))
        if !each.isEmpty {
            each.sort()
            line += String(format: ", \"p50_us\": %.1f, \"p99_us\": %.1f", each[count / 2] * 1e6, each[Int(Double(count) * 0.99)] * 1e6)
        }
        print(line + "}")
    }

    private static func seconds(_ duration: Duration) -> Double { Double(duration.wholeNanoseconds) / 1e9 }
}
