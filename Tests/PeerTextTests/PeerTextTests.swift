import PeerText
import Testing

@Suite struct PeerTextTests {
    @Test func escapesWhatSplitsLinesOrFields() {
        #expect(PeerText("A|b\\ c\n\0é\"").escaped == "a\\174b\\134\\040c\\012\\000\\303\\251\"")
    }

    @Test func roundTripsEveryByte() throws {
        let all = (0...255).map { UInt8($0) }
        let text = PeerText(lowercasing: all)
        #expect(text.bytes == all.map(PeerText.lowercased))
        #expect(try #require(PeerText(parsing: text.escaped.utf8)) == text)
    }

    @Test(arguments: ["a b", "a|b", "\\", "\\1", "\\12", "\\400", "\\0 0", "é", "\u{7f}"])
    func refuses(text: String) { #expect(PeerText(parsing: text.utf8) == nil) }

    @Test func cutsLogsBetweenEscapes() {
        let text = String(repeating: "a", count: 254) + "\\303\\251"
        #expect(PeerText.forLog(text) == String(repeating: "a", count: 254) + "...")
        #expect(PeerText.forLog("short") == "short")
    }
}
