import Foundation
import TestSupport
import Testing

/// What systemd is told, and what it hands back.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct ServiceTests {
    /// systemd's end of NOTIFY_SOCKET.
    private final class Manager {
        let path: String
        private let socket: Int32

        init(in directory: String) throws {
            path = directory + "/notify"
            socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
            try #require(bound == 0)
        }

        deinit { close(socket) }

        var environment: [String: String] {
            ProcessInfo.processInfo.environment.merging(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"]) { $1 }
        }

        func next() -> String {
            var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 5000) == 1 else { return "nothing" }
            var buffer = [UInt8](repeating: 0, count: 4096)
            return String(decoding: buffer[..<max(0, recv(socket, &buffer, buffer.count, 0))], as: UTF8.self)
        }

        /// Everything up to a message that begins so.
        func until(_ prefix: String) -> [String] {
            var seen: [String] = []
            while seen.last?.hasPrefix(prefix) != true, seen.last != "nothing" { seen.append(next()) }
            return seen
        }
    }

    @Test func systemdIsTold() throws {
        let house = try StubHouse()
        let manager = try Manager(in: house.directory)
        let daemon = try house.start(environment: manager.environment)
        #expect(
            manager.until("READY=1") == [
                "FDSTORE=1\nFDNAME=greymoat-listener", "FDSTORE=1\nFDNAME=greymoat-listener",
                "READY=1\nSTATUS=listening on [::]:8025 0.0.0.0:8025",
            ])
        #expect(manager.next() == "WATCHDOG=1")
        #expect(manager.next() == "WATCHDOG=1")
        daemon.signal(SIGHUP)
        #expect(manager.until("READY=1").contains { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") })
        try house.configure("[greylist]\npastime = \"25m\"")
        daemon.signal(SIGHUP)
        let refusal = "READY=1\nSTATUS=the configuration was not reloaded: \(house.configuration):3: "
        #expect(manager.until("READY=1").last?.hasPrefix(refusal) == true)
        try house.configure("")
        daemon.signal(SIGHUP)
        #expect(manager.until("READY=1").last == "READY=1\nSTATUS=listening on [::]:8025 0.0.0.0:8025")
        daemon.signal(SIGTERM)
        #expect(manager.until("STOPPING=1").last == "STOPPING=1")
        #expect(daemon.waitForExit() == 0)
    }

    /// A reload that is asked for meanwhile waits: systemd starts what needs us once it hears that we are ready.
    @Test func aReloadDuringTheStartDoesNotMakeItReady() throws {
        let house = try StubHouse()
        let manager = try Manager(in: house.directory)
        try house.script("greymoat-engine", "silent")
        let daemon = try house.host.spawn(house.command, environment: manager.environment)
        try daemon.waitForLog("greymoat-engine starts with")
        try house.configure("[greylist]\npastime = \"25m\"")
        daemon.signal(SIGHUP)
        usleep(100_000)
        try house.script("greymoat-engine", "")
        kill(try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first).pid, SIGKILL)
        #expect(manager.until("READY=1").last == "READY=1\nSTATUS=listening on [::]:8025 0.0.0.0:8025")
        #expect(manager.until("READY=1").last?.hasPrefix("READY=1\nSTATUS=the configuration was not reloaded: ") == true)
        #expect(daemon.terminate() == 0)
    }

    /// A connection that came while nobody was there waits in the listener that was kept.
    @Test func keptListenersAreTakenOver() throws {
        let house = try StubHouse()
        let kept = try house.host.listen(port: 8025, address: "0.0.0.0")
        let client = try house.host.connect(to: "127.0.0.1", port: 8025)
        let other = try house.host.listen(port: 9999, address: "0.0.0.0")
        let words = house.command.map { "'\($0)'" }.joined(separator: " ")
        let daemon = try house.host.spawn(
            ["sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=greymoat-listener:stranger exec \(words)"],
            descriptors: [kept.descriptor, other.descriptor])
        try daemon.waitForLog("greymoatd: listening on [::]:8025 0.0.0.0:8025")
        withExtendedLifetime((kept, client, other)) {}
        #expect(daemon.terminate() == 0)
    }

    /// Whoever changes [listen] addresses and restarts the service finds neither an address taken by the listener of before, nor
    /// that one open with nobody to answer.
    @Test func keptListenersOfOtherAddressesAreEnded() throws {
        let house = try StubHouse()
        try house.host.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
        try house.configure("[listen]\naddresses = [\"192.0.2.1\"]")
        let manager = try Manager(in: house.directory)
        let kept = try house.host.listen(port: 8025, address: "0.0.0.0")
        let elsewhere = try house.host.listen(port: 9999, address: "0.0.0.0")
        let words = house.command.map { "'\($0)'" }.joined(separator: " ")
        let daemon = try house.host.spawn(
            ["sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=greymoat-listener:greymoat-listener exec \(words)"],
            environment: manager.environment, descriptors: [kept.descriptor, elsewhere.descriptor])
        try daemon.waitForLog("greymoatd: listening on 192.0.2.1:8025\n")
        #expect(
            manager.until("READY=1") == [
                "FDSTOREREMOVE=1\nFDNAME=greymoat-listener", "FDSTORE=1\nFDNAME=greymoat-listener",
                "READY=1\nSTATUS=listening on 192.0.2.1:8025",
            ])
        #expect(throws: (any Error).self) { try house.host.connect(to: "127.0.0.1", port: 9999) }
        withExtendedLifetime((kept, elsewhere)) {}
        #expect(daemon.terminate() == 0)
    }

    @Test func anotherProcessesListenersAreNot() throws {
        let house = try StubHouse()
        let kept = try house.host.listen(port: 8025, address: "0.0.0.0")
        let daemon = try house.host.spawn(
            house.command,
            environment: ProcessInfo.processInfo.environment.merging([
                "LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "greymoat-listener",
            ]) { $1 },
            descriptors: [kept.descriptor])
        #expect(daemon.waitForExit() == 69)
        withExtendedLifetime(kept) {}
    }
}
