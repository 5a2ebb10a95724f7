import Foundation
import TestSupport
import Testing

/// What keeps greymoatd from starting: one clear sentence, and the exit status of its manual.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct StartTests {
    @Test func badConfigurationIs78() throws {
        let house = try StubHouse()
        try house.configure("mode = \"gray\"\n[listen]\nprot = 1")
        let outcome = try house.attempt()
        #expect(outcome.status == 78)
        #expect(
            outcome.errors == """
                greymoatd: error: \(house.configuration):2: mode: "gray" does not fit here; allowed is "greylist" or "blacklist-only"
                greymoatd: error: \(house.configuration):4: there is no key listen.prot; did you mean [listen] port?

                """)
        #expect(try house.attempt("--check").status == 78)
        #expect(try house.host.attempt([house.directory + "/greymoatd", "--config", "/nonexistent.toml"]).status == 78)
        try house.configure("[tls]\ncertificate = \"/nonexistent\"\nkey = \"/nonexistent\"")
        let files = try house.attempt()
        #expect(files.status == 78)
        #expect(files.errors.contains("[tls] certificate: cannot read /nonexistent: No such file or directory"))
        #expect(files.errors.contains("[tls] key: cannot read /nonexistent"))
    }

    /// What the TOML parser does not survive is a fault as any other, with its line.
    @Test(arguments: ["[=]", "[.tls]", "[ ", "[[[tls]]]", "passtime = 1989-05-27T07:3a", "a* = 1"])
    func whatEndsTheParserIs78(line: String) throws {
        let house = try StubHouse()
        let line = line.replacing("*", with: String(repeating: ".a", count: 100_000))
        try house.configure("[tls]\n\(line)\n[listen]\n# the end")
        let outcome = try house.attempt()
        #expect(outcome.status == 78)
        #expect(outcome.errors.hasPrefix("greymoatd: error: \(house.configuration):3: this is not TOML: "), "\(outcome.errors)")
        #expect(outcome.errors.hasSuffix(" (names, paths and durations stand in quotes)\n"))
    }

    /// Whoever starts it may have closed these: no file of ours becomes its standard error, or a role's.
    @Test(arguments: ["<&- >&- 2>&-", "2>&-"]) func standardDescriptorsAreClosed(redirection: String) throws {
        let house = try StubHouse()
        let daemon = try house.host.spawn(["/bin/sh", "-c", "exec \"$@\" \(redirection)", "sh"] + house.command)
        func tarpits() -> [ProcessEntry] { ProcessEntry.children(of: daemon.pid, running: "greymoat-tarpit") }
        #expect(eventually { !tarpits().isEmpty })
        for process in [daemon.pid] + tarpits().map(\.pid) {
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/2") == "/dev/null")
        }
        #expect(daemon.terminate() == 0)
    }

    @Test func unreadableRulesetIs78() throws {
        let house = try StubHouse()
        try FileManager.default.removeItem(atPath: house.directory + "/rules.nft")
        let outcome = try house.attempt()
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("[firewall] ruleset: cannot read \(house.directory)/rules.nft: No such file or directory"))
        // At the limit of what a role takes, and one byte beyond.
        let path = URL(fileURLWithPath: house.directory + "/rules.nft")
        try Data(repeating: 0x23, count: 131_072).write(to: path)
        #expect(try house.start().terminate() == 0)
        try Data(repeating: 0x23, count: 131_073).write(to: path)
        #expect(try house.attempt().status == 78)
        // Each of these bytes is three in the text that the role gets.
        try Data(repeating: 0xFC, count: 131_072).write(to: path)
        #expect(try house.attempt().status == 78)
    }

    /// A worker's first order carries every worker's counters.
    @Test func asManyWorkersAsThereCanBe() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 64")
        let daemon = try house.start()
        try daemon.waitForLog("greymoat-tarpit 63 starts with 67 descriptors")
        #expect(daemon.terminate() == 0)
    }

    @Test func usageIs64() throws {
        let house = try StubHouse()
        for switches in [
            ["-s", "11"], ["-S", "91"], ["-G", "25:4"], ["-l", "localhost"], ["-p", "0"], ["-x"], ["--nonsense"], ["-w", "0"], ["word"],
            Array(repeating: "-l127.0.0.1", count: 33), Array(repeating: "-M192.0.2.1", count: 65),
        ] {
            let outcome = try house.host.attempt(house.command + switches)
            #expect(outcome.status == 64, "\(switches) \(outcome.errors)")
        }
        for sync in ["-Y", "-y"] {
            let outcome = try house.attempt("-dv\(sync.dropFirst())mx2.example.org")
            #expect(outcome.status == 64)
            #expect(outcome.errors.hasPrefix("greymoatd: error: \(sync): "))
            #expect(outcome.errors.contains("carry a database to another host"))
        }
    }

    /// Without CAP_NET_ADMIN, as a plain user is.
    @Test(.enabled(if: LabRequirement.users.missing == nil, "changing users needs root in the first user namespace"))
    func missingPrivilegeIs77() throws {
        let house = try StubHouse()
        let outcome = try house.attempt(launcher: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
        #expect(outcome.status == 77)
        #expect(outcome.errors.contains("CAP_NET_ADMIN is lacking"))
        #expect(outcome.errors.contains("start greymoatd as root"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    /// A kernel without netfilter's netlink, shown by a seccomp filter.
    @Test func missingNFTablesIs69() throws {
        let house = try StubHouse()
        let outcome = try house.attempt(launcher: [StubHouse.probe, "without-netlink", "12"])
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("this kernel has no nf_tables"))
        #expect(outcome.errors.contains("modprobe nf_tables"))
    }

    @Test func takenPortIs69() throws {
        let house = try StubHouse()
        let taken = try house.host.listen(port: 8025, address: "0.0.0.0")
        let outcome = try house.attempt()
        withExtendedLifetime(taken) {}
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("port 8025 of 0.0.0.0 is taken"))
        let absent = try house.attempt("-l", "192.0.2.77")
        #expect(absent.status == 69)
        #expect(absent.errors.contains("192.0.2.77 is no address of this machine"))
    }

    @Test func takenPacketLogGroupIs69() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        let outcome = try house.host.attempt(
            house.command + ["--state-dir", house.directory + "/state2", "--runtime-dir", house.directory + "/run2", "-p", "8026"])
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("NFLOG group 25 is taken by another program"))
        #expect(daemon.terminate() == 0)
    }

    @Test(.enabled(if: LabRequirement.users.missing == nil, "the roles' users need root in the first user namespace"))
    func unreachableStateDirectoryIs77() throws {
        let house = try StubHouse()
        let locked = house.directory + "/locked"
        try FileManager.default.createDirectory(atPath: locked, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        // By its name, and by that of a link to it: the engine goes the whole way by itself.
        try FileManager.default.createSymbolicLink(atPath: house.directory + "/link", withDestinationPath: "locked/state")
        for path in [locked + "/state", house.directory + "/link"] {
            let outcome = try house.host.attempt(["timeout", "10"] + house.command + ["--state-dir", path])
            // Where nobody made the users, the engine runs as root and reaches it.
            if getpwnam("greymoat-engine") != nil {
                #expect(outcome.status == 77, "\(path): \(outcome)")
                #expect(outcome.errors.contains("chmod o+x \(locked)"))
            }
        }
    }

    @Test func aStateDirectoryThatIsNoneIs69() throws {
        let house = try StubHouse()
        let outcome = try house.attempt("--state-dir", house.configuration)
        #expect(outcome.status == 69)
        #expect(
            outcome.errors.hasSuffix(
                "cannot open the directory \(house.configuration): Not a directory; move what is there, or name another with --state-dir\n"),
            "\(outcome)")
    }

    @Test func checkPrintAndVersion() throws {
        let house = try StubHouse()
        let check = try house.attempt("--check")
        #expect(check.status == 0)
        #expect(check.errors == "greymoatd: the configuration is good\n")
        let printed = try house.attempt("--print-config", "-vG1:2:3", "-5")
        #expect(printed.status == 0)
        #expect(printed.output.contains("passtime = \"1m\"\ngreyexp = \"2h\"\nwhiteexp = \"3h\"\n"))
        #expect(printed.output.contains("error-code = 550 "))
        try Data(printed.output.utf8).write(to: URL(fileURLWithPath: house.configuration))
        #expect(
            try house.host.attempt([house.directory + "/greymoatd", "--config", house.configuration, "--print-config"]).output
                == printed.output)
        #expect(try house.attempt("--version").output.hasPrefix("greymoatd "))
        #expect(try house.attempt("--help").output.contains("-G"))
    }

    @Test func aSystemsNameWithoutDomainIsSaid() throws {
        let house = try StubHouse()
        try Data("[firewall]\nruleset = \"\(house.directory)/rules.nft\"\n".utf8).write(to: URL(fileURLWithPath: house.configuration))
        let words = house.command.map { "'\($0)'" }.joined(separator: " ")
        for (name, isSaid) in [("mail", true), ("mail.example.org", false)] {
            let daemon = try house.host.spawn(
                ["unshare", "--uts", "sh", "-c", "echo \(name) >/proc/sys/kernel/hostname; exec \(words)"])
            try daemon.waitForLog("listening on [::]:")
            #expect(daemon.log.contains("strangers are greeted as \"\(name)\", the system's name, which has no domain") == isSaid)
            #expect(daemon.terminate() == 0)
        }
    }

    @Test func aRulesetForAnotherPortIsTold() throws {
        let house = try StubHouse()
        let warning = "/rules.nft redirects strangers to port 8025, and the tarpit listens on 8026: nobody answers them"
        let sentence = "redirects strangers to port"
        for (definition, port, isTold) in [
            ("define tarpit_port = 8025", 8026, true), ("define tarpit_port = 8026 # ours", 8026, false), ("", 8026, false),
        ] {
            try Data("\(definition)\ntable inet greymoat {}\n".utf8).write(to: URL(fileURLWithPath: house.directory + "/rules.nft"))
            let daemon = try house.start("-p", "\(port)")
            #expect(daemon.log.contains(sentence) == isTold && daemon.log.contains(warning) == isTold, "\(daemon.log)")
            #expect(daemon.terminate() == 0)
        }
    }

    @Test func spamdsSwitchesReachTheRoles() throws {
        let house = try StubHouse()
        let daemon = try house.start("-bdvG3:2:100", "-hmail.example.net", "-s2", "-B", "90", "-c100", "-l127.0.0.1")
        try daemon.waitForLog("hostname=mail.example.net stutter=2.0 seconds listeners=[::, 0.0.0.0]")
        try daemon.waitForLog("connections=100 black=90 redirectedOnly=true")
        try daemon.waitForLog("passtime=180.0 seconds")
        #expect(daemon.log.contains("taking connections on every address, and serving redirected ones only"))
        #expect(daemon.terminate() == 0)
    }
}
