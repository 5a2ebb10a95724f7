import Foundation
import TestSupport
import Testing

/// Blocklists through the whole product: spamd.conf, a web server, a program, the control socket and spamd's own port.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndBlocklistTests {
    private static let port = 8026

    /// A site with this spamd.conf. `www` in its directory is served on 127.0.0.1:8080.
    private func site(_ configuration: String) throws -> (site: Site, web: LabProcess) {
        let site = try Site(configuration: ["tarpit": "grey-stutter = \"0s\"\nstutter = \"0s\""], start: false)
        let path = site.directory + "/greymoat.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try (text + "[blocklists]\nconfig = \"\(site.directory)/spamd.conf\"\nconfig-port = \(Self.port)\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        try configuration.replacing("DIRECTORY", with: site.directory).write(
            toFile: site.directory + "/spamd.conf", atomically: true, encoding: .utf8)
        try FileManager.default.createDirectory(atPath: site.directory + "/www", withIntermediateDirectories: true)
        let web = try site.host.spawn([
            "python3", "-u", "-m", "http.server", "8080", "--bind", "127.0.0.1", "--directory", site.directory + "/www",
        ])
        try web.waitForOutput("Serving HTTP")
        return (site, web)
    }

    private func write(_ site: Site, _ name: String, _ lines: [String]) throws {
        try (lines.joined(separator: "\n") + "\n").write(toFile: site.directory + "/" + name, atomically: true, encoding: .utf8)
    }

    /// The list on the web server, packed, and newer by these minutes: who asks whether it has changed is told in whole seconds.
    private func publish(_ site: Site, _ lines: [String], minutes: Int) throws {
        try write(site, "www/list", lines)
        try site.host.run("gzip", "-fn", site.directory + "/www/list")
        try site.host.run("touch", "-d", "+\(minutes) minutes", site.directory + "/www/list.gz")
    }

    private func command(_ site: Site, _ name: String, _ words: String...) throws -> LabHost.Outcome {
        let link = site.directory + "/" + name
        if !FileManager.default.fileExists(atPath: link) {
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: Site.binaries + "/greymoat")
        }
        return try site.host.attempt(["env", "GREYMOAT_SOCKET=\(site.directory)/run/control.sock", link] + words)
    }

    /// What a stranger's mail is told in the end: the lines of the reply to DATA, or to the message after it.
    private func rejection(_ site: Site, _ number: Int) throws -> SMTPReply {
        let connection = try site.connect(.ipv4, number)
        let reply = try site.offerMail(on: connection)
        guard reply.code == 354 else { return reply }
        try connection.send(".")
        return try connection.readReply()
    }

    @Test func listsOfEveryKindDecide() throws {
        let (site, web) = try site(
            """
            all:\\
            \t:web:friends:program:

            web:\\
            \t:black:\\
            \t:msg="%A is on the web's list\\nsee http\\://www.example.org/":\\
            \t:method=http:\\
            \t:file=127.0.0.1\\:8080/list.gz:

            friends:\\
            \t:white:\\
            \t:method=file:\\
            \t:file=DIRECTORY/friends:

            program:\\
            \t:black:\\
            \t:msg=DIRECTORY/message:\\
            \t:method=exec:\\
            \t:file=/bin/cat DIRECTORY/more:

            """)
        try publish(site, ["# comment", "192.0.2.10/31 rest of the line", "192.0.2.12 - 192.0.2.15", "2001:db8::a:10"], minutes: 0)
        try write(site, "friends", ["192.0.2.11"])
        try write(site, "more", ["192.0.2.12"])
        try write(site, "message", ["You are on the program's list, %A"])
        try site.start()
        let said = try command(site, "spamd-setup", "-d")
        #expect(said.status == 0, "\(said.errors)")
        #expect(said.errors == "blacklist web 3 entries\nwhitelist friends 1 entries\nblacklist program 1 entries\n")
        #expect(web.log.contains("GET /list.gz"))

        // On one list, on two, taken off by the white list, on none.
        let one = try rejection(site, 10)
        #expect(one.code == 450 && one.lines.count == 2)
        #expect(
            one.lines[0].hasSuffix("192.0.2.10 is on the web's list") && one.lines[1].hasSuffix("see http://www.example.org/"), "\(one)")
        let two = try rejection(site, 12)
        #expect(two.lines.count == 3 && two.lines[2].hasSuffix("You are on the program's list, 192.0.2.12"), "\(two)")
        #expect(try rejection(site, 11).code == 451)
        #expect(try rejection(site, 16).code == 451)
        #expect(site.daemon!.log.contains("192.0.2.12: connected (1/1), lists: web program"), "\(site.daemon!.log)")
        let explanation = try site.greymoat("explain", "192.0.2.12")
        #expect(explanation.output.contains("verdict\tlisted\n") && explanation.output.contains("program"))

        // A source that turns to nonsense keeps its last good copy, and says so.
        try publish(site, ["<html><body>Moved</body></html>"], minutes: 1)
        let faulty = try command(site, "spamd-setup")
        #expect(faulty.status == 1 && faulty.errors.hasPrefix("spamd-setup: web: "), "\(faulty.errors)")
        #expect(try rejection(site, 10).code == 450)
        #expect(try site.greymoat("blocklist", "show").status == 0)

        // A list that is good again counts from the next connection on.
        try publish(site, ["192.0.2.16"], minutes: 2)
        #expect(try command(site, "spamd-setup", "-n").status == 0)
        #expect(try rejection(site, 10).code == 450, "-n loads nothing")
        #expect(try command(site, "spamd-setup").status == 0)
        #expect(try rejection(site, 10).code == 451)
        #expect(try rejection(site, 16).code == 450)
    }

    @Test func spamdsConfigurationPort() throws {
        let (site, _) = try site("all:\\\n\t::\n")
        try site.start()
        let send = """
            import socket, sys
            s = socket.socket()
            s.bind(("127.0.0.1", int(sys.argv[1])))
            s.connect(("127.0.0.1", \(Self.port)))
            s.sendall(b'sent;"Your address %A was sent here";inet;1;192.0.2.10/32\\n')
            s.shutdown(socket.SHUT_WR)
            s.recv(1)
            """
        _ = try site.host.attempt(["python3", "-c", send, "2000"])
        #expect(try rejection(site, 10).code == 451, "an ordinary user's port counts for nothing")
        _ = try site.host.attempt(["python3", "-c", send, "700"])
        let reply = try eventually("the list is in force") {
            let reply = try rejection(site, 10)
            return reply.code == 450 ? reply : nil
        }
        #expect(reply.lines[0].hasSuffix("Your address 192.0.2.10 was sent here"), "\(reply)")
    }
}
