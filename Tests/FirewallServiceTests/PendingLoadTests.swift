import Addressing
import Moments
import NFTables
import RoleMessages
import Testing

@testable import FirewallService

@Suite struct PendingLoadTests {
    private typealias Element = FirewallOrder.ElementChange.Element
    private let white = NFTSet("white", .ipv4)

    private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    private func element(_ text: String, _ remaining: UInt32) -> Element {
        Element(set: .white, address: IPAddress(text)!, remaining: remaining)
    }

    @Test func livesRunOnWhileTheLoadArrives() {
        var load = PendingLoad(order: 1, begun: at(100))
        load.add([element("192.0.2.1", 10), element("192.0.2.2", 4)], at: at(100))
        load.add([element("192.0.2.3", 10), element("2001:db8::1", 7)], at: at(103))
        let finished = load.finished(at: at(105))
        #expect(
            finished.elements[white] == [
                NFTElement(IPAddress("192.0.2.1")!, remainingMilliseconds: 5000),
                NFTElement(IPAddress("192.0.2.3")!, remainingMilliseconds: 8000),
            ])
        #expect(finished.elements[NFTSet("white6", .ipv6)] == [NFTElement(IPAddress("2001:db8::1")!, remainingMilliseconds: 5000)])
    }

    @Test func changesMeanwhileAreNewer() {
        var load = PendingLoad(order: 1, begun: at(0))
        load.add([element("192.0.2.1", 10), element("192.0.2.2", 10)], at: at(0))
        load.note([.delete(.white, IPAddress("192.0.2.1")!), .put(element("192.0.2.2", 99)), .put(element("192.0.2.9", 50))], at: at(1))
        load.note([.put(element("192.0.2.8", 50)), .delete(.white, IPAddress("192.0.2.9")!)], at: at(1))
        // Rows read before those changes, and arriving after.
        load.add([element("192.0.2.9", 10), element("192.0.2.3", 10)], at: at(2))
        let finished = load.finished(at: at(2)).elements[white] ?? []
        #expect(
            Dictionary(uniqueKeysWithValues: finished.map { ("\($0.address)", $0.remainingMilliseconds / 1000) }) == [
                "192.0.2.2": 98, "192.0.2.3": 10, "192.0.2.8": 49,
            ])
    }

    @Test func blocksAreMergedAndReplaced() {
        var load = PendingLoad(order: 1, begun: at(0))
        load.add(["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"].map { IPPrefix($0)!.range }, to: .allow)
        load.replace(.black, with: [IPPrefix("192.0.2.0/24")!.range])
        load.replace(.black, with: [IPPrefix("192.0.2.1")!.range])
        let ranges = load.finished(at: at(0)).ranges
        #expect(ranges[NFTSet("allow", .ipv4)]?.count == 1)
        #expect(ranges[NFTSet("allow6", .ipv6)]?.count == 1)
        #expect(ranges[NFTSet("black", .ipv4)] == [IPPrefix("192.0.2.1")!.range])
    }
}
