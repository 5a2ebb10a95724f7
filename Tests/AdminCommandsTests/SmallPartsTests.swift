import ControlProtocol
import Moments
import Testing

@testable import AdminCommands

@Suite struct SuggestionTests {
    private let known = ["status", "list", "white", "trapped", "spamtrap", "firewall"]

    @Test(arguments: [
        ("stauts", "status"), ("lst", "list"), ("listt", "list"), ("whte", "white"), ("spamtraps", "spamtrap"), ("firewal", "firewall"),
    ])
    func nearWords(word: String, near: String) { #expect(Suggestion.nearest(to: word, among: known) == near) }

    @Test(arguments: ["", "x", "frobnicate", "zzzzzz"])
    func farWords(word: String) { #expect(Suggestion.nearest(to: word, among: known) == nil) }

    @Test(arguments: [("", "abc", 3), ("abc", "abc", 0), ("abcd", "acbd", 1), ("kitten", "sitting", 3), ("ca", "abc", 3)])
    func distances(a: String, b: String, distance: Int) {
        #expect(Suggestion.distance(Array(a.utf8), Array(b.utf8)) == distance)
        #expect(Suggestion.distance(Array(b.utf8), Array(a.utf8)) == distance)
    }
}

@Suite struct RelativeTimeTests {
    @Test(arguments: [
        (-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (720, "12 min"), (3599, "59 min"), (3600, "1 h"), (12_000, "3 h 20 min"),
        (172_799, "47 h 59 min"), (172_800, "2 d"), (187_200, "2 d 4 h"), (864_000, "10 d"), (3_110_400, "36 d"),
        (3_024_000 + 7200, "35 d"),
    ])
    func lengths(seconds: Int, text: String) { #expect(RelativeTime.length(.seconds(seconds)) == text) }

    @Test func toAndFro() {
        let now = UnixTime(1000)
        #expect(RelativeTime.until(UnixTime(1720), from: now) == "in 12 min")
        #expect(RelativeTime.until(now, from: now) == "now")
        #expect(RelativeTime.until(UnixTime(1), from: now) == "now")
        #expect(RelativeTime.since(UnixTime(280), at: now) == "12 min ago")
        #expect(RelativeTime.since(now, at: now) == "just now")
        #expect(RelativeTime.since(UnixTime(.min), at: UnixTime(.max)).hasSuffix("d ago"))
    }
}

@Suite struct SwitchParserTests {
    private struct Parsed: Equatable {
        var switches: [String]
        var operands: [String]
        var fault: String?
    }

    private func parse(_ letters: String, _ arguments: String...) -> Parsed {
        var parser = SwitchParser(letters, arguments)
        var switches: [String] = []
        var fault: String?
        do throws(SwitchParser.Fault) {
            while let (letter, value) = try parser.next() { switches.append(String(letter) + (value.map { "=" + $0 } ?? "")) }
        } catch { fault = error.sentence }
        return Parsed(switches: switches, operands: parser.operands, fault: fault)
    }

    @Test func clusters() {
        #expect(parse("adGTt", "-Ta", "key") == Parsed(switches: ["T", "a"], operands: ["key"]))
        #expect(parse("ad", "-ax") == Parsed(switches: ["a"], operands: [], fault: "unknown option -- x"))
        #expect(parse("ad") == Parsed(switches: [], operands: []))
    }

    @Test func values() {
        #expect(parse("DIi:l:W:Y:", "-I", "-i", "lo0") == Parsed(switches: ["I", "i=lo0"], operands: []))
        #expect(parse("DIi:l:W:Y:", "-Iilo0", "-W864") == Parsed(switches: ["I", "i=lo0", "W=864"], operands: []))
        #expect(parse("i:", "-i") == Parsed(switches: [], operands: [], fault: "option requires an argument -- i"))
        #expect(parse("i:", "-i", "--", "x") == Parsed(switches: ["i=--"], operands: ["x"]))
    }

    @Test func ends() {
        #expect(parse("ad", "-a", "--", "-d") == Parsed(switches: ["a"], operands: ["-d"]))
        #expect(parse("ad", "-a", "key", "-d") == Parsed(switches: ["a"], operands: ["key", "-d"]))
        #expect(parse("ad", "-", "-a") == Parsed(switches: [], operands: ["-", "-a"]))
    }
}

@Suite struct JSONValueTests {
    @Test func quoting() {
        var text = ""
        JSONValue.quote("a\"b\\c\n\t\u{1}é\u{7F}", into: &text)
        #expect(text == "\"a\\\"b\\\\c\\n\\t\\u0001é\\u007f\"")
    }

    @Test func shapes() {
        let value = JSONValue.object([
            .init("empty", .list([])), .init("none", .object([])), .init("list", .list([.number(-1), .null, .bool(true)])),
        ])
        #expect(value.pretty == "{\n  \"empty\": [],\n  \"none\": {},\n  \"list\": [\n    -1,\n    null,\n    true\n  ]\n}\n")
        #expect(value.flattened == "list.0\t-1\nlist.1\t\nlist.2\ttrue\n")
    }
}

@Suite struct TableTests {
    private func rows(_ count: Int, width: Int = 40) throws -> [Substring] {
        let captured = Console.Captured()
        let console = Console(name: "t", isTerminal: true, width: width, output: .memory(captured), errors: .memory(.init()))
        var table = Table([.init(title: "KEY"), .init(title: "TEXT", isFlexible: true), .init(title: "N", isNumber: true)], width: width)
        for index in 0..<count { try table.add(["k\(index)", String(repeating: "x", count: 60), "\(index)"], to: console) }
        try table.finish(console)
        try console.flush()
        return captured.text.split(separator: "\n")
    }

    @Test(arguments: [0, 1, Table.sample - 1, Table.sample, Table.sample + 1, 3 * Table.sample])
    func everyRowOnce(count: Int) throws { #expect(try rows(count).count == (count == 0 ? 0 : count + 1)) }

    @Test(arguments: [30, 40, 80])
    func linesFitTheTerminal(width: Int) throws { #expect(try rows(9, width: width).allSatisfy { $0.count <= width }) }

    /// Keys are never cut, however narrow the terminal is.
    @Test func narrowest() throws { #expect(try rows(2, width: 5).last?.hasPrefix("k1 ") == true) }

    @Test func cutting() {
        #expect(Table.cut("abcdef", to: 6) == "abcdef")
        #expect(Table.cut("abcdef", to: 5) == "abcd…")
        #expect(Table.cut("abcdef", to: 0) == "…")
    }
}

@Suite struct CommandLinePrepassTests {
    @Test func optionsMoveBehindTheCommand() {
        #expect(CommandLinePrepass.arrange(["--socket", "/s", "white", "add", "x"]) == ["white", "add", "x", "--socket", "/s"])
        #expect(CommandLinePrepass.arrange(["--socket=/s", "white", "add", "--", "x"]) == ["white", "add", "--socket=/s", "--", "x"])
        #expect(CommandLinePrepass.arrange(["status", "--socket", "/s"]) == ["status", "--socket", "/s"])
        #expect(CommandLinePrepass.arrange([]) == [])
    }
}

@Suite struct StatusPageTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1234, "-1,234"), (-123, "-123")])
    func groupedNumbers(number: Int, text: String) { #expect(StatusPage.grouped(number) == text) }

    @Test(arguments: [
        (UInt64(0), "0 bytes"), (10_239, "10239 bytes"), (10_240, "10 KiB"), (123_456_789, "117 MiB"), (.max, "16777215 TiB"),
    ])
    func sizes(count: UInt64, text: String) { #expect(StatusPage.bytes(count) == text) }

    @Test func countersInWords() {
        #expect(StatusPage.words("accepted") == "accepted")
        #expect(StatusPage.words("bareLineFeeds") == "bare line feeds")
    }

    @Test(arguments: [
        ("attempts", UInt64(1), "1 attempt"), ("attempts", 0, "0 attempts"), ("attempts", 1000, "1,000 attempts"), ("passes", 1, "1 pass"),
        ("bareLineFeeds", 1, "1 bare line feed"), ("accepted", 1, "1 accepted"), ("bytesIn", 1, "1 byte in"), ("bytesIn", 2, "2 bytes in"),
        ("tooManyErrors", 1, "1 too many errors"),
    ])
    func oneAndMany(name: String, value: UInt64, text: String) {
        #expect(StatusPage.counted(.init(name: name, value: value)) == text)
    }
}
