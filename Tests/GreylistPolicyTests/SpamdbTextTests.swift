import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

@Suite struct SpamdbTextTests {
    @Test(arguments: [
        "GREY|87.182.96.240|p57b660f0.dip.t-dialin.net|<tennis5@pctcu.com>|<spamd@your_host.org>|1200326584|1200337384|1200337384|1|0",
        "WHITE|192.43.244.163|||1200074938|1200076797|1203439747|2|131",
        "TRAPPED|210.214.12.57|1162889440",
        "SPAMTRAP|wkitp98zpu.fsf@datadok.no",
        "DOMAIN|@example.org",
        "DOMAIN|@b\\303\\274cher.example",
        "ALLOW|10.0.0.0/8",
        "ALLOW|2001:db8::1",
        "GREY|2001:db8::1||<>|<a\\040b\\134\\174\\303\\251@x>|-5|0|9223372036854775807|1|0",
    ])
    func linesComeBackExactly(_ line: String) throws {
        #expect(try StoredRow(spamdbText: Array(line.utf8)).spamdbText == line)
    }

    @Test(arguments: [
        ("GREY|1.2.3.4|h|f|t|1|2|3|4", SpamdbTextFault.wrongCount(.grey, found: 9, expected: 10)),
        ("WHITE|1.2.3.4|||1|2|3|4|5|6", .wrongCount(.white, found: 10, expected: 9)), ("WHITE|1.2.3.4|x||1|2|3|4|5", .badText),
        ("WHITE|1.2.3|||1|2|3|4|5", .badAddress), ("WHITE|1.2.3.0/24|||1|2|3|4|5", .badAddress),
        ("WHITE|1.2.3.4|||1|2|9223372036854775808|4|5", .badNumber), ("WHITE|1.2.3.4|||+1|2|3|4|5", .badNumber),
        ("WHITE|1.2.3.4||||2|3|4|5", .badNumber), ("BLACK|1.2.3.4", .unknownKind), ("", .unknownKind),
        ("TRAPPED", .wrongCount(.trapped, found: 1, expected: 3)),
        ("SPAMTRAP|nobody", .badText), ("SPAMTRAP|a b@c", .badText), ("DOMAIN|a b", .badText),
        ("DOMAIN|a\\040b", .badText), ("DOMAIN|a\\377b", .badText), ("ALLOW|10.0.0.0/33", .badAddress),
        ("GREY|1.2.3.4|a\\9|f|t|1|2|3|4|5", .badText),
    ])
    func faultsAreNamed(_ line: String, _ fault: SpamdbTextFault) {
        #expect(throws: fault) { try StoredRow(spamdbText: Array(line.utf8)) }
    }

    @Test func aLineHasALimit() {
        let long = "SPAMTRAP|" + String(repeating: "a", count: StoredRow.lineLimit - 11) + "@b"
        #expect(long.utf8.count == StoredRow.lineLimit)
        #expect(throws: SpamdbTextFault.badText) { try StoredRow(spamdbText: Array(long.utf8)) }  // no address is that long
        #expect(throws: SpamdbTextFault.tooLong) { try StoredRow(spamdbText: Array((long + "c").utf8)) }
    }

    /// Rows made of any bytes at all survive the text form, and the line writer says the same as the row.
    @Test func anyRowRoundTrips() throws {
        var chance = SeededChance(seed: 7)
        func text() -> PeerText {
            PeerText(lowercasing: (0..<Int.random(in: 0...40, using: &chance)).map { _ in UInt8.random(in: 0...255, using: &chance) })
        }
        func number() -> Int64 {
            Bool.random(using: &chance)
                ? Int64.random(in: 0...2_000_000_000, using: &chance) : Int64.random(in: .min ... .max, using: &chance)
        }
        for _ in 0..<2000 {
            let address =
                Bool.random(using: &chance)
                ? IPAddress(ipv4: .random(in: 0...UInt32.max, using: &chance))
                : IPAddress(high: .random(in: 0...UInt64.max, using: &chance), low: .random(in: 0...UInt64.max, using: &chance))
            let row: StoredRow =
                switch Int.random(in: 0..<3, using: &chance) {
                case 0:
                    .grey(
                        GreyRow(
                            address: address, helo: text(), from: text(), to: text(), first: UnixTime(number()), pass: UnixTime(number()),
                            expire: UnixTime(number()), block: number(), passed: number()))
                case 1:
                    .white(
                        WhiteRow(
                            address: address, first: UnixTime(number()), pass: UnixTime(number()), expire: UnixTime(number()),
                            block: number(),
                            passed: number()))
                default: .trapped(TrappedRow(address: address, expire: UnixTime(number())))
                }
            #expect(try StoredRow(spamdbText: Array(row.spamdbText.utf8)) == row)
            var line = SpamdbLine()
            line.begin(.trapped)
            line.field(address)
            line.field(number())
            line.end()
            #expect(String(decoding: line.bytes, as: UTF8.self).hasPrefix("TRAPPED|\(address)|"))
        }
        for value: Int64 in [0, -1, 9, 10, .max, .min] {
            var line = SpamdbLine()
            line.field(value)
            #expect(String(decoding: line.bytes, as: UTF8.self) == "|\(value)")
        }
    }

    @Test func importPutsRowsExactlyAndTellsTheKernel() throws {
        let village = Village()
        let lines = [
            "ALLOW|10.0.0.0/8", "DOMAIN|@here", "GREY|192.0.2.3|h|<a@b>|<c@here>|1|2|2000000|1|0", "SPAMTRAP|trap@here",
            "TRAPPED|192.0.2.2|1000050", "WHITE|192.0.2.1|||1|2|1000100|4|5",
        ]
        let changes = try village.change { t throws in
            var changes: [ProjectionChange] = []
            for line in lines {
                changes += try village.greylist.importRow(StoredRow(spamdbText: Array(line.utf8)), now: village.now, in: t)
            }
            return changes
        }
        #expect(try village.spamdb() == lines)
        #expect(
            changes == [
                .allowChanged, .delete(.white, IPAddress("192.0.2.2")!), .put(.greytrap, IPAddress("192.0.2.2")!, remaining: .seconds(50)),
                .delete(.greytrap, IPAddress("192.0.2.1")!), .put(.white, IPAddress("192.0.2.1")!, remaining: .seconds(100)),
            ])
    }
}
