import Addressing
import Testing

@testable import Settings

/// spamd's switches: taken apart as getopt(3) does, and put over the file.
@Suite struct SwitchTests {
    @Test(arguments: [
        (["-dvG25:4:864"], ["-d", "-v", "-G", "25:4:864"]), (["-G25:4:864"], ["-G", "25:4:864"]),
        (["-G", "25:4:864"], ["-G", "25:4:864"]),
        (["-45bdv"], ["-4", "-5", "-b", "-d", "-v"]), (["-l127.0.0.1", "-l", "::1"], ["-l", "127.0.0.1", "-l", "::1"]),
        (["-vhmx.example.org", "-n-spamd"], ["-v", "-h", "mx.example.org", "-n", "-spamd"]), (["-n", "-b"], ["-n", "-b"]),
        (["--config", "/x", "-d"], ["--config", "/x", "-d"]), (["--", "-dv"], ["--", "-dv"]), (["-"], ["-"]), (["-G"], ["-G"]), ([], []),
        (["-x4"], ["-x", "-4"]),
    ])
    func clusters(arguments: [String], parts: [String]) {
        #expect(SwitchClusters.split(arguments) == parts)
    }

    @Test func times() {
        let times = GreylistTimes("25:4:864")
        #expect(times?.passtime == .seconds(1500) && times?.greyexp == .seconds(14_400) && times?.whiteexp == .seconds(864 * 3600))
        for text in ["", "25:4", "25:4:864:1", "a:4:864", "-1:4:864", "25:0:864", "25:4:0", "25::864", "43201:4:864"] {
            #expect(GreylistTimes(text) == nil, "\(text)")
        }
    }

    @Test func switchesOverrideTheFile() throws {
        var switches = Switches()
        switches.errorCode = 550
        switches.isBlacklistOnly = true
        switches.isDebugging = true
        switches.isVerbose = true
        switches.maximumBlack = 10
        switches.maximumConnections = 20
        switches.certificate = "/c"
        switches.key = "/k"
        switches.times = GreylistTimes("1:2:3")
        switches.hostname = "h"
        switches.addresses = [.ipv4Loopback]
        switches.lowPriorityMX = [IPAddress("192.0.2.9")!]
        switches.banner = "b"
        switches.port = 9
        switches.greyStutter = 0
        switches.stutter = 2
        switches.window = 3
        switches.stateDirectory = "/s"
        switches.runtimeDirectory = "/r"
        let text = "[log]\nverbose = false\n[tarpit]\nerror-code = 450\n[listen]\nport = 1"
        let configuration = try ConfigurationReader.read(text, path: "x", switches: switches)
        var expected = Configuration()
        expected.mode = .blacklistOnly
        expected.hostname = "h"
        expected.listen = .init(addresses: [.ipv4Loopback], port: 9)
        expected.greylist.passtime = .seconds(60)
        expected.greylist.greyexp = .seconds(7200)
        expected.greylist.whiteexp = .seconds(10_800)
        expected.greylist.lowPriorityMX = [IPAddress("192.0.2.9")!]
        expected.tarpit.banner = "b"
        expected.tarpit.stutter = .seconds(2)
        expected.tarpit.greyStutter = .zero
        expected.tarpit.errorCode = 550
        expected.tarpit.maximumConnections = 20
        expected.tarpit.maximumBlack = 10
        expected.tarpit.window = 3
        expected.tls.certificate = "/c"
        expected.tls.key = "/k"
        expected.log.level = .debug
        expected.stateDirectory = "/s"
        expected.runtimeDirectory = "/r"
        #expect(configuration == expected)
    }

    @Test func derivedLimits() {
        var configuration = Configuration()
        let plain = DerivedLimits(configuration, cores: 2, fileLimit: 20_000, connectionTable: 262_144)
        #expect(plain.workers == 2 && plain.maximumConnections == 38_000 && plain.maximumBlack == 34_200 && plain.notes.isEmpty)
        #expect(
            DerivedLimits(configuration, cores: 8, fileLimit: 1_000_000, connectionTable: 262_144).maximumConnections
                == DerivedLimits.unaskedConnections)
        // A small machine's connection table is not filled by us alone; who asks for more gets it, and `firewall check` warns.
        let table = DerivedLimits(configuration, cores: 2, fileLimit: 1_000_000, connectionTable: 65_536)
        #expect(table.maximumConnections == 32_768 && table.maximumBlack == 29_491 && table.notes.isEmpty)
        configuration.tarpit.maximumConnections = 100_000
        #expect(DerivedLimits(configuration, cores: 2, fileLimit: 1_000_000, connectionTable: 65_536).maximumConnections == 100_000)
        let many = DerivedLimits(configuration, cores: 2, fileLimit: 20_000, connectionTable: 262_144)
        #expect(many.workers == 6 && many.maximumConnections == 100_000 && many.maximumBlack == 90_000)
        configuration.listen.workers = 1
        let few = DerivedLimits(configuration, cores: 2, fileLimit: 20_000, connectionTable: 262_144)
        #expect(few.workers == 1 && few.maximumConnections == 19_000 && few.notes.count == 1)
        configuration.tarpit.maximumConnections = 600
        configuration.tarpit.maximumBlack = 500
        let small = DerivedLimits(configuration, cores: 2, fileLimit: 1024, connectionTable: 262_144)
        #expect(small.maximumConnections == 600 && small.maximumBlack == 500 && small.notes.isEmpty)
        #expect(DerivedLimits.connectionsPerWorker(fileLimit: 10) == 1)
        #expect(DerivedLimits.connectionsPerWorker(fileLimit: 1024) == 960)
    }

    @Test func nearest() {
        #expect(NearestName.distance(Array("port".utf8), Array("port".utf8)) == 0)
        #expect(NearestName.distance(Array("prot".utf8), Array("port".utf8)) == 1)
        #expect(NearestName.distance(Array("".utf8), Array("port".utf8)) == 4)
        #expect(NearestName.find("x", among: []) == nil)
    }
}
