import Foundation
import TestSupport
import Testing

/// What the commands say when something stands in their way, with the real programs.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndCommandMessageTests {
    private let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

    private func greymoat(_ site: Site, _ words: [String], as user: [String] = []) throws -> LabHost.Outcome {
        try site.host.attempt(
            user + [
                "env", "GREYMOAT_SOCKET=\(site.directory)/run/control.sock", "GREYMOAT_DATABASE=\(site.directory)/state/greymoat.db",
                site.directory + "/bin/greymoat",
            ] + words)
    }

    /// A site whose programs every user can reach.
    private func site(start: Bool = true) throws -> Site {
        let site = try Site(start: start)
        try FileManager.default.createDirectory(atPath: site.directory + "/bin", withIntermediateDirectories: true)
        for program in ["greymoat", "greymoat-engine"] {
            try FileManager.default.copyItem(
                atPath: URL(fileURLWithPath: Site.binaries + "/" + program).resolvingSymlinksInPath().path,
                toPath: site.directory + "/bin/" + program)
        }
        return site
    }

    @Test func noPermission() throws {
        let site = try site()
        let outcome = try greymoat(site, ["status"], as: nobody)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("you may not use \(site.directory)/run/control.sock: run this as root, or join the group greymoat"))
        // Of nft's own words nothing is left.
        let sentence = "greymoat: nft may not look at the firewall or change it: run this as root\n"
        #expect(try greymoat(site, ["firewall", "show"], as: nobody).errors == sentence)
        #expect(try greymoat(site, ["firewall", "show"]).output.contains("chain prerouting"))
    }

    @Test func noDaemon() throws {
        let site = try site()
        #expect(site.daemon?.terminate() == 0)
        let denied = try greymoat(site, ["list"], as: nobody)
        #expect(denied.status == 69 && denied.errors.contains("you may not read \(site.directory)/state/greymoat.db"), "\(denied)")
        let check = try greymoat(site, ["firewall", "check"], as: nobody).errors
        #expect(check.hasSuffix("\ngreymoat: nft lists no rules: run this as root\n") && !check.contains("netlink"), "\(check)")
        #expect(try greymoat(site, ["firewall", "remove"]).status == 0)
        let again = try greymoat(site, ["firewall", "remove"])
        #expect(again.status == 1 && again.errors == "greymoat: there is no table inet greymoat\n")
    }

    @Test func theDatabaseIsInUse() throws {
        let site = try site()
        // Another daemon, for another table and place, that is given the same database.
        let other = try site.host.spawn([
            Site.binaries + "/greymoatd", "--config", "/dev/null", "--state-dir", site.directory + "/state",
            "--runtime-dir", site.directory + "/other", "-p", "8925",
        ])
        #expect(other.waitForExit(within: .seconds(20)) == 69)
        #expect(other.log.contains("another greymoatd already runs with \(site.directory)/state"), "\(other.log)")
        #expect(try greymoat(site, ["list"]).status == 0)
    }

    @Test func anUnknownKey() throws {
        let site = try site()
        let path = site.directory + "/greymoat.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing("passtime = \"3s\"", with: "pastime = \"3s\"").write(toFile: path, atomically: true, encoding: .utf8)
        let outcome = try greymoat(site, ["reload"])
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("pastime") && outcome.errors.contains("passtime"), "\(outcome.errors)")
    }
}
