internal import Glibc
internal import LinuxIO
internal import Sandbox

/// Runs `nft -f -`, with CAP_NET_ADMIN raised ambient in that child alone.
struct RulesetLoader {
    private let program: String
    private var lastProcess: Int32 = 0

    /// nil where nft is not installed.
    init?() {
        let places = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"]
        guard let found = places.first(where: { access($0, X_OK) == 0 }) else { return nil }
        program = found
    }

    /// The child run last, once: its transactions carried its pid as port id. Asked for again it is 0: pids are used again.
    mutating func takeLastProcess() -> Int32 {
        defer { lastProcess = 0 }
        return lastProcess
    }

    static let isMissing = "nft is not installed, and Greymoat needs it to load its rules; install the package nftables"

    /// Why a ruleset did not load, in one sentence.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Loads `text`, all of it or nothing; `checking`: tries alone. Takes as long as nft does, 10 s at most.
    mutating func load(_ text: String, of ruleset: Ruleset, checking: Bool = false) throws(Failure) {
        let completed: Spawn.Completed
        do {
            let executable = try Spawn.open(program: program)
            var spawn = Spawn(executable: executable.number, arguments: ["nft"] + (checking ? ["-c"] : []) + ["-f", "-"])
            spawn.environment = ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
            spawn.capabilities = .netAdmin
            spawn.trimsBoundingSet = false
            completed = try spawn.run(input: Array(text.utf8), limit: .seconds(10))
        } catch { throw Failure(description: "cannot run nft to load \(ruleset.name): \(error)") }
        lastProcess = completed.process
        guard completed.status == 0 else {
            throw Failure(description: Self.sentence(completed.status, String(decoding: completed.errors, as: UTF8.self), ruleset.name))
        }
    }

    /// nft's first complaint as a sentence: `/dev/stdin:97:3-5: Error: …` becomes the line and the words. Of a file that the ruleset
    /// includes, the lines before say by what way.
    static func sentence(_ status: Int32, _ errors: String, _ path: String) -> String {
        let ways = ["In file included from ", "                 from "]
        guard let first = errors.split(separator: "\n").first(where: { line in !ways.contains { line.hasPrefix($0) } }) else {
            return "nft ended with status \(status) when it loaded \(path), and said nothing"
        }
        let parts = first.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        if parts.count == 4, parts[1].allSatisfy(\.isNumber), !parts[1].isEmpty {
            let words = parts[3].drop { $0 == " " }
            let included = errors.hasPrefix(first) ? "" : " which includes \(parts[0]),"
            return "nft refuses \(path),\(included) line \(parts[1]): \(words.hasPrefix("Error: ") ? words.dropFirst(7) : words)"
        }
        return "nft refuses \(path): \(first)"
    }
}
