import Addressing
import ControlProtocol
import Foundation
import LinuxIO
import RoleMessages
import Testing

@testable import GreylistEngine

/// spamd's configuration text, and the kernel's sets of blacklist-only mode.
@Suite struct SentBlocklistTests {
    private let text = Array("nixspam;\"You are %A\";inet;2;192.0.2.0/24;198.51.100.7/32\nother;\"m\";inet6;1;2001:db8::/32\n".utf8)

    @Test func textOnTheControlSocketInPieces() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        for piece in [text[..<3], text[3..<40]] { try control.send(.blocklistText(Array(piece), last: false)) }
        guard case .blocklists(let lists)? = try control.ask(.blocklistText(Array(text[40...]), last: true)).first else {
            throw SystemError("send lists", code: 0)
        }
        #expect(
            lists.map(\.name) == ["nixspam", "other"] && lists.map(\.entries) == [2, 1] && lists.map(\.source) == ["sent in", "sent in"])
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, "198.51.100.7") == .black(messages: ["You are %A"]))
        // The same list again takes the old one's place; an empty one takes it away.
        _ = try control.ask(.blocklistText(Array("nixspam;\"new\";inet;1;203.0.113.1/32\nother;\"m\";inet;0\n".utf8), last: true))
        #expect(try tarpit.connect(2, "198.51.100.7") == .grey)
        #expect(try tarpit.connect(3, "203.0.113.1") == .black(messages: ["new"]))
        #expect(try tarpit.connect(4, "2001:db8::1") == .grey)
        try harness.stop()
        // An engine that is started again still knows it.
        let again = try EngineHarness(clock: harness.clock, directory: harness.directory)
        _ = try again.log(until: "blocklists: 1 list, ")
        #expect(try again.tarpit().connect(1, "203.0.113.1") == .black(messages: ["new"]))
    }

    @Test func textThatIsRefused() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        let replies = try control.ask(.blocklistText(Array("a;\"m\";inet;2;192.0.2.1\nb;\"m\";192.0.2.1\n".utf8), last: true))
        #expect(
            replies.last == .failure("1 lines were refused, the first of them line 1: the count and the addresses differ", exitStatus: 2))
        #expect(try harness.tarpit().connect(1, "192.0.2.1") == .black(messages: ["m"]), "the lines that are right count")
    }

    private func listener() throws -> (number: Int32, port: UInt16) {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, length) + listen(number, 8) + getsockname(number, $0, &length)
            }
        }
        guard number >= 0, result == 0 else { throw SystemError.last("listen") }
        return (number, UInt16(bigEndian: address.sin_port))
    }

    /// Sends text from a port of this host, below 1024 when `privileged`.
    private func send(_ bytes: [UInt8], to port: UInt16, privileged: Bool) throws {
        for source in privileged ? Array(stride(from: UInt16(1023), through: 600, by: -1)) : [0] {
            let connection = FileDescriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            func call(_ port: UInt16, _ body: (UnsafePointer<sockaddr>) -> Int32) -> Int32 {
                address.sin_port = port.bigEndian
                return withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) } }
            }
            guard call(source, { bind(connection.number, $0, length) }) == 0 else { continue }
            guard call(port, { connect(connection.number, $0, length) }) == 0 else { continue }
            // A peer that refuses may reset before all of it was taken.
            _ = try? connection.writeAll(bytes)
            return
        }
        throw SystemError("connect from a free port", code: EADDRINUSE)
    }

    @Test(.enabled(if: geteuid() == 0, "ports below 1024 are root's"))
    func configurationConnections() throws {
        let (listener, port) = try listener()
        let harness = try EngineHarness(configurationListener: FileDescriptor(owning: listener)) { $0.hasConfigurationListener = true }
        try send(text, to: port, privileged: true)
        _ = try harness.log(until: "blocklists: 2 lists, 3 entries")
        try send(Array("third;\"m\";inet;1;203.0.113.0/24\nnonsense\n".utf8), to: port, privileged: true)
        _ = try harness.log(until: "a configuration connection sent 1 lines that are refused")
        _ = try harness.log(until: "blocklists: 3 lists, 4 entries")
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, "192.0.2.9") == .black(messages: ["You are %A"]))
        #expect(try tarpit.connect(2, "203.0.113.9") == .black(messages: ["m"]))
    }

    @Test func onlyPrivilegedPortsCount() throws {
        let (listener, port) = try listener()
        let harness = try EngineHarness(configurationListener: FileDescriptor(owning: listener)) { $0.hasConfigurationListener = true }
        try send(text, to: port, privileged: false)
        _ = try harness.log(until: "was refused: only root's, from ports below 1024, count")
        #expect(try harness.tarpit().connect(1, "192.0.2.9") == .grey)
    }

    // MARK: - Blacklist-only mode

    @Test func theKernelHoldsWhatIsListed() throws {
        let harness = try EngineHarness { $0.blacklistOnly = true }
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        // More than one message holds, with overlaps that must be merged.
        let hosts = (0..<2500).map { "10.\($0 / 250).\($0 % 250).1" }
        let lines = "a;\"a\";inet;2500;\(hosts.joined(separator: ";"))\nb;\"b\";10.0.0.0/24;2001:db8::/32\n"
        try control.send(.blocklistText(Array(lines.utf8), last: true))
        var ranges: [IPRange] = []
        var pieces = 0
        while true {
            guard case .replaceBlocks(let order, .black, let piece, let last) = try firewall.next() else {
                Issue.record("no replacement")
                return
            }
            ranges += piece
            pieces += 1
            if last {
                try firewall.send(.done(order: order, .applied))
                break
            }
        }
        #expect(pieces == 3 && ranges.count == 2501)
        #expect(ranges.first == IPPrefix("10.0.0.0/24")?.range && ranges.last == IPPrefix("2001:db8::/32")?.range)
        #expect(try control.answer().last == .done)
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, "10.0.0.1") == .black(messages: ["a", "b"]))
        #expect(try tarpit.connect(2, "192.0.2.1") == .annoyed)

        // A firewall role that is started again is loaded with them.
        let next = try harness.firewall()
        var loaded: [IPRange] = []
        while true {
            switch try next.next() {
            case .loadBlocks(.black, let piece): loaded += piece
            case .finishLoad(let order):
                try next.send(.done(order: order, .applied))
                #expect(loaded == ranges)
                return
            default: continue
            }
        }
    }

    @Test func greylistModeKeepsThemOutOfTheKernel() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        #expect(try control.ask(.blocklistText(text, last: true)).last == .done)
        _ = try control.status()
        #expect(try firewall.isQuiet())
    }
}
