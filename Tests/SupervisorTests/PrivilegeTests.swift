import Foundation
import TestSupport
import Testing

/// What each process may do, read from /proc.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct PrivilegeTests {
    private static let none = ["0000000000000000"]
    /// CAP_NET_ADMIN alone.
    private static let netAdmin = ["0000000000001000"]
    /// DAC_READ_SEARCH, KILL, SETGID, SETUID, SETPCAP, NET_ADMIN, SYS_ADMIN.
    private static let supervisor = ["00000000002011e4"]

    private static let usersAreMissing = StubHouse.roles.contains { getpwnam($0) == nil }

    @Test func capabilitiesAndNamespaces() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        let own = ProcessEntry(pid: daemon.pid)
        #expect(own.field("CapEff") == Self.supervisor)
        #expect(own.field("CapPrm") == Self.supervisor)
        for (role, capabilities) in [("greymoat-firewall", Self.netAdmin), ("greymoat-engine", Self.none), ("greymoat-tarpit", Self.none)] {
            let process = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            #expect(process.field("NoNewPrivs") == ["1"], "\(role)")
            for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(process.field(field) == capabilities, "\(role) \(field)")
            }
        }
        let tarpit = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-tarpit").first)
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        let firewall = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-firewall").first)
        for process in [tarpit, engine] {
            let interfaces = process.file("net/dev").split(separator: "\n").dropFirst(2).map {
                $0.split(separator: ":")[0].drop { $0 == " " }
            }
            #expect(interfaces == ["lo"])
            // A loopback that is down has no address and no route.
            #expect(process.file("net/fib_trie").isEmpty || !process.file("net/fib_trie").contains("127.0.0.1"))
            #expect(!process.file("net/if_inet6").contains("lo"))
        }
        #expect(network(of: firewall) == network(of: own))
        #expect(network(of: tarpit) != network(of: own))
        #expect(daemon.terminate() == 0)
    }

    @Test(
        .enabled(if: LabRequirement.users.missing == nil, "changing users needs root in the first user namespace"),
        .enabled(if: !usersAreMissing, "the roles' users are missing: scripts/install or scripts/up makes them"))
    func rolesHaveUsersOfTheirOwn() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        for role in StubHouse.roles {
            let process = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            let user = try #require(getpwnam(role)?.pointee)
            #expect(process.field("Uid") == Array(repeating: "\(user.pw_uid)", count: 4))
            #expect(process.field("Gid") == Array(repeating: "\(user.pw_gid)", count: 4))
            #expect(process.field("Groups") == [])
        }
        #expect(!daemon.log.contains("is not whole"))
        var status = stat()
        #expect(stat(house.state, &status) == 0)
        #expect(status.st_uid == getpwnam("greymoat-engine")?.pointee.pw_uid)
        #expect(status.st_mode & 0o777 == 0o750)
        #expect(stat(house.runtime + "/control.sock", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        #expect(status.st_uid == 0)
        #expect(daemon.terminate() == 0)
    }

    /// In a user namespace that maps root alone.
    @Test(.enabled(if: LabRequirement.userNamespaces.missing == nil, "needs user namespaces, which a chroot does not have"))
    func withoutUsersItGoesOnAndSaysSo() throws {
        let house = try StubHouse()
        let daemon = try house.host.spawn(["unshare", "-Urn"] + house.command)
        try daemon.waitForLog("greymoatd: listening on ")
        #expect(daemon.log.contains("it runs as our own user, since"))
        #expect(daemon.terminate() == 0)
        try house.configure("sandbox = \"required\"")
        let outcome = try house.attempt(launcher: ["unshare", "-Urn"])
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("sandbox = \"required\", and the parts above are missing here"))
    }

    /// A database that an earlier run as root left behind becomes the engine's; a link planted there does not.
    @Test(
        .enabled(if: LabRequirement.users.missing == nil, "changing users needs root in the first user namespace"),
        .enabled(if: !usersAreMissing, "the roles' users are missing: scripts/install or scripts/up makes them"))
    func theDatabaseChangesHandsAndNothingElse() throws {
        let house = try StubHouse()
        try FileManager.default.createDirectory(atPath: house.state, withIntermediateDirectories: true)
        let target = house.directory + "/target"
        for path in [target, house.state + "/greymoat.db", house.state + "/other"] {
            try Data("x".utf8).write(to: URL(fileURLWithPath: path))
        }
        try FileManager.default.createSymbolicLink(atPath: house.state + "/greymoat.db-wal", withDestinationPath: target)
        try FileManager.default.linkItem(atPath: target, toPath: house.state + "/greymoat.db-shm")
        #expect(try house.start().terminate() == 0)
        let engine = try #require(getpwnam("greymoat-engine")?.pointee.pw_uid)
        func owner(_ path: String) -> UInt32? {
            var status = stat()
            return lstat(path, &status) == 0 ? status.st_uid : nil
        }
        #expect(owner(house.state + "/greymoat.db") == engine)
        #expect(owner(target) == 0)
        #expect(owner(house.state + "/other") == 0)
    }

    private func network(of process: ProcessEntry) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/ns/net")
    }
}
