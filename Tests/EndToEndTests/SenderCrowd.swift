import Foundation
import TestSupport

/// Senders that never stop coming, each tuple from an address of its own, of both families: what each was told, and when.
/// Where asked for, some come back after passtime, and some name a trap.
final class SenderCrowd: Sendable {
    struct Dialogue: Sendable {
        var address: String
        var begun: ContinuousClock.Instant
        var ended: ContinuousClock.Instant
        /// Deferred as a grey host, or held as a trapped one.
        var isTrapped: Bool
    }

    struct Tally: Sendable {
        var dialogues: [Dialogue] = []
        var failures: [String] = []
        var isOver = false
        var running = 0
    }

    static let trap = "trap@example.org"
    private let site: Site
    private let tally = Guarded(Tally())

    /// The site's stranger answers for 10.64.0.0/10 and 2001:db8:c000::/36 from now on.
    init(_ site: Site) throws {
        self.site = site
        try site.stranger.sysctl("net.ipv6.ip_nonlocal_bind", "1")
        try site.stranger.run("ip", "route", "add", "local", "10.64.0.0/10", "dev", "lo")
        try site.stranger.run("ip", "-6", "route", "add", "local", "2001:db8:c000::/36", "dev", "lo")
        try site.host.run("ip", "route", "add", "10.64.0.0/10", "via", Site.Family.ipv4.stranger(10))
        try site.host.run("ip", "-6", "route", "add", "2001:db8:c000::/36", "via", Site.Family.ipv6.stranger(10))
    }

    var answered: Int { tally.with { $0.dialogues.count } }

    /// - Parameter mixed: a third of them come back after three seconds, which is passtime, and one in sixteen names the trap.
    func run(threads: Int, mixed: Bool) {
        for thread in 0..<threads {
            tally.with { $0.running += 1 }
            Thread.detachNewThread { [self] in
                var waiting: [(family: Site.Family, address: String, since: ContinuousClock.Instant)] = []
                var number = 0
                while !tally.with({ $0.isOver }) {
                    if let first = waiting.first, ContinuousClock.now - first.since > .seconds(3.05) {
                        _ = offer(first.family, first.address, trap: false)
                        waiting.removeFirst()
                        continue
                    }
                    number += 1
                    let family: Site.Family = number % 2 == 0 ? .ipv4 : .ipv6
                    let address =
                        family == .ipv4
                        ? "10.\(64 + thread).\(number >> 8).\(number & 255)"
                        : "2001:db8:\(String(0xC000 + thread, radix: 16)):\(String(number, radix: 16))::1"
                    let isTrapHitter = mixed && number % 16 == 7
                    if offer(family, address, trap: isTrapHitter), mixed, !isTrapHitter, number % 3 == 0 {
                        waiting.append((family, address, ContinuousClock.now))
                    }
                }
                tally.with { $0.running -= 1 }
            }
        }
    }

    /// One dialogue up to its end; false when it did not come to one.
    private func offer(_ family: Site.Family, _ address: String, trap: Bool) -> Bool {
        let begun = ContinuousClock.now
        do {
            let connection = try site.stranger.connect(to: family.address, port: 25, source: address, within: .seconds(20))
            var reply = try site.offerMail(on: connection, from: "<sender@\(address)>", to: trap ? "<\(Self.trap)>" : "<joe@example.org>")
            let isTrapped = reply.code == 354
            if isTrapped {
                try connection.send(".")
                reply = try connection.readReply()
            }
            guard reply.code == (isTrapped ? 450 : 451) else { throw LabError("answered \(reply.code)") }
            let dialogue = Dialogue(address: address, begun: begun, ended: ContinuousClock.now, isTrapped: isTrapped)
            tally.with { $0.dialogues.append(dialogue) }
            return true
        } catch {
            tally.with { $0.failures.append("\(address): \(error)") }
            return false
        }
    }

    /// Lets the dialogues under way end, and tells what they came to.
    func stop() -> Tally {
        tally.with { $0.isOver = true }
        _ = tally.wait(within: .seconds(60)) { $0.running == 0 ? true : nil }
        return tally.with { $0 }
    }
}
