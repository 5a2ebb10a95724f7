import Foundation
import TestSupport
import Testing

/// What the set-up's scripts do to a machine that is not fresh.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct ScriptTests {
    private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../scripts")
        .standardizedFileURL.path

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
}
