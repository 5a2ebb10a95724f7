import Foundation
import TestSupport
import Testing

/// What the set-up's scripts do to a machine that is not fresh.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct ScriptTests {
    private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../scripts")
        .standardizedFileURL.path

    /// A greymoatd that runs is told, or it would take what is done to its table for an accident.
    @Test func downStaysDown() throws {
        let site = try Site()
        let outcome = try InstalledShell.attempt("'\(Self.scripts)/up' --down", on: site)
        #expect(outcome.status == 0 && outcome.errors.contains("the ruleset is gone"), "\(outcome)")
        #expect(try site.host.run("nft", "list", "tables") == "")
        #expect(try InstalledShell.attempt("'\(Self.scripts)/up' --down", on: site).errors.contains("nothing to take away"))
        // One that cannot be told: its socket is elsewhere.
        #expect(try site.greymoat("firewall", "apply").status == 0)
        let untold = try InstalledShell.attempt("GREYMOAT_SOCKET=/nonexistent '\(Self.scripts)/up' --down", on: site)
        #expect(untold.status == 69 && untold.errors.contains("greymoatd runs and has loaded the ruleset again"), "\(untold)")
    }

    /// userdel(8) leaves a group that somebody else is in.
    @Test func usersWhoseGroupIsThere() throws {
        let site = try Site(start: false)
        let lines = """
            set -e
            cp -a /etc etc
            sed -i /^greymoat/d etc/passwd etc/shadow etc/group etc/gshadow
            mount --bind etc /etc
            groupadd --system greymoat-engine
            bash -c '. "$0/common"; make_users' '\(Self.scripts)'
            id -gn greymoat-engine
            """
        #expect(try InstalledShell.run(lines, on: site).lines == ["greymoat-engine"])
    }

    /// What cannot be taken away, since somebody else's account hangs on it, keeps nobody from purging the rest.
    @Test func groupsOfOthersOutliveThePurge() throws {
        let site = try Site(start: false)
        let lines = """
            set -e
            cp -a /etc etc
            mount --bind etc /etc
            mount -t tmpfs none /run
            mount -t tmpfs none /var/lib
            mkdir -p /etc/greymoat /var/lib/greymoat
            bash -c '. "$0/common"; make_users' '\(Self.scripts)'
            useradd --gid greymoat greymoats-friend
            sh '\(Self.scripts)/debian/greymoat.postrm' purge
            test ! -e /etc/greymoat -a ! -e /var/lib/greymoat
            getent group greymoat | cut -d: -f1
            """
        #expect(try InstalledShell.run(lines, on: site).lines == ["greymoat"])
    }
}
