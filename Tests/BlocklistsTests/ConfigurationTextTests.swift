import Addressing
import Blocklists
import Testing

@Suite struct ConfigurationTextTests {
    private func read(_ text: String, pieces: Int = .max) -> ConfigurationText {
        var reader = ConfigurationText()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            reader.append(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
        }
        reader.finish()
        return reader
    }

    private func set(_ text: String) -> RangeSet { AddressListParserTests.parse(text).ranges }

    @Test(arguments: [
        "nixspam;\"Your address %A is \\\"bad\\\"; see\\nhttp://x\";inet;2;192.0.2.0/24;198.51.100.7/32\n",
        "nixspam;\"Your address %A is \\\"bad\\\"; see\\nhttp://x\";192.0.2.0/24;198.51.100.7\n",
        "\r\nnixspam;\"Your address %A is \\\"bad\\\"; see\\nhttp://x\";inet;1;192.0.2.0/24;inet;1;198.51.100.7/32;\r\n",
    ])
    func reads(text: String) {
        for pieces in [Int.max, 1, 3] {
            let reader = read(text, pieces: pieces)
            #expect(reader.faultCount == 0)
            #expect(
                reader.lists == [
                    Blocklist(
                        name: "nixspam", message: RejectionMessage(#"Your address %A is \"bad\"; see\nhttp://x"#),
                        ranges: set("192.0.2.0/24\n198.51.100.7"))
                ])
        }
    }

    @Test func writesWhatItReads() {
        let lists = [
            Blocklist(name: "a", message: RejectionMessage("x \"y\"\nz \\ %A"), ranges: set("10.0.0.1 - 10.0.0.6\n2001:db8::/33\n::1")),
            Blocklist(name: "b", message: RejectionMessage(""), ranges: set("")),
            Blocklist(name: "c", message: RejectionMessage("six"), ranges: set("2001:db8::/32")),
        ]
        let text = lists.flatMap(ConfigurationText.line(for:))
        #expect(
            String(decoding: text, as: UTF8.self)
                == #"""
                a;"x \"y\"\nz \\ %A";inet;4;10.0.0.1/32;10.0.0.2/31;10.0.0.4/31;10.0.0.6/32;inet6;2;::1/128;2001:db8::/33
                b;"";inet;0
                c;"six";inet;0;inet6;1;2001:db8::/32

                """#)
        #expect(read(String(decoding: text, as: UTF8.self)).lists == lists)
    }

    @Test(arguments: [
        "a", "a;", "a;x", "a;\"x", "a;\"x\"", "a;\"x\"y;10.0.0.1", ";\"x\";10.0.0.1", "a b;\"x\";10.0.0.1", "a;x;10.0.0.1", "a;\"x\";inet",
        "a;\"x\";inet;", "a;\"x\";inet;x;10.0.0.1", "a;\"x\";inet;2;10.0.0.1", "a;\"x\";inet;0;10.0.0.1",
        "a;\"x\";inet;2;10.0.0.1;inet6;1;::1",
        "a;\"x\";10.0.0.1/33", "a;\"x\";10.0.0.1;foo", "a;\"x\";# comment",
    ])
    func refuses(line: String) {
        let reader = read("\(line)\nok;\"m\";10.0.0.1\n")
        #expect(reader.lists.map(\.name) == ["ok"] && reader.faultCount == 1 && reader.faults.first?.line == 1)
        #expect(read(line).lists.isEmpty)
    }

    @Test func aLineWithoutItsEndWasCutOff() {
        let reader = read("a;\"m\";10.0.0.1\nb;\"m\";10.0.0.1;10.0.0.2")
        #expect(reader.lists.map(\.name) == ["a"] && reader.faults.map(\.line) == [2])
    }

    @Test func limits() {
        for length in SpamdConfiguration.nameLimit - 1...SpamdConfiguration.nameLimit + 1 {
            let isFine = length <= SpamdConfiguration.nameLimit
            #expect(read(String(repeating: "n", count: length) + ";\"m\";10.0.0.1\n").lists.count == (isFine ? 1 : 0))
        }
        // The quotation mark it begins with counts.
        for length in ConfigurationText.messageLimit - 2...ConfigurationText.messageLimit {
            let isFine = length < ConfigurationText.messageLimit
            #expect(read("a;\"" + String(repeating: "m", count: length) + "\";10.0.0.1\n").lists.count == (isFine ? 1 : 0))
        }
        for count in BlocklistTable.listLimit - 1...BlocklistTable.listLimit + 1 {
            let reader = read((0..<count).map { "l\($0);\"m\";10.0.0.1\n" }.joined())
            #expect(
                reader.lists.count == min(count, BlocklistTable.listLimit) && reader.faultCount == max(0, count - BlocklistTable.listLimit))
        }
    }
}
