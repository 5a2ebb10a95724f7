import Foundation
import TestSupport
import Testing

/// What keeps greymoatd from starting is one clear sentence and the exit status interface.md gives it.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndStartupFailureTests {
    private func outcome(of site: Site, _ switches: [String] = [], prefix: [String] = []) throws -> (status: Int32?, log: String) {
        let process = try site.host.spawn(prefix + site.daemonArguments + switches)
        let status = process.waitForExit(within: .seconds(20))
        if status == nil { process.kill() }
        return (status, process.log)
    }

    @Test func everyConfigurationFaultIsNamed() throws {
        let site = try Site(
            configuration: ["greylist": "passtme = \"3s\"\ngreyexp = \"soon\"\ngroup-ipv4 = 33\nalloweddomains = \"\""], start: false)
        let (status, log) = try outcome(of: site)
        #expect(status == 78)
        for part in ["greymoat.toml", "passtme", "passtime", "greyexp", "soon", "group-ipv4", "33"] {
            #expect(log.contains(part), "\(log)")
        }
    }

    @Test func usage() throws {
        let site = try Site(start: false)
        for switches in [["-Y", "192.0.2.1"], ["-s", "11"], ["-S", "91"], ["-G", "4:1"], ["--no-such-switch"]] {
            #expect(try outcome(of: site, switches).status == 64, "\(switches)")
        }
    }

    @Test func aMissingPrivilegeIsNamed() throws {
        let site = try Site(start: false)
        // A checkout below a closed directory would be another complaint.
        let ruleset = site.directory + "/greymoat.nft"
        try FileManager.default.copyItem(atPath: Site.ruleset, toPath: ruleset)
        let text = try String(contentsOfFile: site.directory + "/greymoat.toml", encoding: .utf8)
        try text.replacing(Site.ruleset, with: ruleset).write(toFile: site.directory + "/greymoat.toml", atomically: true, encoding: .utf8)
        let (status, log) = try outcome(of: site, prefix: ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
        #expect(status == 77)
        #expect(log.contains("CAP_NET_ADMIN") || log.contains("root"), "\(log)")
        #expect(log.split(separator: "\n").count == 1, "one sentence: \(log)")
    }

    @Test func aTakenPortIsNamed() throws {
        let site = try Site(start: false)
        let taken = try site.host.listen(port: 8025)
        let (status, log) = try outcome(of: site)
        #expect(status == 69)
        #expect(log.contains("8025"), "\(log)")
        withExtendedLifetime(taken) {}
    }

    @Test func aSecondDaemonIsRefusedAndHarmsNothing() throws {
        let site = try Site()
        try site.spamdb("-a", "198.51.100.7")
        let (status, log) = try outcome(of: site, ["-p", "8026"])
        #expect(status == 69)
        #expect(log.contains("greymoatd"), "\(log)")
        #expect(try site.elements(of: "white").keys.sorted() == ["198.51.100.7"])
        #expect(try site.offerMail(on: site.connect(.ipv4)).code == 451)
    }
}
