import CLinux
import Glibc
import LinuxIO
import Moments
import RoleMessages
import WireFormat

/// Answers the supervisor as a role does, says on standard error what it is told, and greets whom it is linked to. A file
/// beside it (`greymoat-engine.script`) changes how it behaves, a word a line:
///
///     missing SENTENCE    ready, with a part of the sandbox missing
///     fatal STATUS        fatal instead of ready
///     die                 ends before it is ready
///     silent              never becomes ready
///     reload-failure      refuses a reload
///     reload-die          ends over a reload
///     reload-late         answers a reload when the next one comes, which it refuses
///     ignore-stop         does not end when told to
///     fetch URL           asks for a blocklist source to be fetched, once ready
///     gives-up            SIGUSR1 makes it say that it cannot go on
///     accuses             SIGUSR1 accuses firewall and engine of breaking their links
///
/// SIGUSR1 makes it ask for a reload, SIGUSR2 send something that is no message.
final class StubRole {
    private let name = CommandLine.arguments[0]
    private var worker = 0
    private let channel = PacketChannel(FileDescriptor(owning: 3))
    private var links: [Int32] = []
    private var script: [Substring] = []
    private var requests: UInt64 = 0
    private var fetches: UInt64 = 5
    private var reloads = 0

    func run() -> Never {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGUSR1) { _ in wanted = 1 }
        signal(SIGUSR2) { _ in wanted = 2 }
        readScript()
        do { while true { try turn() } } catch { say("\(error)") }
        exit(70)
    }

    private func turn() throws {
        var watched = ([3] + links).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = poll(&watched, UInt(watched.count), 20)
        let asked = wanted
        wanted = 0
        switch asked {
        case 1 where script.contains("gives-up"): try channel.send(RoleNotice.fatal(exitStatus: 70, "\(name) gives up").packet())
        case 1 where script.contains("accuses"):
            try channel.send(RoleNotice.linkBroken(.firewall).packet())
            try channel.send(RoleNotice.linkBroken(.engine).packet())
        case 1:
            requests += 1
            try channel.send(RoleNotice.reloadWanted(request: requests).packet())
        case 2: try channel.send([1, 2, 3])
        default: break
        }
        for link in watched.dropFirst() where link.revents != 0 { hear(link.fd) }
        guard watched[0].revents != 0, let message = try channel.receive() else { return }
        if message.bytes.isEmpty { exit(0) }
        try obey(SupervisorOrder(packet: message.bytes), message.descriptors)
    }

    private func obey(_ order: SupervisorOrder, _ descriptors: [Int32]) throws {
        switch order {
        case .start(let configuration): try start(configuration, descriptors)
        case .reload(let configuration):
            say("reloads\(summary(configuration))")
            reloads += 1
            if script.contains("reload-die") { exit(9) }
            if script.contains("reload-late") {
                if reloads == 1 { return }
                try channel.send(RoleNotice.reloaded(failure: nil).packet())
            }
            let failure = script.contains("reload-failure") || script.contains("reload-late") ? "it was told to refuse" : nil
            try channel.send(RoleNotice.reloaded(failure: failure).packet())
        case .link(let link):
            say("is linked to \(link)")
            greet(descriptors[0])
        case .roles(let roles):
            say(
                "knows "
                    + roles.map { "\($0.name) \($0.worker) restarts=\($0.restarts) missing=\($0.missing.count)" }.joined(separator: ", "))
        case .reloadOutcome(let request, let failure, let note): say("outcome \(request): \(failure ?? note ?? "good")")
        case .blocklists: say("is given \(descriptors.count) spamd.conf")
        case .notes(let notes): say("notes: \(notes.joined(separator: "; "))")
        case .fetchRefused(let request, let sentence): say("fetch \(request) refused: \(sentence)")
        case .stop:
            say("is told to stop")
            if !script.contains("ignore-stop") { exit(0) }
        }
    }

    private func start(_ configuration: RoleConfiguration, _ descriptors: [Int32]) throws {
        if case .tarpit(let tarpit) = configuration { worker = Int(tarpit.worker) }
        say("starts with \(descriptors.count) descriptors\(summary(configuration))")
        switch configuration {
        case .tarpit, .firewall, .fetch, .metrics: greet(descriptors.last!)
        case .engine: break
        }
        for line in script {
            let words = line.split(separator: " ", maxSplits: 1)
            switch words.first {
            case "missing": return try channel.send(RoleNotice.ready(missing: [String(words[1])]).packet())
            case "fatal": return try channel.send(RoleNotice.fatal(exitStatus: UInt8(words[1])!, "\(name) was told to fail").packet())
            case "die": exit(9)
            case "silent": return
            case "fetch":
                try channel.send(RoleNotice.fetchWanted(request: fetches, FetchOrder(source: .url(String(words[1])))).packet())
                fetches += 1
            default: break
            }
        }
        try channel.send(RoleNotice.ready(missing: []).packet())
    }

    /// What tests look for of a configuration.
    private func summary(_ configuration: RoleConfiguration) -> String {
        switch configuration {
        case .tarpit(let tarpit):
            " hostname=\(tarpit.hostname) stutter=\(tarpit.stutter) listeners=\(tarpit.listeners) workers=\(tarpit.workers) "
                + "connections=\(tarpit.maximumConnections) black=\(tarpit.maximumBlack) redirectedOnly=\(tarpit.redirectedOnly) "
                + "certificate=\(tarpit.certificate.count) key=\(tarpit.key.count)"
        case .engine(let engine): " passtime=\(engine.passtime) domains=\(engine.hasAllowedDomains) database=\(engine.databasePath)"
        case .metrics(let metrics): " listen=\(metrics.listen)"
        case .fetch(let order): " source=\(order.source)"
        case .firewall(let firewall): " table=\(firewall.table) ruleset=\(firewall.ruleset.utf8.count) bytes of \(firewall.rulesetPath)"
        }
    }

    private func greet(_ link: Int32) {
        links.append(link)
        var text = "\(name) \(worker) pid \(getpid())\n"
        text.withUTF8 { _ = write(link, $0.baseAddress, $0.count) }
    }

    private func hear(_ link: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(link, &buffer, buffer.count)
        if count > 0 { return say("hears \(String(decoding: buffer[..<(count - 1)], as: UTF8.self))") }
        say("lost a link")
        close(link)
        links.removeAll { $0 == link }
    }

    private func readScript() {
        var path = [UInt8](repeating: 0, count: 4096)
        let length = path.withUnsafeMutableBytes {
            readlink("/proc/self/exe", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        let program = String(decoding: path[..<max(length, 0)], as: UTF8.self)
        let file = open("\(program).script", O_RDONLY)
        guard file >= 0 else { return }
        var text = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &text, text.count)
        script = String(decoding: text[..<max(count, 0)], as: UTF8.self).split(separator: "\n")
    }

    private func say(_ text: String) {
        var line = "\(name)\(worker > 0 ? " \(worker)" : "") \(text)\n"
        line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
}

nonisolated(unsafe) private var wanted: Int32 = 0
