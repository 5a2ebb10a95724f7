import Foundation
import TestSupport
import Testing

/// Whatever a stranger puts into HELO, MAIL or RCPT changes nothing but its own row.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndHostileInputTests {
    /// Bytes that broke parsers before, and how they must look in a row.
    static let payloads: [(name: String, bytes: [UInt8])] = [
        ("quote", Array("a\"b'c`d".utf8)),
        ("pipe", Array("WHITE|192.0.2.99|||1|1|9999999999|1|0".utf8)),
        ("semicolon", Array("x;y;drop table grey;--".utf8)),
        ("backslashes", Array("a\\nWHITE\\174b\\".utf8)),
        ("escaped newline", Array("a\\012WHITE".utf8)),
        ("bare carriage return", Array("a\rWHITE".utf8)),
        ("nul", [97, 0, 98]),
        ("8-bit", [0xC3, 0xA9, 0xFF, 0x80]),
        ("control", Array(1...31).filter { $0 != 10 && $0 != 13 }),
        ("percent", Array("%s%n%x%A".utf8)),
        ("braces", Array("{ 192.0.2.99 timeout 1d }".utf8)),
        ("shell", Array("$(reboot)`reboot`&&|".utf8)),
    ]

    @Test(arguments: payloads.indices) func changesOnlyItsOwnRow(index: Int) throws {
        let site = try Site()
        let bytes = Self.payloads[index].bytes
        try site.spamdb("-a", "198.51.100.7")
        let known = try site.spamdb()
        for place in 0..<3 {
            let connection = try site.connect(.ipv4, 10 + place)
            try connection.expect(220)
            func command(_ verb: String, _ argument: [UInt8]) throws { try connection.sendBytes(Array(verb.utf8) + argument + [13, 10]) }
            try command("EHLO ", place == 0 ? bytes : Array("h".utf8))
            _ = try connection.readReply()
            try command("MAIL FROM:", place == 1 ? Array("<".utf8) + bytes + Array("@x>".utf8) : Array("<a@b>".utf8))
            _ = try connection.readReply()
            try command("RCPT TO:", place == 2 ? Array("<".utf8) + bytes + Array("@x>".utf8) : Array("<c@d>".utf8))
            _ = try connection.readReply()
            try connection.send("DATA")
            _ = try connection.readReply()
            try connection.expect(221, to: "QUIT")
        }
        let rows = try site.spamdb()
        #expect(rows.filter { !$0.hasPrefix("GREY|") } == known, "\(Self.payloads[index].name)")
        for row in rows where row.hasPrefix("GREY|") {
            let fields = row.split(separator: "|", omittingEmptySubsequences: false)
            #expect(fields.count == 10 && ["192.0.2.10", "192.0.2.11", "192.0.2.12"].contains(fields[1]), "\(row)")
            #expect(row.utf8.allSatisfy { 0x21...0x7E ~= $0 }, "\(row)")
        }
        #expect(rows.count { $0.hasPrefix("GREY|") } >= 2, "\(rows)")
        #expect(try site.elements(of: "white").keys.sorted() == ["198.51.100.7"])
        #expect(try site.host.run("nft", "list", "ruleset").contains("redirect"))
    }

    @Test func aHundredThousandBytesAreRefusedAndTheSessionGoesOn() throws {
        let site = try Site()
        for verb in ["EHLO ", "MAIL FROM:<", "RCPT TO:<"] {
            let connection = try site.connect(.ipv4)
            try connection.expect(220)
            if verb != "EHLO " { try connection.expect(250, to: "EHLO h") }
            if verb == "RCPT TO:<" { try connection.expect(250, to: "MAIL FROM:<a@b>") }
            try connection.sendBytes(Array(verb.utf8) + Array(repeating: UInt8(ascii: "a"), count: 100_000) + [13, 10])
            try connection.expect(500)
            try connection.expect(250, to: "NOOP")
            try connection.expect(221, to: "QUIT")
        }
        #expect(try site.spamdb().isEmpty)
        let connection = try site.connect(.ipv4)
        #expect(try site.offerMail(on: connection).code == 451)
        #expect(try site.spamdb().count == 1)
    }

    @Test func newlinesInACommandAreCommandsOfTheirOwn() throws {
        let site = try Site()
        let connection = try site.connect(.ipv4)
        try connection.expect(220)
        try connection.sendBytes(Array("EHLO a\nWHITE|192.0.2.99|||1|1|9999999999|1|0\r\n".utf8))
        try connection.expect(250)
        try connection.expect(500)
        try connection.expect(221, to: "QUIT")
        #expect(try site.spamdb().isEmpty)
    }
}
