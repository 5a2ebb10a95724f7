import ControlProtocol
import Foundation
import Testing

@testable import AdminCommands

/// Messages that need a file or a length no session can show; the others are in Sessions and ControlClientTests.
@Suite struct MessageTests {
    private let directory: String
    private let engine: FakeEngine

    init() throws {
        directory = try FakeEngine.temporaryDirectory()
        engine = try FakeEngine(CannedEngine.answer)
    }

    private func complaint(_ words: [String], _ personality: AdminProgram.Personality = .greymoat, status: Int32) -> String {
        let output = Console.Captured()
        let errors = Console.Captured()
        let console = Console(
            name: "it", environment: ["GREYMOAT_SOCKET": engine.path], isTerminal: false, output: .memory(output), errors: .memory(errors))
        #expect(AdminProgram.run(personality, words, on: console) == status, "\(words)")
        return errors.text
    }

    private func file(_ bytes: some Sequence<UInt8>) throws -> String {
        let path = directory + "/file"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func filesThatAreNone() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let endless = try file([UInt8](repeating: 120, count: LineInput.lineLimit + 1))
        #expect(
            complaint(["import", endless], status: 64) == "it: \(endless), line 1 is longer than 65535 bytes: this is no file of lines\n")
        let long = try file(String(repeating: "# a line\n", count: ControlRequest.rulesetLimit / 9 + 1).utf8)
        #expect(
            complaint(["firewall", "apply", "--ruleset", long], status: 64)
                == "it: \(long) is longer than 131072 bytes: a ruleset of ours is not\n")
        let binary = try file([0xFF, 0xFE, 10])
        #expect(complaint(["firewall", "apply", "--ruleset", binary], status: 64) == "it: \(binary) is not text in UTF-8\n")
        let blocks = try file("10.0.0.0/8\n10.0.0.0/33\nx\n".utf8)
        #expect(
            complaint(["allow", "add", "--file", blocks], status: 64)
                == "it: nothing was changed: \(blocks), line 2: 10.0.0.0/33 is not a block of addresses: the length behind the slash is a number "
                + "from 0 to 32; line 3: x is not an IP address: give one as in 192.0.2.1 or 2001:db8::1\n")
    }

    @Test(arguments: [2, 9, 10, 11, 12]) func everyFaultyKeyIsTold(count: Int) {
        let lines = complaint(["white", "add", "192.0.2.1"] + (0..<count).map { "bad\($0)" }, status: 64).split(separator: "\n")
        #expect(lines.count == min(count, 10) + (count > 10 ? 1 : 0) + 1)
        #expect(lines.first == "it: bad0 is not an IP address: give one as in 192.0.2.1 or 2001:db8::1")
        #expect(lines.last == "it: nothing was changed")
        if count > 10 { #expect(lines[10] == "it: and \(count - 10) more faulty \(count == 11 ? "key" : "keys")") }
    }

    /// Nobody sits at a terminal here, and the engine would have taken them.
    @Test(arguments: [
        ("0.0.0.0/0", true), ("10.0.0.0/7", true), ("10.0.0.0/8", false), ("::/0", true), ("2000::/15", true), ("2001::/16", false),
    ])
    func wideBlocksAreAskedAbout(block: String, isAsked: Bool) {
        let said = complaint(["allow", "add", "192.0.2.0/24", block], status: isAsked ? 2 : 0)
        #expect(said.contains("nothing was changed: \(block) is wider than /") == isAsked)
        #expect(said.isEmpty != isAsked)
        #expect(complaint(["allow", "add", "--yes", block], status: 0).isEmpty)
        #expect(!complaint(["allow", "remove", block], status: block == "10.0.0.0/8" ? 0 : 1).contains("--yes"))
    }

    @Test func keysThatAreTooLong() {
        let limit = ControlRequest.keyLimit
        let key = String(repeating: "a", count: limit) + "@b"
        #expect(complaint(["spamtrap", "add", key], status: 64).contains("is too long: \(limit) bytes at most"))
        #expect(complaint(["list", "--match", key], status: 64).contains("--match takes \(limit) bytes at most."))
        #expect(complaint(["list", "--match", String(key.prefix(limit))], status: 1).isEmpty)
    }

    @Test func contradictions() {
        #expect(
            complaint(["export", "--traplist", "--database", "x"], status: 64).contains("--traplist and --database exclude each other."))
        #expect(complaint(["-a"], .spamdb, status: 2) == "it: no keys: give the addresses to add\n")
    }

    @Test func faultsBeyondTheFirst() throws {
        var report = ImportReport()
        report.lines = 5000
        report.faulty = 4000
        report.faults = [.init(line: 7, reason: "the address is not IPv4 or IPv6")]
        let answer = report
        let engine = try FakeEngine { request in
            if case .finishImport = request { .replies([.imported(answer), .done]) } else { .replies([]) }
        }
        let output = Console.Captured()
        let errors = Console.Captured()
        let console = Console(
            name: "it", environment: ["GREYMOAT_SOCKET": engine.path], isTerminal: false, output: .memory(output), errors: .memory(errors))
        #expect(AdminProgram.run(.greymoat, ["import", "/dev/null"], on: console) == 2)
        #expect(errors.text == "it: /dev/null, line 7: the address is not IPv4 or IPv6\nit: 3,999 more faulty lines\n")
        #expect(output.text == "imported no rows\n")
    }
}
