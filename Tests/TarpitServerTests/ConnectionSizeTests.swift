import SMTPDialogue
import Testing

@testable import TarpitServer

/// What a held connection costs, apart from the kernel's share: design.md allows 512 bytes in all.
@Suite struct ConnectionSizeTests {
    @Test func aRowIsCompact() {
        print("SMTPDialogue \(MemoryLayout<SMTPDialogue>.stride), Connection \(MemoryLayout<Connection>.stride) bytes")
        #expect(MemoryLayout<SMTPDialogue>.stride <= 240)
        #expect(MemoryLayout<Connection>.stride <= 320)
    }
}
