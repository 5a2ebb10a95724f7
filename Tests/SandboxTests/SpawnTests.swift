import Foundation
import LinuxIO
import Sandbox
import TestSupport
import Testing

/// Starting processes with exactly the rights they need.
@Suite struct SpawnTests {
    /// What `sandbox-probe status` prints: the fields of /proc/self/status, and lines of its own.
    private struct Status {
        let lines: [String]

        init(_ completed: Spawn.Completed) {
            lines = String(decoding: completed.output, as: UTF8.self).split(separator: "\n").map(String.init)
        }

        func field(_ name: String) -> [String] {
            guard let line = lines.first(where: { $0.hasPrefix(name + ":") }) else { return [] }
            return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).map(String.init)
        }

        func all(_ prefix: String) -> [String] {
            lines.filter { $0.hasPrefix(prefix + " ") }.map { String($0.dropFirst(prefix.count + 1)) }
        }
    }

    private static let nobody = Spawn.Identity(user: 65_534, group: 65_534, supplementaryGroups: [65_533])
    private static let none = ["0000000000000000"]
    private static let netAdmin = ["0000000000001000"]

    @Test func handsOverWhatIsNamedAndNothingElse() throws {
        let first = try FileDescriptor.eventCounter()
        let second = try FileDescriptor.eventCounter()
        let leaked = dup(0)
        defer { close(leaked) }
        let status = Status(
            try SandboxProbe.run(["status", "a b", ""]) {
                // Numbers crossed on purpose: neither may overwrite the other on the way.
                $0.descriptors = [.init(first.number, as: second.number), .init(second.number, as: first.number)]
                $0.environment = ["LANG=C"]
            })
        #expect(Set(status.all("descriptor").compactMap { Int32($0) }) == [0, 1, 2, first.number, second.number])
        #expect(status.all("argument") == ["sandbox-probe", "status", "a b", ""])
        #expect(status.all("environment") == ["LANG=C"])
        #expect(status.field("NoNewPrivs") == ["1"])
        #expect(status.field("SigIgn") == Self.none)
        #expect(status.field("SigBlk") == Self.none)
    }

    @Test(.enabled(if: Machine.hasUsers, "changing users needs root in the first user namespace"))
    func takesOnUserAndCapabilities() throws {
        let status = Status(
            try SandboxProbe.run(["status"]) {
                $0.identity = Self.nobody
                $0.capabilities = .netAdmin
            })
        #expect(status.field("Uid") == Array(repeating: "65534", count: 4))
        #expect(status.field("Gid") == Array(repeating: "65534", count: 4))
        #expect(status.field("Groups") == ["65533"])
        for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(status.field(field) == Self.netAdmin, "\(field)") }
    }

    @Test(.enabled(if: Machine.isRoot, "trimming the bounding set needs root"))
    func rootWithoutCapabilitiesHasNone() throws {
        let status = Status(try SandboxProbe.run(["status"]))
        #expect(status.field("Uid").first == "0")
        for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(status.field(field) == Self.none, "\(field)") }
    }

    @Test(.enabled(if: Machine.isRoot, "a network namespace needs root"))
    func emptyNetworkHasLoopbackAlone() throws {
        let status = Status(try SandboxProbe.run(["status"]) { $0.hasEmptyNetwork = true })
        let interfaces = status.lines.filter { $0.contains("|") == false && $0.contains(": ") && $0.split(separator: " ").count == 17 }
        #expect(interfaces.count == 1)
        #expect(interfaces.first?.contains("lo:") == true)
    }

    @Test(.enabled(if: Machine.hasUsers, "changing users needs root in the first user namespace"))
    func runsProgramsBelowUnreadableDirectories() throws {
        let directory = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("greymoat-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.copyItem(atPath: "/bin/echo", toPath: directory + "/echo")
        let program = try Spawn.open(program: directory + "/echo")
        var spawn = Spawn(executable: program.number, arguments: ["echo", "here"])
        spawn.identity = Self.nobody
        let completed = try spawn.run(input: [], limit: .seconds(10))
        #expect(String(decoding: completed.output, as: UTF8.self) == "here\n")
    }

    /// nft(8) as the firewall role runs it: CAP_NET_ADMIN through exec, as a plain user, inside the role's sandbox.
    @Test(
        .enabled(if: Machine.isRoot && access("/usr/sbin/nft", X_OK) == 0, "nft needs root and its package"),
        .disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes threads and system calls of its own"))
    func nftRunsWithNetAdminAlone() throws {
        let completed = try SandboxProbe.run(["nft", "/usr/sbin/nft", "-f", "-"]) {
            $0.identity = Self.nobody
            $0.capabilities = .netAdmin
            $0.hasEmptyNetwork = true
        }
        #expect(completed.status == 0)
        #expect(completed.errors.isEmpty, "\(String(decoding: completed.errors, as: UTF8.self))")
        let status = Status(
            try SandboxProbe.run(["nft", "/bin/cat", "/proc/self/status"]) {
                $0.identity = Self.nobody
                $0.capabilities = .netAdmin
            })
        #expect(status.field("CapEff") == Self.netAdmin)
        #expect(status.field("Seccomp") == ["2"])
    }

    @Test(.enabled(if: Machine.hasUsers, "changing users needs root in the first user namespace"))
    func saysWhatIsMissing() throws {
        let program = try Spawn.open(program: SandboxProbe.path)
        // The probe as a user without any capability asks for all of it again, as a container without rights would.
        let completed = try SandboxProbe.run(["missing"]) {
            $0.identity = Self.nobody
            $0.descriptors = [.init(program.number, as: 9)]
        }
        let errors = String(decoding: completed.errors, as: UTF8.self)
        #expect(completed.status == 0, "\(errors)")
        #expect(errors.contains("it shares our network namespace, since a new one was refused (Operation not permitted)"))
        #expect(errors.contains("it runs as our own user, since changing to user 65532 was refused (Operation not permitted)"))
        #expect(errors.contains("CAP_SETPCAP allows it"))
    }

    @Test func namesTheStepThatFailed() throws {
        let directory = try Spawn.open(program: "/etc/passwd")
        let spawn = Spawn(executable: directory.number, arguments: ["greymoat-none"])
        let error = #expect(throws: SpawnError.self) { try spawn.start() }
        #expect(error?.code == EACCES)
        #expect(error?.description == "cannot start greymoat-none: could not execute it (Permission denied)")
        #expect(throws: SystemError.self) { _ = try Spawn.open(program: "/nonexistent/greymoat") }
    }

    @Test func tooManyDescriptorsAreRefused() throws {
        let program = try Spawn.open(program: "/bin/true")
        var spawn = Spawn(executable: program.number, arguments: ["true"])
        spawn.trimsBoundingSet = false
        spawn.descriptors = (0..<64).map { .init(0, as: 10 + $0) }
        #expect(try exitStatus(of: spawn) == 0)
        spawn.descriptors = (0..<65).map { .init(0, as: 10 + $0) }
        #expect(throws: SpawnError.self) { try spawn.start() }
        spawn.descriptors = [.init(0, as: 255)]
        #expect(try exitStatus(of: spawn) == 0)
        spawn.descriptors = [.init(0, as: 256)]
        #expect(throws: SpawnError.self) { try spawn.start() }
    }

    @Test func outputIsBounded() throws {
        let program = try Spawn.open(program: "/bin/cat")
        var spawn = Spawn(executable: program.number, arguments: ["cat"])
        spawn.trimsBoundingSet = false
        let input = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try spawn.run(input: input, outputLimit: 100_000, limit: .seconds(10)).output == input)
        #expect(try spawn.run(input: input, outputLimit: 99_999, limit: .seconds(10)).output == Array(input.dropLast()))
    }

    @Test func whatTakesTooLongIsKilled() throws {
        let program = try Spawn.open(program: "/bin/sleep")
        var spawn = Spawn(executable: program.number, arguments: ["sleep", "60"])
        spawn.trimsBoundingSet = false
        #expect(try spawn.run(input: [], limit: .milliseconds(50)).status == 128 + SIGKILL)
    }

    /// kill -9 of a parent ends its child.
    @Test func childrenEndWithTheirParent() throws {
        let program = try Spawn.open(program: SandboxProbe.path)
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { close(ends[0]) }
        var spawn = Spawn(executable: program.number, arguments: ["sandbox-probe", "parent"])
        spawn.trimsBoundingSet = false
        spawn.descriptors = [.init(ends[1], as: 1), .init(ends[1], as: 2)]
        let parent = try spawn.start().process
        close(ends[1])
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(ends[0], &buffer, buffer.count)
        #expect(String(decoding: buffer[..<max(count, 0)], as: UTF8.self).hasPrefix("child "))
        kill(parent, SIGKILL)
        // The child holds the other end of our socket: its end is the end of the stream.
        var watched = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        #expect(poll(&watched, 1, 1000) == 1)
        #expect(read(ends[0], &buffer, buffer.count) == 0)
        #expect(waitFor(parent) == SIGKILL)
    }

    private func exitStatus(of spawn: Spawn) throws -> Int32 { waitFor(try spawn.start().process) }

    private func waitFor(_ process: Int32) -> Int32 {
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return status
    }
}
