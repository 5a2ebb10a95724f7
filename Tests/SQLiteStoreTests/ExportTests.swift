import GreylistPolicy
import GreylistSimulation
import Moments
import SQLiteStore
import Testing

/// Everything out as text and in again elsewhere, on every kind of store.
@Suite struct ExportTests {
    @Test(arguments: [(StoreKind.sqlite, StoreKind.sqlite), (.memory, .sqlite), (.sqlite, .memory)])
    func theRoundTripIsExact(_ from: StoreKind, _ to: StoreKind) throws {
        let now = UnixTime(1_700_000_000)
        let text =
            (0..<500).map { index in
                switch index % 6 {
                case 0: "GREY|2001:db8:\(index + 1)::1|h\(index)|<\(index)@x>|<a\\040\\377@y>|\(index)|1700009999|1700009999|\(index)|0"
                case 1: "WHITE|10.0.\(index / 256).\(index % 256)|||\(index)|5|\(1_700_000_001 + index)|\(index)|9"
                case 2: "TRAPPED|10.1.\(index / 256).\(index % 256)|\(1_700_000_001 + index)"
                case 3: "SPAMTRAP|trap\(index)@x"
                case 4: "DOMAIN|@d\(index).example"
                default: "ALLOW|10.\(index % 256).0.0/\(16 + index % 8)"
                }
            }.joined(separator: "\n") + "\n"
        func load(_ text: [UInt8], _ store: any GreylistStore) throws {
            let greylist = Greylist(rules: GreylistRules())
            try store.run { t in
                var reader = SpamdbTextReader()
                try reader.feed(text) { line in _ = try greylist.importRow(line.row.get(), now: now, in: t) }
            }
        }
        func export(_ reader: any GreylistReader) throws -> [UInt8] {
            var text: [UInt8] = []
            var cursor = ListingCursor.beginning(of: .all)
            while let place = cursor {
                let page = try reader.page(ListingRequest(kinds: .all, now: now), from: place, byteLimit: 1000)
                text += page.text
                cursor = page.next
            }
            return text
        }
        func lines(_ text: [UInt8]) -> [String] { String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init).sorted() }

        try from.withStore { store, reader in
            try load(Array(text.utf8), store)
            let exported = try export(reader)
            // Blocks are shown without their host bits.
            #expect(lines(exported).count == lines(Array(text.utf8)).count)
            #expect(lines(exported).filter { !$0.hasPrefix("ALLOW") } == lines(Array(text.utf8)).filter { !$0.hasPrefix("ALLOW") })
            try to.withStore { other, otherReader in
                try load(exported, other)
                #expect(try lines(export(otherReader)) == lines(exported))
            }
        }
    }
}
