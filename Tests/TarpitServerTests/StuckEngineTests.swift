import Addressing
import RoleMessages
import TarpitHarness
import Testing

/// An engine that has stopped reading, and takes it up again.
@Suite struct StuckEngineTests {
    /// What cannot be told is given up, and the engine never hears of a connection that was not announced to it: it would
    /// close the link over that.
    @Test func aStuckEngineStopsNobodyAndIsToldNoNonsense() throws {
        let (harness, engine) = try TarpitHarness.scripted { $0.maximumPerSource = 1000 }
        let long = String(repeating: "x", count: 2000)
        // 1400 reports of 6 KB: more than the link's 8 MB.
        for _ in 0..<14 {
            let client = try harness.connect()
            #expect(try client.line()?.hasPrefix("220") == true)
            #expect(try client.ask("HELO \(long)").hasPrefix("250"))
            #expect(try client.ask("MAIL FROM:<\(long)>").hasPrefix("250"))
            for _ in 0..<100 { #expect(try client.ask("RCPT TO:<\(long)>").hasPrefix("250")) }
        }
        let late = try harness.connect()
        #expect(try late.line()?.hasPrefix("220") == true)
        #expect(try late.ask("HELO late").hasPrefix("250"))
        #expect(try late.ask("MAIL FROM:<a@b>").hasPrefix("250"))
        #expect(try late.ask("RCPT TO:<a@b>").hasPrefix("250"))
        #expect(try late.ask("DATA").hasPrefix("451"))
        // Now it reads. Once there is room again, newcomers are announced as ever.
        var known: Set<UInt64> = []
        var recipients = 0
        var gone = 0
        let marker = try #require(IPAddress("127.0.0.9"))
        var newcomer: SMTPClient?
        reading: while true {
            switch try engine.next() {
            case .connected(let connected):
                #expect(known.insert(connected.connection).inserted)
                if connected.address == marker { break reading }
            case .recipient(let recipient):
                #expect(known.contains(recipient.connection))
                recipients += 1
                if recipients == 500 { newcomer = try harness.connect(source: marker) }
            case .unkept(let connection, _): #expect(known.contains(connection))
            case .disconnected(let disconnected):
                #expect(known.contains(disconnected.connection))
                gone += 1
            case .hello, .dataReached, .header, .counters: break
            }
        }
        #expect(recipients < 1400)
        #expect(gone == known.count - 1)
        withExtendedLifetime(newcomer) {}
    }
}
