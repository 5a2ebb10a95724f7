import Addressing
import ControlProtocol
import Foundation
import LinuxIO
import Moments
import RoleMessages
import Testing

@testable import GreylistEngine

/// Blocklists from spamd.conf to the tarpit's verdicts.
@Suite struct BlocklistStoryTests {
    private let conf = #"""
        all:\
        	:spews1:override:myblack:
        spews1:\
        	:black:\
        	:msg="SPAM. Your address %A is in the spews list":\
        	:method=http:\
        	:file=www.spews.org/list.txt:
        override:\
        	:white:\
        	:file=/var/mail/override.txt:
        myblack:\
        	:black:\
        	:msg=/var/mail/myblackmsg.txt:\
        	:method=exec:\
        	:file=/usr/local/bin/mylist -a:
        """#
    private let spews = FetchOrder.Source.url("http://www.spews.org/list.txt")
    private let override = FetchOrder.Source.file("/var/mail/override.txt")
    private let myblack = FetchOrder.Source.command(["/usr/local/bin/mylist", "-a"])
    private let message = FetchOrder.Source.file("/var/mail/myblackmsg.txt")

    /// An engine whose four sources have been fetched.
    private func loaded(_ directory: String? = nil, clock: ManualClock = ManualClock()) throws -> (EngineHarness, FakeFetchers) {
        let harness = try EngineHarness(clock: clock, directory: directory, blocklists: conf)
        let fetchers = FakeFetchers(harness: harness)
        try answerAll(fetchers)
        let said = try harness.log(until: "blocklists: 2 lists")
        #expect(!said.contains { $0.contains("blocks nobody") }, "nothing had failed: \(said)")
        return (harness, fetchers)
    }

    private func answerAll(_ fetchers: FakeFetchers) throws {
        // Three at once; the fourth comes when one has ended.
        var wanted = try fetchers.wanted(3)
        try fetchers.answer(
            wanted[spews], "192.0.2.0/24\n2001:db8::/32\n", .complete(entityTag: "\"v1\"", lastModified: "Sat, 21 Nov 2026 06:00:00 GMT"))
        wanted.merge(try fetchers.wanted(1)) { first, _ in first }
        try fetchers.answer(wanted[override], "192.0.2.7\n")
        try fetchers.answer(wanted[myblack], "192.0.2.7 - 192.0.2.9\n")
        try fetchers.answer(wanted[message], "Go away, %A\n\n")
    }

    @Test func listedHostsAreBlackWithEachListsMessage() throws {
        let (harness, _) = try loaded()
        let tarpit = try harness.tarpit()
        let spewsText = "SPAM. Your address %A is in the spews list"
        #expect(try tarpit.connect(1, "192.0.2.8") == .black(messages: [spewsText, "Go away, %A"]))
        #expect(try harness.log(until: "192.0.2.8: connected (1/1), lists: spews1 myblack").count > 0)
        #expect(try tarpit.connect(2, "192.0.2.7") == .black(messages: ["Go away, %A"]), "spared from the list before the white one alone")
        #expect(try tarpit.connect(3, "2001:db8:1::1") == .black(messages: [spewsText]))
        #expect(try tarpit.connect(4, "192.0.3.1") == .grey)
        // A listed host's attempts are answered and not recorded.
        try tarpit.recipient(1, 1, to: "<peter@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))
        #expect(try harness.rows() == [])
        #expect(try harness.control().status().connections.black == 3)
    }

    @Test func showTellsWhatIsLoaded() throws {
        let (harness, _) = try loaded()
        let control = try harness.control()
        guard case .blocklists(let lists)? = try control.ask(.showBlocklists).first else { throw SystemError("show", code: 0) }
        #expect(lists.map(\.name) == ["spews1", "override", "myblack"])
        #expect(lists.map(\.black) == [true, false, true])
        #expect(lists.map(\.entries) == [2, 1, 1])
        #expect(lists.map(\.source) == ["http://www.spews.org/list.txt", "/var/mail/override.txt", "exec:/usr/local/bin/mylist -a"])
        #expect(lists.allSatisfy { $0.loaded == harness.clock.now.wall && $0.failure == nil })
    }

    @Test func aSourceThatFailsKeepsItsLastGoodCopyAndSaysSo() throws {
        let (harness, fetchers) = try loaded()
        let control = try harness.control()
        try control.send(.loadBlocklists(dryRun: false))
        var wanted = try fetchers.wanted(3)
        #expect(wanted[spews]?.order.entityTag == "\"v1\"" && wanted[spews]?.order.lastModified == "Sat, 21 Nov 2026 06:00:00 GMT")
        try fetchers.answer(wanted[spews], "<html>Service Unavailable</html>")
        wanted.merge(try fetchers.wanted(1)) { first, _ in first }
        try fetchers.refuse(wanted[override], "has to wait, since 4 others are being fetched")
        try fetchers.answer(wanted[myblack], "192.0.2.7", .failed("exited with status 3"))
        try fetchers.answer(wanted[message], "", .failed("cannot be read: Permission denied"))
        let replies = try control.answer()
        guard case .blocklists(let lists)? = replies.dropLast().last else { throw SystemError("load", code: 0) }
        #expect(
            lists.map(\.failure) == [
                "http://www.spews.org/list.txt is a web page instead of a list of addresses",
                "/var/mail/override.txt has to wait, since 4 others are being fetched",
                "exec:/usr/local/bin/mylist -a exited with status 3",
            ])
        #expect(lists.map(\.entries) == [2, 1, 1])
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, "192.0.2.8") != .grey)
        _ = try harness.log(
            until: "blocklist spews1: http://www.spews.org/list.txt is a web page instead of a list of addresses; the copy of 2 entries")
        #expect(try control.status().warnings.contains { $0.hasPrefix("blocklist myblack: ") })
    }

    @Test func copiesOutliveTheEngine() throws {
        let (first, _) = try loaded()
        try first.stop()
        let again = try EngineHarness(clock: first.clock, directory: first.directory, blocklists: conf)
        _ = try again.log(until: "blocklists: 2 lists")
        let tarpit = try again.tarpit()
        #expect(try tarpit.connect(1, "192.0.2.7") == .black(messages: ["Go away, %A"]), "before anything was fetched")
        let wanted = try FakeFetchers(harness: again).wanted(3)
        #expect(wanted[spews]?.order.entityTag == "\"v1\"")
        let kept = try FileManager.default.contentsOfDirectory(atPath: first.directory + "/blocklists").sorted()
        #expect(kept == ["myblack.list", "myblack.message", "override.list", "spews1.list"])
        try again.stop()
        // Lists that are gone take their files with them; another source is another list.
        let other = try EngineHarness(
            clock: first.clock, directory: first.directory, blocklists: "all:spews1:\nspews1:black:msg=\"m\":method=https:file=elsewhere/x:"
        )
        let order = try FakeFetchers(harness: other).wanted().order
        #expect(order.source == .url("https://elsewhere/x") && order.entityTag.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: first.directory + "/blocklists") == ["spews1.list"])
    }

    /// A start goes on over a faulty spamd.conf, with no list of it, and forgets none.
    @Test func copiesOutliveAFaultyFile() throws {
        let (first, _) = try loaded()
        try first.stop()
        let faulty = try EngineHarness(clock: first.clock, directory: first.directory, blocklists: "all:none:")
        _ = try faulty.log(until: "there is no record \"none\"")
        #expect(try faulty.tarpit().connect(1, "192.0.2.7") == .grey)
        #expect(try faulty.control().ask(.showBlocklists) == [.blocklists([]), .done])
        // They are in force as soon as the file is good again, whatever the fetches bring.
        faulty.spamdConf = conf
        let control = try faulty.control()
        try control.send(.loadBlocklists(dryRun: false))
        let fetchers = FakeFetchers(harness: faulty)
        _ = try fetchers.wanted(3)
        _ = try faulty.log(until: "blocklists: 2 lists")
        #expect(try faulty.tarpit(worker: 1).connect(1, "192.0.2.7") == .black(messages: ["Go away, %A"]))
        try faulty.stop()
        let again = try EngineHarness(clock: first.clock, directory: first.directory, blocklists: conf)
        _ = try again.log(until: "blocklists: 2 lists")
    }

    /// Lists that are given up have listed the world, so that their users would notice.
    @Test func aListOfTheWorldIsToldOf() throws {
        let harness = try EngineHarness(blocklists: "all:a:b:\na:black:msg=\"a\":file=/a:\nb:black:msg=\"b\":file=/b:")
        let fetchers = FakeFetchers(harness: harness)
        let wanted = try fetchers.wanted(2)
        try fetchers.answer(wanted[.file("/a")], "0.0.0.0/0")
        try fetchers.answer(wanted[.file("/b")], "10.0.0.0/8\n2001:db8::/32")
        let said = try harness.log(until: "blocklist a names most of all addresses")
        #expect(!said.contains { $0.contains("blocklist b names") })
    }

    @Test func unchangedListsAreNotBuiltAgain() throws {
        let (harness, fetchers) = try loaded()
        let control = try harness.control()
        try control.send(.loadBlocklists(dryRun: false))
        let wanted = try fetchers.wanted(3)
        for source in [spews, override, myblack] { try fetchers.answer(wanted[source] ?? fetchers.wanted(), "", .notModified) }
        try fetchers.answer(fetchers.wanted(), "Go away, %A")
        #expect(try control.answer().last == .done)
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, "192.0.2.7") == .black(messages: ["Go away, %A"]))
    }

    @Test func aDryRunChangesNothing() throws {
        let (harness, fetchers) = try loaded()
        let control = try harness.control()
        try control.send(.loadBlocklists(dryRun: true))
        let wanted = try fetchers.wanted(3)
        for source in [spews, override, myblack] {
            guard let wanted = wanted[source] else { continue }
            try fetchers.answer(wanted, "198.51.100.0/24\n198.51.100.1\n203.0.113.1\n")
        }
        let last = try fetchers.wanted()
        try fetchers.answer(last, "198.51.100.1\n")
        guard case .blocklists(let lists)? = try control.answer().dropLast().last else { throw SystemError("load", code: 0) }
        #expect(lists.first?.entries == 3, "what would be loaded")
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, "192.0.2.8") != .grey)
        #expect(try tarpit.connect(2, "198.51.100.1") == .grey)
    }

    @Test func theRefreshTimerAndTheRetryOfWhatFailed() throws {
        let clock = ManualClock()
        let (harness, fetchers) = try loaded(clock: clock)
        clock.advance(3601)
        var wanted = try fetchers.wanted(3)
        for (source, wanted) in wanted {
            if source == spews {
                try fetchers.answer(wanted, "", .failed("did not answer"))
            } else {
                try fetchers.answer(wanted, "", .notModified)
            }
        }
        wanted = try fetchers.wanted(1)
        try fetchers.answer(wanted.values.first, "Go away, %A")
        _ = try harness.log(until: "did not answer")
        // One minute later what failed is tried again, and nothing else.
        let retried = try fetchers.wanted(advancing: 61)
        #expect(retried.order.source == spews)
        try fetchers.answer(retried, "", .notModified)
        #expect(try fetchers.wanted(advancing: 3601).order.source == spews)
        #expect(try fetchers.wanted(2).count == 2, "all of them again")
    }

    @Test func aFetchThatDiesIsAFailure() throws {
        let harness = try EngineHarness(blocklists: "all:a:\na:black:msg=\"m\":file=/a:")
        let fetchers = FakeFetchers(harness: harness)
        let wanted = try fetchers.wanted()
        do {
            let pair = try FileDescriptor.socketPair(.stream)
            try harness.supervisor.send(SupervisorOrder.link(.fetch(request: wanted.request)).packet(), descriptors: [pair.second.number])
        }
        _ = try harness.log(
            until: "greymoat-fetch ended before it was done; see the log; there is no earlier copy, so the list blocks nobody")
        let again = try fetchers.wanted(advancing: 61)
        let pair = try FileDescriptor.socketPair(.stream)
        try harness.supervisor.send(SupervisorOrder.link(.fetch(request: again.request)).packet(), descriptors: [pair.second.number])
        try pair.first.writeAll([0, 0, 0, 9, 77, 77, 1, 2, 3, 4, 5, 6, 7])
        _ = try harness.log(until: "could not be taken over from greymoat-fetch")
    }

    /// A list that waits for its first fetch is no news; one whose fetch failed is, once, and so is one that misses its white list.
    @Test func whatBlocksNobodyIsSaidWhenItsFetchFailed() throws {
        let harness = try EngineHarness(
            blocklists: "all:a:w:b:\na:black:msg=\"m\":file=/a:\nw:white:file=/w:\nb:black:msg=\"m\":file=/b:")
        let fetchers = FakeFetchers(harness: harness)
        let wanted = try fetchers.wanted(3)
        try fetchers.answer(wanted[.file("/b")], "", .failed("did not answer"))
        #expect(try harness.log(until: "blocklist b: /b did not answer").allSatisfy { !$0.contains("blocks nobody:") })
        try fetchers.answer(wanted[.file("/a")], "192.0.2.1")
        try fetchers.answer(wanted[.file("/w")], "", .failed("did not answer"))
        let said = try harness.log(until: "blocklist a blocks nobody: no copy of \"w\", which spares addresses of \"a\", was ever fetched")
        #expect(!said.contains { $0.contains("blocklist b blocks nobody") }, "its fetch said so")
    }

    /// A round that brings nothing new builds no table: what is missing is said all the same.
    @Test func whatBlocksNobodyIsSaidWithoutANewTable() throws {
        let first = try EngineHarness(blocklists: "all:a:\na:black:msg=\"m\":file=/a:")
        try FakeFetchers(harness: first).answer(FakeFetchers(harness: first).wanted(), "192.0.2.1")
        _ = try first.log(until: "blocklists: 1 list, 1 entry")
        try first.stop()
        let harness = try EngineHarness(
            clock: first.clock, directory: first.directory, blocklists: "all:a:w:\na:black:msg=\"m\":file=/a:\nw:white:file=/w:")
        let fetchers = FakeFetchers(harness: harness)
        let wanted = try fetchers.wanted(2)
        try fetchers.answer(wanted[.file("/a")], "", .notModified)
        try fetchers.answer(wanted[.file("/w")], "", .failed("did not answer"))
        #expect(try harness.log(until: "blocklist w: /w did not answer").allSatisfy { !$0.contains("blocks nobody:") })
        _ = try harness.log(until: "blocklist a blocks nobody: no copy of \"w\", which spares addresses of \"a\", was ever fetched")
    }

    @Test func reloadTakesNewListsOverAndRefusesFaultyOnes() throws {
        let (harness, fetchers) = try loaded()
        func reload(_ text: String?) throws {
            var configuration = EngineConfiguration()
            configuration.databasePath = harness.directory + "/greymoat.db"
            configuration.controlGroup = UInt32(getgid())
            configuration.hasBlocklists = text != nil
            configuration.blocklistsPath = "spamd.conf"
            let file = try FileDescriptor.memoryFile(named: "spamd.conf", holding: Array((text ?? "").utf8))
            try harness.supervisor.send(
                SupervisorOrder.reload(.engine(configuration)).packet(), descriptors: text == nil ? [] : [file.number])
        }
        let tarpit = try harness.tarpit()
        try reload("all:none:")
        _ = try harness.log(until: "spamd.conf: line 1: there is no record \"none\" for this list")
        // Whoever asked for the reload hears of it.
        var failure: String??
        while failure == nil { if case .reloaded(let said) = try harness.nextNotice() { failure = .some(said) } }
        #expect(failure??.contains("there is no record \"none\"") == true)
        #expect(try tarpit.connect(1, "192.0.2.8") != .grey)
        #expect(try harness.control().status().warnings.contains { $0.contains("the lists stay as they were") })
        try reload("all:new:\nnew:black:msg=\"new\":file=/new:")
        try fetchers.answer(fetchers.wanted(), "198.51.100.1")
        _ = try harness.log(until: "blocklists: 1 list, 1 entry")
        #expect(try tarpit.connect(2, "192.0.2.8") == .grey)
        #expect(try tarpit.connect(3, "198.51.100.1") == .black(messages: ["new"]))
        try reload(nil)
        let control = try harness.control()
        #expect(try control.ask(.showBlocklists) == [.blocklists([]), .done])
        harness.spamdConf = nil
        let missing = "there is no spamd.conf: write one (spamd-setup(8) shows how); the lists stay as they were"
        #expect(try refusal(of: control, harness) == missing)
    }

    private func refusal(of control: FakeControlClient, _ harness: EngineHarness, dryRun: Bool = false) throws -> String? {
        try control.send(.loadBlocklists(dryRun: dryRun))
        while try harness.nextNotice() != .blocklistsWanted {}
        try harness.giveBlocklists()
        guard case .failure(let sentence, 2)? = try control.answer().last else { return nil }
        return sentence
    }

    /// As spamd-setup reads its file each time.
    @Test func anEditedFileIsLoadedWithoutAReload() throws {
        let (harness, fetchers) = try loaded()
        let control = try harness.control()
        let tarpit = try harness.tarpit()
        harness.spamdConf = "all:none:"
        let refused = try refusal(of: control, harness)
        #expect(refused?.contains("there is no record \"none\"") == true)
        #expect(try tarpit.connect(1, "192.0.2.8") != .grey)
        harness.spamdConf = "all:new:\nnew:black:msg=\"new\":file=/new:"
        #expect(try refusal(of: control, harness, dryRun: true)?.hasPrefix("spamd.conf is good, and has changed") == true)
        #expect(try tarpit.connect(2, "192.0.2.8") != .grey)
        try control.send(.loadBlocklists(dryRun: false))
        try fetchers.answer(fetchers.wanted(), "198.51.100.1")
        guard case .blocklists(let lists)? = try control.answer().dropLast().last else { throw SystemError("load", code: 0) }
        #expect(lists.map(\.name) == ["new"] && lists.map(\.entries) == [1])
        #expect(try tarpit.connect(3, "192.0.2.8") == .grey)
        #expect(try tarpit.connect(4, "198.51.100.1") == .black(messages: ["new"]))
        #expect(try harness.control().status().warnings.allSatisfy { !$0.contains("spamd.conf") })
    }
}
