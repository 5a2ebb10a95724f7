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
        func sorted(_ text: [UInt8]) -> [String] { textLines(of: text).sorted() }
        let everything = ListingRequest(kinds: .all, now: now)

        try from.withStore { store, reader in
            try load(Array(text.utf8), into: store, now: now)
            let exported = try export(everything, from: reader, byteLimit: 1000)
            // Blocks are shown without their host bits.
            #expect(sorted(exported).count == sorted(Array(text.utf8)).count)
            #expect(sorted(exported).filter { !$0.hasPrefix("ALLOW") } == sorted(Array(text.utf8)).filter { !$0.hasPrefix("ALLOW") })
            try to.withStore { other, otherReader in
                try load(exported, into: other, now: now)
                #expect(try sorted(export(everything, from: otherReader, byteLimit: 1000)) == sorted(exported))
            }
        }
    }
}
