import Foundation
import LinuxIO
import Moments

/// Durations of one kind of call, and what they come to.
struct Latencies: CustomStringConvertible {
    private var nanoseconds: [Int64] = []

    mutating func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
        let begun = Clock.monotonic()
        defer { nanoseconds.append((Clock.monotonic() - begun).wholeNanoseconds) }
        return try body()
    }

    var description: String {
        guard !nanoseconds.isEmpty else { return "nothing measured" }
        let sorted = nanoseconds.sorted()
        func at(_ share: Double) -> String { milliseconds(Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1e9) }
        return "p50 \(at(0.5)) p99 \(at(0.99)) max \(at(1))"
    }
}

extension Duration {
    /// In seconds.
    var fraction: Double { Double(wholeNanoseconds) / 1e9 }
}

func milliseconds(_ seconds: Double) -> String { String(format: seconds < 0.001 ? "%.4f ms" : "%.1f ms", seconds * 1000) }
func rate(_ count: Int, _ seconds: Double) -> String { String(format: "%.0f", Double(count) / seconds) }

func report(_ name: String, _ figure: String) {
    print("  " + name.padding(toLength: 46, withPad: " ", startingAt: 0) + figure)
    fflush(nil)
}

func megabytes(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) >> 20 : 0
}

/// VmRSS of this process.
func residentMegabytes() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
        let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kilobytes / 1024
}
