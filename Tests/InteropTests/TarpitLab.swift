import Foundation
import TestSupport
import Testing

/// A tarpit on port 25 of one host and a client on another, joined by IPv4 and IPv6.
final class TarpitLab {
    let lab = NamespaceLab()
    let client: LabHost
    let server: LabHost
    let tarpit: LabProcess
    /// Where certificates and clients' spools live; gone with the lab.
    let directory: URL

    enum Family: String, CaseIterable, Sendable {
        case ipv4 = "192.0.2.2"
        case ipv6 = "2001:db8::2"

        var server: String { rawValue }
        var inBrackets: String { "[\(rawValue)]" }
    }

    /// The products of the build these tests belong to.
    static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    /// The program under test: the release build where scripts/test names one.
    static let tarpit = (ProcessInfo.processInfo.environment["GREYMOAT_RELEASE_DIR"].map { URL(fileURLWithPath: $0) } ?? products)
        .appendingPathComponent("greymoat-tarpit").path
    /// A debug build answers a hundred times slower: crowds that keep it busy are smaller then.
    static let isRelease = ProcessInfo.processInfo.environment["GREYMOAT_RELEASE_DIR"] != nil

    /// `settings`: keys of tarpit-alone.
    init(offersTLS: Bool = true, _ settings: String...) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("greymoat-interop-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        client = try lab.host("client")
        server = try lab.host("server")
        try lab.link(client, "eth0", ["192.0.2.1/24", "2001:db8::1/64"], server, "eth0", ["192.0.2.2/24", "2001:db8::2/64"])
        // The client's host answers for 198.18.0.0/15 as well: crowds come from many addresses.
        try client.run("ip", "route", "add", "local", "198.18.0.0/15", "dev", "lo")
        try server.run("ip", "route", "add", "198.18.0.0/15", "via", "192.0.2.1")
        var arguments = [
            Self.products.appendingPathComponent("tarpit-alone").path, Self.tarpit,
            "port=25", "stdin=ignored",
        ]
        arguments += Family.allCases.map { "address=\($0.server)" }
        if offersTLS {
            let certificate = directory.appendingPathComponent("certificate.pem").path
            let key = directory.appendingPathComponent("key.pem").path
            try server.run(
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                "/CN=mx.example.org", "-days", "2", "-out", certificate, "-keyout", key)
            arguments += ["certificate=\(certificate)", "key=\(key)"]
        }
        tarpit = try server.spawn(arguments + settings)
        try tarpit.waitForOutput("ready")
    }

    /// The first worker's pid, from `ready port=25 pids=…`.
    var worker: Int32 {
        let pids = tarpit.output.split(separator: "pids=").last ?? ""
        return Int32(pids.prefix { $0.isNumber }) ?? 0
    }

    deinit {
        lab.tearDown()
        try? FileManager.default.removeItem(at: directory)  // A directory left in /tmp spoils no test.
    }

    func directory(_ name: String) throws -> URL {
        let url = directory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    /// Where scripts/test unpacks Exim.
    static let exim = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../.build/exim/usr/sbin/exim4").standardizedFileURL.path

    /// Why a program's tests cannot run here; nil when they can.
    static func missing(_ program: String) -> String? {
        if let reason = LabRequirement.missing([.namespaces, .users]) { return reason }
        if program.hasPrefix("/") {
            if let reason = LabRequirement.missing([.mounts]) { return reason }
            return FileManager.default.isExecutableFile(atPath: program) ? nil : "\(program) is not there; scripts/test gets it"
        }
        for place in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] where FileManager.default.isExecutableFile(atPath: "\(place)/\(program)") {
            return nil
        }
        return "\(program) is not installed; scripts/test installs it"
    }

    static func reason(_ program: String) -> Comment { "\(missing(program) ?? "")" }
}
