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

    /// What the administrator keeps at its version (apt-mark(8) hold) is there, and what is there for two architectures.
    @Test func packagesThatAreInstalled() throws {
        let site = try Site(start: false)
        let lines = """
            set -e
            mkdir dpkg dpkg/info dpkg/updates
            sed '/^Package: nftables$/,/^Status:/s/^Status: install /Status: hold /' /var/lib/dpkg/status >dpkg/status
            grep -q '^Status: hold ok installed' dpkg/status
            printf 'amd64\\ni386\\n' >dpkg/arch
            for name in i386 amd64; do
                printf 'Package: both\\nStatus: install ok installed\\nMaintainer: nobody\\nArchitecture: %s\\n' $name >>dpkg/status
                printf 'Multi-Arch: same\\nVersion: 1\\nDescription: both\\n\\n' >>dpkg/status
            done
            export DPKG_ADMINDIR=$PWD/dpkg
            for name in nftables both; do bash -c '. "$0/common"; is_installed $1 || die $1' '\(Self.scripts)' $name; done
            ! bash -c '. "$0/common"; is_installed neither' '\(Self.scripts)'
            """
        _ = try InstalledShell.run(lines, on: site)
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

    /// Where dpkg owns the programs; a package in the making is none that is installed.
    @Test func packagesFilesAreLeftToDpkg() throws {
        let site = try Site(start: false)
        let lines = """
            set -e
            cp -a /var/lib/dpkg dpkg
            printf 'Package: greymoat\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: all\nVersion: 1\nDescription: x\n\n' \
                >>dpkg/status
            printf '/.\n/usr\n/usr/sbin\n/usr/sbin/greymoatd\n' >dpkg/info/greymoat.list
            mkdir -p root usr-lib
            export DPKG_ADMINDIR=$PWD/dpkg GREYMOAT_BUILT=1
            DESTDIR=$PWD/root '\(Self.scripts)/install'
            for call in install uninstall 'uninstall --purge'; do
                if '\(Self.scripts)'/$call 2>&1; then echo done; fi
            done
            test -e /usr/sbin/greymoatd
            """
        let said = try InstalledShell.run(lines, on: site).lines
        #expect(
            said == [
                "install: the Debian package greymoat is installed and would lose its files to these: remove it first (sudo apt remove greymoat)",
                "uninstall: Greymoat is here as a Debian package: sudo apt remove greymoat takes it away",
                "uninstall: Greymoat is here as a Debian package: sudo apt purge greymoat takes it away",
            ])
    }

    private static let installed = ["lib/greymoat", "share/greymoat", "lib/systemd/system/greymoatd.service"].filter {
        FileManager.default.fileExists(atPath: "/usr/\($0)")
    }

    /// What was asked for is what the advice names, and where there is nothing that is said.
    /// userdel(8) looks for processes of that user, which others may run at the same time.
    @Test(.enabled(if: installed.isEmpty, "this machine's Greymoat is not for a test to take away")) func advice() throws {
        let site = try Site(start: false)
        let lines = """
            set -e
            cp -a /etc etc
            sed -i /^greymoat/d etc/passwd etc/shadow etc/group etc/gshadow
            rm -rf etc/greymoat
            mount --bind etc /etc
            for place in /var/lib /run; do mount -t tmpfs none $place; done
            if setpriv --reuid=65534 --clear-groups '\(Self.scripts)/up' --down 2>&1; then echo done; fi
            if setpriv --reuid=65534 --clear-groups '\(Self.scripts)/uninstall' --purge 2>&1; then echo done; fi
            '\(Self.scripts)/uninstall' 2>&1
            bash -c '. "$0/common"; make_users' '\(Self.scripts)'
            '\(Self.scripts)/uninstall' 2>&1
            unshare --pid --fork --mount-proc '\(Self.scripts)/uninstall' --purge 2>&1
            ! getent group greymoat greymoat-engine
            unshare --pid --fork --mount-proc '\(Self.scripts)/uninstall' --purge 2>&1
            """
        let said = try InstalledShell.run(lines, on: site).lines
        #expect(
            said == [
                "up: needs root to load the ruleset and to make users: run sudo \(Self.scripts)/up --down",
                "uninstall: needs root: run sudo \(Self.scripts)/uninstall --purge",
                "uninstall: nothing is installed: nothing to take away",
                "uninstall: nothing is installed: nothing to take away but users, /etc/greymoat or /var/lib/greymoat (--purge takes them)",
                "uninstall: gone, with configuration and database",
                "uninstall: nothing is installed: nothing to take away",
            ], "\(said)")
    }

    /// Whoever asks how a script is called is told, and nothing is done: without root, packages or a toolchain.
    @Test func strangeArgumentsDoNothing() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.scripts).filter { name in
            // Those are read by others.
            guard !["common", "Containerfile"].contains(name) else { return false }
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(Self.scripts)/\(name)", isDirectory: &isDirectory) && !isDirectory.boolValue
        }
        #expect(names.count >= 13)
        let calls =
            names.map { "\($0) --frobnicate" } + [
                "package-deb --revision", "package-deb --output", "package-deb --revision 1-2", "test --filter", "uninstall --purge x",
                "bench-admin --rows many", "bench-tarpit --only", "fuzz 60x",
            ]
        func run(_ call: String) throws -> LabProcess {
            try LabProcess(["bash", "-c", "exec '\(Self.scripts)'/\(call) </dev/null"], environment: ["PATH": "/usr/bin:/bin"])
        }
        for call in calls {
            let process = try run(call)
            #expect(process.waitForExit(within: .seconds(20)) == 64, "\(call)")
            #expect(process.output.isEmpty && process.log.contains("usage: "), "\(call): \(process.log)")
        }
        for name in names {
            let process = try run("\(name) --help")
            #expect(process.waitForExit(within: .seconds(20)) == 0, "\(name)")
            #expect(process.output.hasPrefix("usage: ") && process.log.isEmpty, "\(name): \(process.log)")
        }
    }

    /// What the linker says of Swift's own library is left out, and nothing else.
    @Test func warningsOfOurs() throws {
        let library = "/usr/lib/swift_static/linux/libFoundationEssentials.a(Data+Writing.swift.o):_ThreadLocal.swift.o:function f"
        let danger = "warning: the use of `mktemp' is dangerous, better use `mkstemp' or `mkdtemp'"
        let ours = ["main.o:function main: \(danger)", "\(library): warning: the use of `tmpnam' is dangerous", "a.swift:1:1: warning: x"]
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("greymoat-warnings-\(getpid())")
        try ([ours[0], "\(library): \(danger)"] + ours[1...]).joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let lines = """
            . '\(Self.scripts)/common'
            swift() { cat '\(file.path)'; return 7; }
            as_builder() { "$@"; }
            build_release
            """
        let process = try LabProcess(["bash", "-c", lines, "x"])
        #expect(process.waitForExit(within: .seconds(20)) == 7)
        #expect(process.log.split(separator: "\n").dropFirst().map(String.init) == ours, "\(process.log)")
    }

    /// Nothing that the installed pages name beside them is missing.
    @Test func installedPagesLead() throws {
        let site = try Site(start: false)
        let lines = """
            set -e
            GREYMOAT_BUILT=1 DESTDIR=$PWD/root '\(Self.scripts)/install'
            cd root/usr/share/doc/greymoat
            grep -ho '](/*[A-Za-z][^:)]*)' *.md | tr -d '()]' | sort -u | while read -r page; do test -e "$page" || echo "$page"; done
            """
        #expect(try InstalledShell.run(lines, on: site).lines == [])
    }
}
