import Foundation
import TestSupport
import Testing

/// Postfix as the sender: it must keep the mail and come back, in the clear and in TLS.
@Suite(.enabled(if: TarpitLab.missing("/usr/lib/postfix/sbin/master") == nil, TarpitLab.reason("/usr/lib/postfix/sbin/master")))
struct PostfixInteropTests {
    /// A Postfix with configuration and queue of its own, on the client's host.
    private struct Postfix {
        let process: LabProcess
        let lab: TarpitLab

        init(_ lab: TarpitLab, _ family: TarpitLab.Family, tlsLevel: String) throws {
            self.lab = lab
            let configuration = try lab.directory("postfix")
            let spool = try lab.directory("spool")
            let data = try lab.directory("data")
            try """
            compatibility_level = 3.6
            queue_directory = \(spool.path)
            data_directory = \(data.path)
            maillog_file = /dev/stdout
            myhostname = client.example
            mydestination =
            mynetworks = 127.0.0.0/8
            inet_interfaces = 127.0.0.1, \(family == .ipv4 ? "192.0.2.1" : "[2001:db8::1]")
            inet_protocols = all
            relayhost = [\(family.server)]
            smtp_tls_security_level = \(tlsLevel)
            smtp_tls_loglevel = 1
            smtp_host_lookup = native
            alias_maps =
            alias_database =
            local_recipient_maps =
            """.write(to: configuration.appendingPathComponent("main.cf"), atomically: true, encoding: .utf8)
            try """
            127.0.0.1:10025 inet n - n - - smtpd
            cleanup unix n - n - 0 cleanup
            qmgr unix n - n 300 1 qmgr
            tlsmgr unix - - n 1000? 1 tlsmgr
            rewrite unix - - n - - trivial-rewrite
            bounce unix - - n - 0 bounce
            defer unix - - n - 0 bounce
            trace unix - - n - 0 bounce
            proxymap unix - - n - - proxymap
            smtp unix - - n - - smtp
            relay unix - - n - - smtp
            error unix - - n - - error
            retry unix - - n - - error
            showq unix n - n - - showq
            anvil unix - - n - 1 anvil
            scache unix - - n - 1 scache
            postlog unix-dgram n - n - 1 postlogd
            """.write(to: configuration.appendingPathComponent("master.cf"), atomically: true, encoding: .utf8)
            try lab.client.run("chown", "postfix", data.path)
            // What `postfix start-fg` does, without the shell script around it, which keeps signals to itself.
            try lab.client.run("postfix", "-c", configuration.path, "check")
            process = try lab.client.spawn(["/usr/lib/postfix/sbin/master", "-c", configuration.path, "-s"])
            try process.waitForOutput("daemon started", within: .seconds(30))
        }

        /// Hands it one mail.
        func submit() throws {
            let connection = try lab.client.connect(to: "127.0.0.1", port: 10025)
            try connection.expect(220)
            try connection.expect(250, to: "EHLO user.example")
            try connection.expect(250, to: "MAIL FROM:<a@client.example>")
            try connection.expect(250, to: "RCPT TO:<b@d.example>")
            try connection.expect(354, to: "DATA")
            try connection.send("Subject: hello\r\n\r\nhello\r\n.")
            try connection.expect(250)
            try connection.expect(221, to: "QUIT")
        }

        /// The first log line that holds `text`.
        func logLine(_ text: String, within limit: Duration = .seconds(30)) throws -> String {
            try process.waitForOutput(text, within: limit)
            return process.output.split(separator: "\n").first { $0.contains(text) }.map(String.init) ?? ""
        }
    }

    @Test(arguments: TarpitLab.Family.allCases, ["may", "encrypt"])
    func mailStaysQueued(family: TarpitLab.Family, tlsLevel: String) throws {
        let lab = try TarpitLab("stutter-ms=0")
        let postfix = try Postfix(lab, family, tlsLevel: tlsLevel)
        try postfix.submit()
        let line = try postfix.logLine("status=")
        #expect(line.contains("status=deferred"))
        #expect(line.contains("451 4.7.1 Greylisted, please try again later (in reply to DATA command)"))
        #expect(line.contains("dsn=4.7.1"))
        _ = try postfix.logLine("TLS connection established to \(family.server)")
        postfix.process.terminate()
    }

    @Test func insistsOnTLSAndFindsNone() throws {
        let lab = try TarpitLab(offersTLS: false, "stutter-ms=0")
        let postfix = try Postfix(lab, .ipv4, tlsLevel: "encrypt")
        try postfix.submit()
        let line = try postfix.logLine("status=")
        #expect(line.contains("status=deferred"))
        #expect(line.contains("TLS is required, but was not offered"))
        postfix.process.terminate()
    }

    @Test func stutteredAtFirst() throws {
        let lab = try TarpitLab("stutter-ms=100", "grey-stutter-s=3")
        let postfix = try Postfix(lab, .ipv4, tlsLevel: "may")
        try postfix.submit()
        let line = try postfix.logLine("status=", within: .seconds(60))
        #expect(line.contains("status=deferred") && line.contains("451 4.7.1 Greylisted"))
        postfix.process.terminate()
    }

    @Test func blackIsTemporary() throws {
        let lab = try TarpitLab("class=black", "stutter-ms=0")
        let postfix = try Postfix(lab, .ipv4, tlsLevel: "may")
        try postfix.submit()
        let line = try postfix.logLine("status=")
        #expect(line.contains("status=deferred"))
        #expect(line.contains("450 4.7.1 Your address 192.0.2.1 has mailed to spamtraps here (in reply to end of DATA command)"))
        postfix.process.terminate()
    }
}
