import Foundation
import TestSupport
import Testing

/// greymoatd with stand-ins for its roles, in a directory and a network of its own.
final class StubHouse {
    let directory: String
    let lab = NamespaceLab()
    let host: LabHost

    static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    static let probe = products + "/sandbox-probe"
    private static let ruleset = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../../nft/greymoat.nft")
    static let roles = ["greymoat-firewall", "greymoat-engine", "greymoat-tarpit"]

    /// `hasRealRoles`: the roles themselves, with the ruleset of this repository.
    init(hasRealRoles: Bool = false) throws {
        directory = NSTemporaryDirectory().trimmingSuffix("/") + "/greymoat-\(UUID().uuidString)"
        // Roles run as other users and look for their script here.
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        for program in ["greymoatd", "greymoat-fetch", "greymoat-metrics"] + Self.roles {
            let source = Self.products + "/" + (program == "greymoatd" || hasRealRoles ? program : "stub-role")
            try FileManager.default.copyItem(atPath: source, toPath: directory + "/" + program)
        }
        let ruleset = hasRealRoles ? try Data(contentsOf: Self.ruleset) : Data("table inet greymoat {}\n".utf8)
        try ruleset.write(to: URL(fileURLWithPath: directory + "/rules.nft"))
        host = try lab.host("house")
        try host.run("ip", "link", "set", "lo", "up")
        try configure("")
    }

    deinit {
        lab.tearDown()
        try? FileManager.default.removeItem(atPath: directory)
    }

    var configuration: String { directory + "/greymoat.toml" }
    var runtime: String { directory + "/run" }
    var state: String { directory + "/state" }

    /// Writes greymoat.toml; keys of sections go into `text`.
    func configure(_ text: String) throws {
        let whole = "hostname = \"mx.example.org\"\n\(text)\n[firewall]\nruleset = \"\(directory)/rules.nft\"\n"
        try Data(whole.utf8).write(to: URL(fileURLWithPath: configuration))
    }

    func script(_ role: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(role).script"))
    }

    var command: [String] {
        [directory + "/greymoatd", "--config", configuration, "--state-dir", state, "--runtime-dir", runtime]
    }

    /// Starts it and waits until it says that it listens.
    func start(_ switches: String..., environment: [String: String]? = nil) throws -> LabProcess {
        let daemon = try host.spawn(command + switches, environment: environment)
        try daemon.waitForLog("listening on [::]:")
        return daemon
    }

    /// Runs `greymoat` against it.
    func greymoat(_ arguments: String...) throws -> LabHost.Outcome {
        try host.attempt([Self.products + "/greymoat", "--socket", runtime + "/control.sock"] + arguments)
    }

    /// Runs it to its end.
    func attempt(_ switches: String..., launcher: [String] = []) throws -> LabHost.Outcome {
        try host.attempt(launcher + command + switches)
    }
}

/// A process by what /proc says of it.
struct ProcessEntry {
    let pid: Int32

    /// The children of a process whose first argument is `program`, oldest first.
    static func children(of parent: Int32, running program: String) -> [ProcessEntry] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        return all.sorted().map(ProcessEntry.init).filter { $0.field("PPid") == ["\(parent)"] && $0.arguments.first == program }
    }

    var isAlive: Bool { ["R", "S", "D"].contains(field("State").first ?? "") }

    var arguments: [String] {
        let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    func field(_ name: String) -> [String] {
        let text = FileManager.default.contents(atPath: "/proc/\(pid)/status").map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }) else { return [] }
        return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    func file(_ name: String) -> String {
        FileManager.default.contents(atPath: "/proc/\(pid)/\(name)").map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}

/// Polls what no descriptor tells.
func eventually(within limit: Duration = .seconds(5), _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        usleep(2000)
    }
    return try condition()
}
