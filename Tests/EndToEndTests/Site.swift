import Foundation
import LinuxIO
import Moments
import TestSupport
import Testing

/// A mail site under test: a host with a real server on port 25, Greymoat's release binaries in front of it, and a
/// stranger's host with many addresses, all in namespaces of their own. Gone when the value is.
final class Site: @unchecked Sendable {
    // Built once, then only its own thread-safe parts are used from several threads.
    let lab: NamespaceLab
    let stranger: LabHost
    let host: LabHost
    /// The real mail server's socket: what lands here was let through.
    let realServer: LabListener
    let directory: String
    private(set) var daemon: LabProcess?

    static let addresses: [Family: String] = [.ipv4: "192.0.2.200", .ipv6: "2001:db8::25"]

    enum Family: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case ipv4, ipv6
        var address: String { Site.addresses[self]! }
        var setSuffix: String { self == .ipv4 ? "" : "6" }
        /// The stranger's n-th address, from 10 on.
        func stranger(_ number: Int) -> String { self == .ipv4 ? "192.0.2.\(number)" : "2001:db8::a:\(number)" }
        var testDescription: String { rawValue }
    }

    /// Where the binaries are: the release ones that `scripts/test` built, else those beside this test bundle.
    static let binaries: String = {
        if let named = ProcessInfo.processInfo.environment["GREYMOAT_RELEASE_DIR"] { return named }
        return Bundle.allBundles.lazy.map(\.bundleURL).first { $0.pathExtension == "xctest" }?.deletingLastPathComponent().path
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
    }()

    static let ruleset: String = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("../../nft/greymoat.nft").standardized.path

    /// - Parameter configuration: replaces the defaults below, `[section]` by `[section]`, in TOML.
    init(configuration: [String: String] = [:], start: Bool = true) throws {
        lab = NamespaceLab()
        stranger = try lab.host("stranger")
        host = try lab.host("host")
        let strangers = Family.allCases.flatMap { family in
            (10..<30).map { family.stranger($0) + (family == .ipv4 ? "/24" : "/64") }
        }
        try lab.link(
            stranger, "eth0", strangers, host, "eth0", [Family.ipv4.address + "/24", Family.ipv6.address + "/64"])
        realServer = try host.listen(port: 25)
        directory = try Self.makeDirectory()
        var sections = [
            "": "config-version = 1\nhostname = \"mail.example.org\"",
            "greylist": "passtime = \"3s\"\ngreyexp = \"10m\"\nalloweddomains = \"\"",
            "tarpit": "grey-stutter = \"0s\"\nbanner = \"Tester\"",
            "firewall": "ruleset = \"\(Self.ruleset)\"",
        ]
        sections.merge(configuration) { _, new in new }
        let text = sections.sorted { $0.key < $1.key }.map { $0.key.isEmpty ? $0.value : "[\($0.key)]\n\($0.value)" }
        try (text.joined(separator: "\n") + "\n").write(toFile: directory + "/greymoat.toml", atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: directory + "/spamdb", withDestinationPath: Self.binaries + "/greymoat")
        if start { try self.start() }
    }

    deinit {
        daemon?.terminate()
        lab.tearDown()
        // A directory of a test that is over; nothing depends on its going.
        _ = try? FileManager.default.removeItem(atPath: directory)
    }

    static func makeDirectory() throws -> String {
        var template = Array("/tmp/greymoat-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LabError("cannot make a temporary directory") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    var daemonArguments: [String] {
        [
            Self.binaries + "/greymoatd", "--config", directory + "/greymoat.toml", "--state-dir", directory + "/state",
            "--runtime-dir", directory + "/run",
        ]
    }

    /// Starts greymoatd and waits until it listens. `wrapper`: a command that becomes the one that follows it.
    func start(_ switches: [String] = [], wrapper: [String] = []) throws {
        let daemon = try host.spawn(wrapper + daemonArguments + switches)
        try daemon.waitForLog("listening", within: .seconds(20))
        self.daemon = daemon
    }

    // MARK: What an administrator sees

    private func administer(_ program: String, _ arguments: [String]) throws -> LabHost.Outcome {
        try host.attempt(["env", "GREYMOAT_SOCKET=\(directory)/run/control.sock", program] + arguments)
    }

    /// `spamdb` with these arguments; its lines. Throws unless the exit status is the expected one.
    @discardableResult
    func spamdb(_ arguments: String..., status: Int32 = 0) throws -> [String] {
        let outcome = try administer(directory + "/spamdb", arguments)
        guard outcome.status == status else {
            throw LabError("spamdb \(arguments) ended with \(outcome.status): \(outcome.errors)\(outcome.output)\n\(daemon?.log ?? "")")
        }
        return outcome.output.split(separator: "\n").map(String.init)
    }

    func greymoat(_ arguments: String...) throws -> LabHost.Outcome { try administer(Self.binaries + "/greymoat", arguments) }

    /// `greymoat status --json`, decoded.
    func status() throws -> [String: Any] {
        let outcome = try greymoat("status", "--json")
        guard outcome.status == 0, let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] else {
            throw LabError("greymoat status --json ended with \(outcome.status): \(outcome.errors)\(outcome.output)")
        }
        return object
    }

    /// The fields of the rows of one kind and address.
    func rows(_ kind: String, _ address: String) throws -> [[String]] {
        try spamdb().map { $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
            .filter { $0[0] == kind && $0[1] == address }
    }

    /// Seconds each element of a set was given and has left, by address, as `nft -j list set` tells it.
    func elements(of set: String) throws -> [String: (timeout: Int, expires: Int)] {
        let json = try host.run("nft", "-j", "list", "set", "inet", "greymoat", set)
        guard let top = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            let objects = top["nftables"] as? [[String: Any]], let set = objects.compactMap({ $0["set"] as? [String: Any] }).first
        else { throw LabError("not nft's JSON: \(json)") }
        var found: [String: (timeout: Int, expires: Int)] = [:]
        for element in set["elem"] as? [[String: Any]] ?? [] {
            guard let inner = element["elem"] as? [String: Any], let value = inner["val"] as? String else { continue }
            found[value] = (inner["timeout"] as? Int ?? 0, inner["expires"] as? Int ?? 0)
        }
        return found
    }

    var database: String { directory + "/state/greymoat.db" }

    // MARK: Processes

    /// The pids of a role, by the name `ps` shows.
    func pids(of role: String) throws -> [Int32] {
        let children = try String(contentsOfFile: "/proc/\(daemon!.pid)/task/\(daemon!.pid)/children", encoding: .utf8)
        return children.split(separator: " ").compactMap { Int32($0) }.filter {
            (try? String(contentsOfFile: "/proc/\($0)/cmdline", encoding: .utf8))?.split(separator: "\0").first.map { $0.hasSuffix(role) }
                ?? false
        }
    }

    // MARK: What a stranger does

    /// Opens a connection to port 25 from one of the stranger's addresses.
    func connect(_ family: Family, _ number: Int = 10, within limit: Duration = .seconds(5)) throws -> LabConnection {
        try stranger.connect(to: family.address, port: 25, source: family.stranger(number), within: limit)
    }

    /// A whole grey dialogue up to the reply to DATA, which is returned; the connection is left open.
    @discardableResult
    func offerMail(
        on connection: LabConnection, from: String = "<ann@stranger.example>", to: String = "<joe@example.org>",
        helo: String = "mail.stranger.example"
    ) throws -> SMTPReply {
        try connection.expect(220)
        try connection.expect(250, to: "EHLO \(helo)")
        try connection.expect(250, to: "MAIL FROM:\(from)")
        try connection.expect(250, to: "RCPT TO:\(to)")
        try connection.send("DATA")
        return try connection.readReply()
    }
}

/// Waits until the wall clock shows `time`: for deadlines that are the subject of the test itself.
func wait(untilWall time: Int64) {
    let timer = Guarded(())
    while Clock.wall().seconds < time { _ = timer.wait(within: .milliseconds(50)) { _ in Int?.none } }
}

/// Looks again and again until `condition` gives a value; throws with `what` when `limit` passes first.
func eventually<Value>(_ what: @autoclosure () -> String, within limit: Duration = .seconds(10), _ condition: () throws -> Value?) throws
    -> Value
{
    let deadline = ContinuousClock.now + limit
    let timer = Guarded(())
    while true {
        if let value = try condition() { return value }
        guard ContinuousClock.now < deadline else { throw LabError("did not come to pass within \(limit): \(what())") }
        _ = timer.wait(within: .milliseconds(20)) { _ in Int?.none }
    }
}

/// What every end-to-end test needs.
let endToEnd: [LabRequirement] = [.namespaces, .nftables, .packetLog, .root]
