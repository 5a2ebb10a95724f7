import Glibc
import Testing

@testable import FirewallCheck

@Suite struct FirewallFactsTests {
    @Test func groupsOfTheKernelsListing() {
        #expect(FirewallFacts.groups("   25   3942     0 2    64     10  1\n    7   1234     0 1     0      0  1\n") == [25, 7])
        #expect(FirewallFacts.groups("") == [])
    }

    @Test func listenersOfTheKernelsTable() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 00000000:1F59 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
               1: 0100007F:9C40 0100007F:1F59 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
            """
        let found = FirewallFacts.listeners(table)
        #expect(found.map(\.port) == [8025] && found.map(\.inode) == [4711])
        #expect(FirewallFacts.listeners("").isEmpty && FirewallFacts.listeners("0: x:y z 0A 1 2 3 4 5 6").isEmpty)
    }

    /// More descriptors than readdir(3) takes from the kernel at once; under the address sanitizer each byte read of its entries counts.
    @Test func aProcessWithManyDescriptors() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised)
        defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        let copies = (0..<2000).map { _ in dup(2) }
        defer { for copy in copies { close(copy) } }
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        try #require(copies.allSatisfy { $0 >= 0 } && listen(listener, 1) == 0)
        var facts = FirewallFacts()
        facts.tarpitPort = nil
        facts.gatherListeners(of: [getpid()])
        #expect(facts.tarpitPort != nil)
    }

    @Test func dockersProxy() {
        func line(_ arguments: String...) -> [UInt8] { Array(arguments.joined(separator: "\0").utf8) + [0] }
        #expect(
            FirewallFacts.proxiedPort(line("/usr/bin/docker-proxy", "-proto", "tcp", "-host-port", "25", "-container-port", "2525")) == 25)
        #expect(FirewallFacts.proxiedPort(line("/usr/bin/docker-proxy", "-host-port")) == nil)
        #expect(FirewallFacts.proxiedPort(line("/usr/bin/other", "-host-port", "25")) == nil)
        #expect(FirewallFacts.proxiedPort([]) == nil)
    }

    @Test func listingsAreParsedOrRefusedWhole() throws {
        #expect(try JSONNode(parsing: #" {"a": [1, -2, true, false, null, "x\né\"\\"], "b": {}} "#)["a"]?.items.count == 6)
        #expect(try JSONNode(parsing: #""a\u00e9\/""#).text == "aé/")
        for text in ["", "{", "[1,]", #"{"a"}"#, #""open"#, "[1] 2", "nul", #""\x""#, "1.5", #"{"a":1,}"#] {
            #expect(throws: JSONNode.Fault.self, "\(text)") { try JSONNode(parsing: text) }
        }
        let deep = String(repeating: "[", count: JSONNode.depthLimit)
        #expect(throws: JSONNode.Fault.self) { try JSONNode(parsing: deep + "1" + String(repeating: "]", count: JSONNode.depthLimit)) }
        let fits = String(repeating: "[", count: JSONNode.depthLimit - 1)
        _ = try JSONNode(parsing: fits + "1" + String(repeating: "]", count: JSONNode.depthLimit - 1))
    }

    @Test func gathersFromThisMachine() {
        var facts = FirewallFacts()
        facts.gather()
        #expect(!facts.interfaces.contains { $0.name == "lo" })
    }
}
