import RoleMessages
import TestSupport
import Testing

/// The real process against servers in a namespace of the test's own.
@Suite(.enabled(if: LabRequirement.namespaces.missing == nil, "needs network namespaces: root, or unshare -rn"))
struct FetchServerTests {
    /// A host on which a Python program serves; it says `ready` when it does.
    private func serve(_ program: String, _ body: (LabHost) throws -> Void) throws {
        let lab = NamespaceLab()
        let host = try lab.host("lists")
        let server = try host.spawn(["python3", "-u", "-c", program])
        try server.waitForLog("ready")
        try body(host)
        lab.tearDown()
    }

    private let web = #"""
        import sys, gzip, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        LIST = b"192.0.2.1\n198.51.100.0/24\n"
        class Handler(BaseHTTPRequestHandler):
            def answer(self, status, body=b"", length=None, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)
            def do_GET(self):
                path = self.path
                if path == "/list":
                    if self.headers.get("If-None-Match") == '"v1"': return self.answer(304, ETag='"v1"')
                    return self.answer(200, LIST, ETag='"v1"', Last_Modified="Sat, 21 Nov 2026 06:00:00 GMT")
                if path == "/dated":
                    if self.headers.get("If-Modified-Since") == "Sat, 21 Nov 2026 06:00:00 GMT": return self.answer(304)
                    return self.answer(200, LIST, Last_Modified="Sat, 21 Nov 2026 06:00:00 GMT")
                if path == "/list.gz": return self.answer(200, gzip.compress(LIST))
                if path == "/moved": return self.answer(302, b"<html>moved</html>", Location="/list", ETag='"moved"')
                if path == "/loop": return self.answer(302, Location="/loop")
                if path == "/file": return self.answer(302, Location="file:///etc/passwd")
                if path == "/half": return self.answer(200, LIST, length=1000)
                if path == "/half.gz": return self.answer(200, gzip.compress(LIST * 1000)[:-20])
                if path == "/bomb.gz": return self.answer(200, gzip.compress(bytes(8 << 20)))
                if path == "/agent": return self.answer(200, (self.headers.get("User-Agent") + "\n").encode())
                if path == "/slow": return time.sleep(1000)
                if path == "/[1-3]{a}": return self.answer(200, LIST)
                if path == "/trickle":
                    self.send_response(200); self.end_headers()
                    while True: self.wfile.write(b"192.0.2.1\n"); time.sleep(0.1)
                self.answer(404, b"<html>no such list</html>")
            def log_message(self, *arguments): pass
        ThreadingHTTPServer.daemon_threads = True
        server = ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
        print("ready", file=sys.stderr)
        server.serve_forever()
        """#

    @Test func overHTTP() throws {
        try serve(web) { host in
            func get(_ path: String, _ change: (inout FetchOrder) -> Void = { _ in }) throws -> FetchRun.Report {
                try FetchRun.report(.url("http://127.0.0.1:8000" + path), on: host, change)
            }
            let text = "192.0.2.1\n198.51.100.0/24\n"
            let whole = try get("/list")
            #expect(whole.text == text)
            #expect(whole.outcome == .complete(entityTag: "\"v1\"", lastModified: "Sat, 21 Nov 2026 06:00:00 GMT"))

            let again = try get("/list") { $0.entityTag = "\"v1\"" }
            #expect(again.outcome == .notModified && again.bytes.isEmpty)
            #expect(try get("/list") { $0.entityTag = "\"v0\"" }.text == text)
            #expect(try get("/dated") { $0.lastModified = "Sat, 21 Nov 2026 06:00:00 GMT" }.outcome == .notModified)

            #expect(try get("/list.gz").text == text)
            let moved = try get("/moved")
            #expect(moved.text == text && moved.outcome == .complete(entityTag: "\"v1\"", lastModified: "Sat, 21 Nov 2026 06:00:00 GMT"))
            #expect(try get("/[1-3]{a}").text == text, "brackets are the server's, not curl's")
            #expect(try get("/agent").text == "greymoat\n")
        }
    }

    @Test func serversThatFail() throws {
        try serve(web) { host in
            func failure(_ path: String, port: Int = 8000, _ change: (inout FetchOrder) -> Void = { _ in }) throws -> String {
                let report = try FetchRun.report(.url("http://127.0.0.1:\(port)\(path)"), on: host, change)
                guard case .failed(let sentence) = report.outcome else { return "\(String(describing: report.outcome))" }
                return sentence
            }
            #expect(try failure("/none") == "could not be fetched: The requested URL returned error: 404")
            #expect(try failure("/half").hasPrefix("could not be fetched: transfer closed with "))
            #expect(try failure("/half.gz") == "ends in the middle of its gzip data")
            #expect(try failure("/bomb.gz") { $0.byteLimit = 1 << 20 } == "unpacks to more than 1 MB")
            #expect(try failure("/list") { $0.byteLimit = 10 } == "could not be fetched: Maximum file size exceeded")
            #expect(try failure("/loop") == "could not be fetched: Maximum (5) redirects followed")
            #expect(try failure("/file").contains("file"), "no way from a server to our files")
            #expect(try failure("/list", port: 8001).hasPrefix("could not be fetched: Failed to connect"))
            for path in ["/slow", "/trickle"] {
                let sentence = try failure(path) { $0.timeLimit = .seconds(1) }
                #expect(sentence == "took longer than 1 seconds" || sentence.hasPrefix("could not be fetched: Operation timed out"))
            }
        }
    }

    /// Python's own file server, as it stands: it knows If-Modified-Since.
    @Test func pythonsServer() throws {
        let scratch = try Scratch()
        let packed = try gzip(Array("192.0.2.1\n".utf8))
        _ = try scratch.write("list.gz", packed)
        let lab = NamespaceLab()
        let host = try lab.host("lists")
        let server = try host.spawn(["python3", "-u", "-m", "http.server", "8000", "--bind", "::1", "--directory", scratch.path])
        let isUp = (0..<500).contains { _ in
            if (try? host.connect(to: "::1", port: 8000)) != nil { return true }
            return server.waitForExit(within: .milliseconds(20)) != nil
        }
        #expect(isUp)
        let report = try FetchRun.report(.url("http://[::1]:8000/list.gz"), on: host)
        #expect(report.text == "192.0.2.1\n")
        guard case .complete("", let date) = report.outcome, !date.isEmpty else { throw LabError("\(String(describing: report.outcome))") }
        #expect(try FetchRun.report(.url("http://[::1]:8000/list.gz"), on: host) { $0.lastModified = date }.outcome == .notModified)
    }

    private let ftp = #"""
        import socket, sys
        control = socket.create_server(("127.0.0.1", 2121))
        print("ready", file=sys.stderr)
        while True:
            client, _ = control.accept()
            lines = client.makefile("rwb", buffering=0)
            lines.write(b"220 ready\r\n")
            for line in lines:
                verb = line.split()[0].upper()
                if verb == b"USER": lines.write(b"331 password\r\n")
                elif verb == b"PASS": lines.write(b"230 in\r\n")
                elif verb == b"PWD": lines.write(b'257 "/"\r\n')
                elif verb == b"TYPE": lines.write(b"200 ok\r\n")
                elif verb == b"EPSV":
                    data = socket.create_server(("127.0.0.1", 0))
                    lines.write(b"229 (|||%d|)\r\n" % data.getsockname()[1])
                elif verb == b"SIZE": lines.write(b"213 10\r\n")
                elif verb == b"RETR":
                    lines.write(b"150 coming\r\n")
                    connection, _ = data.accept()
                    connection.sendall(b"192.0.2.1\n"); connection.close(); data.close()
                    lines.write(b"226 done\r\n")
                elif verb == b"QUIT": lines.write(b"221 bye\r\n"); break
                else: lines.write(b"502 no\r\n")
            client.close()
        """#

    @Test func overFTP() throws {
        try serve(ftp) { host in
            let report = try FetchRun.report(.url("ftp://127.0.0.1:2121/list"), on: host) { $0.entityTag = "x" }
            #expect(report.text == "192.0.2.1\n" && report.outcome == .complete(entityTag: "", lastModified: ""))
        }
    }
}
