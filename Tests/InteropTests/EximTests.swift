import Foundation
import TestSupport
import Testing

/// Exim as the sender, unpacked beside Postfix (their packages exclude each other) by scripts/test.
@Suite(.enabled(if: TarpitLab.missing(TarpitLab.exim) == nil, TarpitLab.reason(TarpitLab.exim)))
struct EximInteropTests {
    /// Where TLS is required, getting as far as DATA is the proof of it.
    @Test(arguments: TarpitLab.Family.allCases, ["", "hosts_require_tls = *"])
    func mailStaysQueued(family: TarpitLab.Family, tls: String) throws {
        let lab = try TarpitLab("stutter-ms=0")
        let log = try deliver(lab, family, tls)
        #expect(log.contains("SMTP error from remote mail server after"), "\(log)")
        #expect(log.contains("451 4.7.1 Greylisted, please try again later"), "\(log)")
        #expect(!log.contains("**"), "bounced: \(log)")
    }

    @Test func insistsOnTLSAndFindsNone() throws {
        let lab = try TarpitLab(offersTLS: false, "stutter-ms=0")
        let log = try deliver(lab, .ipv4, "hosts_require_tls = *")
        #expect(log.contains("a TLS session is required"), "\(log)")
        #expect(!log.contains("**"), "bounced: \(log)")
    }

    /// One delivery attempt; the main log.
    private func deliver(_ lab: TarpitLab, _ family: TarpitLab.Family, _ tls: String) throws -> String {
        let spool = try lab.directory("exim")
        // It runs itself as another user, who may not get at a checkout in somebody's home.
        let exim = lab.directory.appendingPathComponent("exim4").path
        try lab.client.run("cp", "-p", TarpitLab.exim, exim)
        let configuration = lab.directory.appendingPathComponent("exim.conf")
        try """
        primary_hostname = client.example
        spool_directory = \(spool.path)
        log_file_path = \(spool.path)/%slog
        exim_user = nobody
        exim_group = nogroup
        tls_advertise_hosts =
        keep_environment =
        exim_path = \(exim)
        host_lookup =
        log_selector = +tls_cipher +smtp_confirmation
        begin routers
        everything:
          driver = manualroute
          domains = *
          transport = smarthost
          route_data = \(family.server.replacing(":", with: "::"))
          host_find_failed = defer
        begin transports
        smarthost:
          driver = smtp
          \(tls)
        begin retry
        * * F,2h,15m
        """.write(to: configuration, atomically: true, encoding: .utf8)
        try lab.client.run("chown", "-R", "nobody:nogroup", spool.path)
        try lab.client.run("chmod", "711", lab.directory.path)
        // Debian's Exim wants its user by name; a mount namespace shows it one that this machine does not have.
        let users = lab.directory.appendingPathComponent("passwd"), groups = lab.directory.appendingPathComponent("group")
        try (String(contentsOfFile: "/etc/passwd", encoding: .utf8) + "Debian-exim:x:65534:65534::/nonexistent:/bin/false\n")
            .write(to: users, atomically: true, encoding: .utf8)
        try (String(contentsOfFile: "/etc/group", encoding: .utf8) + "Debian-exim:x:65534:\n").write(
            to: groups, atomically: true, encoding: .utf8)
        let script = "mount --bind \(users.path) /etc/passwd && mount --bind \(groups.path) /etc/group && exec \"$@\""
        let outcome = try lab.client.attempt(
            ["unshare", "-m", "sh", "-c", script, "sh", exim, "-C", configuration.path]
                + ["-odf", "-oi", "-f", "a@client.example", "b@d.example"],
            input: "From: a@client.example\nTo: b@d.example\nSubject: hello\n\nhello\n")
        let log = spool.appendingPathComponent("mainlog")
        guard let text = try? String(contentsOf: log, encoding: .utf8) else {
            throw LabError("Exim wrote no log: \(outcome.output)\(outcome.errors)")
        }
        return text
    }
}
