import Foundation
import TestSupport
import Testing

/// greymoatd with the roles themselves, on the kernel's nf_tables in a namespace.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .nftables, .packetLog]) == nil,
        "greymoatd needs network namespaces, nf_tables and nfnetlink_log: run as root or under unshare -rn"),
    .disabled(
        if: Sanitizer.isOn,
        "a sanitizer's runtime makes threads and system calls of its own"))
struct RealRoleTests {
    private func house() throws -> StubHouse {
        let house = try StubHouse(hasRealRoles: true)
        try house.configure(
            "[listen]\nworkers = 1\n[greylist]\npasstime = \"1h\"\nalloweddomains = \"\"\n[tarpit]\nstutter = \"0s\"\n[blocklists]\nconfig = \"\""
        )
        return house
    }

    /// One mail of a stranger, up to the 451.
    private func attempt(_ house: StubHouse, to recipient: String) throws {
        let connection = try house.host.connect(to: "127.0.0.1", port: 8025)
        try connection.expect(220)
        try connection.expect(250, to: "EHLO stranger.example")
        try connection.expect(250, to: "MAIL FROM:<ann@stranger.example>")
        try connection.expect(250, to: "RCPT TO:<\(recipient)>")
        try connection.expect(451, to: "DATA")
        try connection.expect(221, to: "QUIT")
    }

    @Test func eachProcessMayDoWhatItMustAndNoMore() throws {
        let house = try house()
        let daemon = try house.start()
        let expected = [
            ("greymoat-firewall", "greymoat-firewa", ["0000000000001000"]), ("greymoat-engine", "greymoat-engine", ["0000000000000000"]),
            ("greymoat-tarpit", "greymoat-tarpit", ["0000000000000000"]),
        ]
        for (role, name, capabilities) in expected {
            let process = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            #expect(process.field("Name") == [name])
            #expect(process.field("CapEff") == capabilities, "\(role)")
            #expect(process.field("CapPrm") == capabilities, "\(role)")
            #expect(process.field("CapBnd") == capabilities, "\(role)")
            #expect(process.field("CapAmb") == ["0000000000000000"], "\(role)")
            #expect(process.field("NoNewPrivs") == ["1"], "\(role)")
            #expect(process.field("Seccomp") == ["2"], "\(role)")
        }
        #expect(daemon.log.contains("is not whole") == (LabRequirement.users.missing != nil))
        try attempt(house, to: "joe@example.org")
        #expect(daemon.terminate() == 0)
    }

    /// kill -9 of each role in turn: what was answered 451 stays known, and the next stranger is served.
    @Test func everyRoleMayDie() throws {
        let house = try house()
        let daemon = try house.start()
        try attempt(house, to: "0@example.org")
        for (index, role) in ["greymoat-engine", "greymoat-firewall", "greymoat-tarpit"].enumerated() {
            let victim = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            kill(victim.pid, SIGKILL)
            try daemon.waitForLog("\(role) was killed by signal 9: it is started again")
            // While there is no engine a 451 is unkept: the sender comes back, and then it is kept.
            #expect(
                try eventually {
                    try attempt(house, to: "\(index + 1)@example.org")
                    return try house.greymoat("list").output.contains("<\(index + 1)@example.org>")
                }, "\(daemon.log)")
        }
        let listed = try house.greymoat("list")
        #expect(listed.status == 0)
        for index in 0...3 { #expect(listed.output.contains("<\(index)@example.org>"), "\(listed.output)\(listed.errors)\(daemon.log)") }
        #expect(daemon.terminate() == 0)
    }

    /// kill -9 of greymoatd: the sets stay, and it comes back in step.
    @Test func theSetsStay() throws {
        let house = try house()
        let daemon = try house.start()
        let added = try house.greymoat("white", "add", "192.0.2.77")
        #expect(added.status == 0, "\(added.errors)")
        let roles = StubHouse.roles.flatMap { ProcessEntry.children(of: daemon.pid, running: $0) }
        daemon.kill()
        #expect(eventually(within: .seconds(1)) { roles.allSatisfy { !$0.isAlive } })
        #expect(try house.host.run("nft", "list", "set", "inet", "greymoat", "white").contains("192.0.2.77"))
        let heir = try house.start()
        #expect(try house.host.run("nft", "list", "set", "inet", "greymoat", "white").contains("192.0.2.77"))
        #expect(heir.terminate() == 0)
        #expect(try house.host.run("nft", "list", "set", "inet", "greymoat", "white").contains("192.0.2.77"))
    }

    @Test func reloadThroughTheControlSocket() throws {
        let house = try house()
        let daemon = try house.start()
        try house.configure("[listen]\nworkers = 1\n[greylist]\npasstime = \"2h\"")
        let good = try house.greymoat("reload")
        #expect(good.status == 0, "\(good.errors)\(daemon.log)")
        #expect(try house.greymoat("status").output.contains("timing.passtime\t7200"))
        try house.configure("[listen]\nworkers = 1\nport = 8026\n[greylist]\npasstime = \"2h\"")
        let later = try house.greymoat("reload")
        #expect(later.status == 0)
        #expect(later.errors.contains("[listen] port has changed: it takes effect when greymoatd is started again"))
        try house.configure("[listen]\nworkers = 1\n[greylist]\npasstime = \"9h\"")
        let bad = try house.greymoat("reload")
        #expect(bad.status == 2, "\(bad.output)\(bad.errors)")
        #expect(bad.errors.contains("[greylist] passtime: 9h is not shorter than greyexp, 4h"))
        let refused = try house.greymoat("status").output
        #expect(refused.contains("timing.passtime\t7200"))
        #expect(refused.contains("the configuration was not reloaded:") && refused.contains("greymoatd would not start with it"))
        // A file that is gone is no wish for all the defaults.
        try FileManager.default.removeItem(atPath: house.configuration)
        let gone = try house.greymoat("reload")
        #expect(gone.status == 2 && gone.errors.contains("No such file or directory"), "\(gone.errors)")
        #expect(try house.greymoat("status").output.contains("timing.passtime\t7200"))
        try house.configure("[listen]\nworkers = 1\n[greylist]\npasstime = \"2h\"")
        #expect(try house.greymoat("reload").status == 0)
        #expect(try !house.greymoat("status").output.contains("the configuration was not reloaded"))
        #expect(daemon.terminate() == 0)
    }

    /// What a role refuses at a reload its successor does not meet either.
    @Test func filesThatARoleRefusedAreNotThoseOfItsSuccessor() throws {
        let house = try house()
        let daemon = try house.start()
        let (pem, rules, domains) = (house.directory + "/half.pem", house.directory + "/rules.nft", house.directory + "/domains")
        let settings = "[listen]\nworkers = 1\n[tarpit]\nstutter = \"0s\"\n[greylist]\nalloweddomains = \"\(domains)\"\n"
        try Data("example.org\n".utf8).write(to: URL(fileURLWithPath: domains))
        try house.configure(settings)
        #expect(try house.greymoat("reload").status == 0)
        try Data("two words\n".utf8).write(to: URL(fileURLWithPath: domains))
        try Data("-----BEGIN CERTIFICATE-----\n".utf8).write(to: URL(fileURLWithPath: pem))
        try Data("table inet greymoat { nonsense }\n".utf8).write(to: URL(fileURLWithPath: rules))
        try house.configure(settings + "[tls]\ncertificate = \"\(pem)\"\nkey = \"\(pem)\"")
        let bad = try house.greymoat("reload")
        #expect(bad.status == 2, "\(bad.output)\(bad.errors)")
        #expect(bad.errors.contains("greymoat-tarpit: [tls] certificate"))
        #expect(bad.errors.contains("greymoat-firewall: nft refuses \(rules)"))
        #expect(bad.errors.contains("greymoat-engine: \(domains)"))
        for role in ["greymoat-tarpit", "greymoat-firewall", "greymoat-engine"] {
            let victim = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            kill(victim.pid, SIGKILL)
            try daemon.waitForLog("\(role) was killed by signal 9")
            #expect(
                eventually {
                    ProcessEntry.children(of: daemon.pid, running: role).contains { $0.pid != victim.pid && $0.field("Seccomp") == ["2"] }
                }, "\(daemon.log)")
        }
        try attempt(house, to: "joe@example.org")
        #expect(try eventually { try house.greymoat("white", "add", "192.0.2.77").status == 0 }, "\(daemon.log)")
        #expect(daemon.log.components(separatedBy: "error: \(domains)").count == 2, "\(daemon.log)")
        #expect(daemon.terminate() == 0)
    }

    /// What a role would refuse to start with, or go on without, is told before it is started.
    @Test func theFilesItNamesAreCheckedToo() throws {
        let house = try house()
        let (pem, domains, lists) = (house.directory + "/c.pem", house.directory + "/domains", house.directory + "/spamd.conf")
        try Data("nonsense\n".utf8).write(to: URL(fileURLWithPath: pem))
        try Data("two words\n@example.org\n*\n".utf8).write(to: URL(fileURLWithPath: domains))
        try Data("all:one:\none:blak:file=/one:\n".utf8).write(to: URL(fileURLWithPath: lists))
        try house.configure(
            "[greylist]\nalloweddomains = \"\(domains)\"\n[blocklists]\nconfig = \"\(lists)\"\n[tls]\ncertificate = \"\(pem)\"\nkey = \"\(pem)\""
        )
        let check = try house.attempt("--check")
        #expect(check.status == 78)
        let faults = check.errors.split(separator: "\n").filter { $0.hasPrefix("greymoatd: error: ") }.map { $0.dropFirst(18) }
        #expect(faults.contains { $0.hasPrefix("\(domains): line 1: two\\040words is not `@domain`") }, "\(check.errors)")
        #expect(faults.contains { $0.hasPrefix("\(domains): line 3: * is not `@domain`") }, "\(check.errors)")
        #expect(faults.contains { $0.hasPrefix("\(lists): line 2: ") }, "\(check.errors)")
        #expect(faults.contains { $0.hasPrefix("[tls] certificate holds no PEM certificate") }, "\(check.errors)")
        #expect(!check.errors.contains("is good"))
    }

    /// It is served all the same, and greymoatd told so: opportunistic senders do not look at its time.
    @Test func aCertificateOutOfItsTimeIsToldOf() throws {
        let house = try house()
        let lines = """
            set -e
            cd '\(house.directory)'
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out old.key 2>/dev/null
            openssl req -new -key old.key -subj /CN=mx.example.org -out old.csr -config /dev/null
            : >index
            echo 01 >serial
            printf '[a]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\npolicy=p\\ndefault_md=sha256\\n[p]\\ncommonName=supplied\\n' >ca
            openssl ca -batch -selfsign -notext -config ca -name a -keyfile old.key -in old.csr -out old.pem \\
                -startdate 20200101000000Z -enddate 20200201000000Z 2>ca.log || { cat ca.log >&2; exit 1; }
            """
        try house.host.run("sh", "-c", lines)
        try house.configure(
            "[listen]\nworkers = 2\n[greylist]\nalloweddomains = \"\"\n[blocklists]\nconfig = \"\"\n[tls]\ncertificate = \"\(house.directory)/old.pem\"\n"
                + "key = \"\(house.directory)/old.key\"")
        let check = try house.attempt("--check")
        #expect(check.status == 0 && check.errors.contains("warning: [tls] certificate expired "), "\(check.errors)")
        let daemon = try house.start()
        try daemon.waitForLog("greymoat-tarpit: [tls] certificate expired ")
        #expect(try house.greymoat("reload").status == 0)
        #expect(eventually { daemon.log.components(separatedBy: "certificate expired ").count == 3 }, "\(daemon.log)")
        #expect(daemon.terminate() == 0)
        #expect(daemon.log.components(separatedBy: "certificate expired ").count == 3, "\(daemon.log)")
    }

    /// As a reload would have it; nothing is loaded by it.
    @Test func theRulesetIsCheckedToo() throws {
        let house = try house()
        let good = try house.attempt("--check")
        #expect(good.status == 0 && good.errors.hasSuffix("the configuration is good\n"), "\(good.errors)")
        let ruleset = house.directory + "/rules.nft"
        try Data("table inet greymoat {\n    nonsense\n}\n".utf8).write(to: URL(fileURLWithPath: ruleset))
        let check = try house.attempt("--check")
        #expect(check.status == 78 && check.errors.contains("error: nft refuses \(ruleset), line 2: "), "\(check.errors)")
        #expect(try house.host.run("nft", "list", "tables") == "")
        // Only root may ask nft.
        let program = house.directory + "/greymoatd"
        let unprivileged = try house.host.attempt([
            "setpriv", "--reuid=65534", "--clear-groups", program, "--config", house.configuration, "--check",
        ])
        #expect(unprivileged.status == 0, "\(unprivileged)")
        #expect(unprivileged.errors.contains("warning: the ruleset was not checked: nft asks the kernel, which takes root"))
    }

    /// spamd.conf is read each time its lists are loaded, and nothing else is; an engine that is started again has the same.
    @Test func listsAreLoadedFromTheFileAsItIs() throws {
        let house = try house()
        let (lists, list) = (house.directory + "/spamd.conf", house.directory + "/list.txt")
        let settings = "[listen]\nworkers = 1\n[blocklists]\nconfig = \"\(lists)\"\n"
        try house.configure(settings)
        let daemon = try house.start()
        let missing = try house.greymoat("blocklist", "load")
        #expect(missing.status == 2 && missing.errors.contains("there is no \(lists): write one"), "\(missing)")
        try Data("192.0.2.7\n192.0.2.8\n".utf8).write(to: URL(fileURLWithPath: list))
        try Data("all:one:\none:black:metod=x:msg=\"m\":method=file:file=\(list):\n".utf8).write(to: URL(fileURLWithPath: lists))
        try house.configure(settings + "[greylist]\npasstime = \"1s\"")
        let loaded = try house.greymoat("blocklist", "load")
        #expect(loaded.status == 0, "\(loaded) \(daemon.log)")
        #expect(daemon.log.contains("warning: \(lists): line 2: \"metod=x\" in \"one\" means nothing here"))
        #expect(try house.greymoat("status").output.contains("timing.passtime\t1500"))
        try Data("all:none:\n".utf8).write(to: URL(fileURLWithPath: lists))
        let faulty = try house.greymoat("blocklist", "load")
        #expect(faulty.status == 2 && faulty.errors.contains("there is no record \"none\""), "\(faulty)")
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        func started() throws -> Substring? {
            try house.greymoat("status").output.split(separator: "\n").first { $0.hasPrefix("started\t") }
        }
        let before = try started()
        // A second, which the time is told in.
        usleep(1_100_000)
        kill(engine.pid, SIGKILL)
        #expect(try eventually { try house.greymoat("blocklist", "show").output.contains("one") }, "\(daemon.log)")
        #expect(try before != nil && started() == before)
        #expect(daemon.terminate() == 0)
    }

    /// A ruleset nft refuses is told in nft's words, and nothing is ever redirected by it.
    @Test func aFaultyRulesetIsTold() throws {
        let house = try house()
        let text = "table inet greymoat { set white { typo ipv4_addr; }; }\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: house.directory + "/rules.nft"))
        let daemon = try house.host.spawn(house.command)
        try daemon.waitForLog("nft refuses \(house.directory)/rules.nft, line 1: syntax error")
        #expect(!daemon.log.contains("listening"))
        daemon.terminate()
    }
}
