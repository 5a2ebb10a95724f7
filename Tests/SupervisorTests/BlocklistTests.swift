import Foundation
import TestSupport
import Testing

/// What blocklists need of the supervisor: spamd.conf read as root, fetchers for its sources alone, the configuration port.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct BlocklistTests {
    private func house(fetching url: String, times: Int = 1) throws -> StubHouse {
        let house = try StubHouse()
        let lists =
            "all:\\\n\t:nixspam:\nnixspam:\\\n\t:black:\\\n\t:msg=\"no\":\\\n\t:method=https:\\\n\t:file=lists.example.org/nixspam:\n"
        try Data(lists.utf8).write(to: URL(fileURLWithPath: house.directory + "/spamd.conf"))
        try house.configure("[blocklists]\nconfig = \"\(house.directory)/spamd.conf\"\nconfig-port = 8026")
        try house.script("greymoat-engine", String(repeating: "fetch \(url)\n", count: times))
        return house
    }

    @Test func aNamedSourceIsFetched() throws {
        let house = try house(fetching: "https://lists.example.org/nixspam")
        let daemon = try house.start()
        // The control socket, the packet log, spamd.conf and the configuration port's listener.
        try daemon.waitForLog("greymoat-engine starts with 4 descriptors")
        try daemon.waitForLog("greymoat-engine is linked to fetch(request: 5)")
        try daemon.waitForLog("greymoat-fetch starts with 1 descriptors source=url(\"https://lists.example.org/nixspam\")")
        try daemon.waitForLog("greymoat-engine hears greymoat-fetch")
        let client = try house.host.connect(to: "127.0.0.1", port: 8026)
        withExtendedLifetime(client) {}
        let fetcher = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-fetch").first)
        #expect(fetcher.field("CapEff") == ["0000000000000000"])
        #expect(daemon.terminate() == 0)
        #expect(!fetcher.isAlive)
    }

    @Test func anythingElseIsNot() throws {
        let house = try house(fetching: "https://lists.example.org/other")
        let daemon = try house.start()
        try daemon.waitForLog("greymoat-engine fetch 5 refused: is not in \(house.directory)/spamd.conf as greymoatd read it")
        #expect(ProcessEntry.children(of: daemon.pid, running: "greymoat-fetch").isEmpty)
        #expect(daemon.terminate() == 0)
    }

    @Test func fourAtOnceAndNoMore() throws {
        let house = try house(fetching: "https://lists.example.org/nixspam", times: 5)
        let daemon = try house.start()
        for request in 5...8 { try daemon.waitForLog("greymoat-engine is linked to fetch(request: \(request))") }
        try daemon.waitForLog("greymoat-engine fetch 9 refused: has to wait, since 4 others are being fetched")
        #expect(ProcessEntry.children(of: daemon.pid, running: "greymoat-fetch").count == 4)
        #expect(daemon.terminate() == 0)
    }

    @Test func aTakenConfigurationPortIs69() throws {
        let house = try house(fetching: "https://lists.example.org/nixspam")
        let taken = try house.host.listen(port: 8026, address: "127.0.0.1")
        let outcome = try house.attempt()
        withExtendedLifetime(taken) {}
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("port 8026 of 127.0.0.1 is taken"))
        #expect(outcome.errors.contains("[blocklists] config-port"))
    }
}
