import CTLSPeer
import Glibc
import TarpitHarness

/// An SMTP client that has said STARTTLS.
final class EncryptedClient {
    private let client: SMTPClient
    private let tls: OpaquePointer
    private var received: [UInt8] = []

    /// Shakes hands over `client`, which has read the 220 to STARTTLS.
    init(_ client: SMTPClient) throws {
        self.client = client
        tls = gm_tls_client_new(0)
        while true {
            let state = gm_tls_client_handshake(tls)
            try flush()
            if state == 1 { break }
            guard state == 0, try feed() else { throw TarpitHarness.Fault(description: "the handshake failed") }
        }
    }

    deinit { gm_tls_client_free(tls) }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        _ = gm_tls_client_write(tls, bytes, bytes.count)
        try flush()
    }

    /// The next line without its line end; nil at the end.
    func line() throws -> String? {
        while true {
            if let end = received.firstIndex(of: 10) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end].dropLast(), as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = gm_tls_client_read(tls, &buffer, buffer.count)
            if count > 0 {
                received += buffer[..<count]
            } else if try !feed() {
                return nil
            }
        }
    }

    func ask(_ line: String) throws -> String {
        try send(line + "\r\n")
        while let answer = try self.line() {
            if Array(answer.utf8).dropFirst(3).first == UInt8(ascii: " ") { return answer }
        }
        return ""
    }

    /// The server said goodbye before it closed.
    var sawClose: Bool { gm_tls_client_saw_close(tls) == 1 }

    private func feed() throws -> Bool {
        let bytes = try client.some()
        gm_tls_client_feed(tls, bytes, bytes.count)
        return !bytes.isEmpty
    }

    private func flush() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = gm_tls_client_take(tls, &buffer, buffer.count)
            if count == 0 { return }
            try client.send(Array(buffer[..<count]))
        }
    }
}

/// A certificate and its key, made for one test, as PEM.
struct TestCertificate {
    let certificate: [UInt8]
    let key: [UInt8]

    init() {
        var texts: (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?) = (nil, nil)
        precondition(gm_make_certificate(Int32(GM_KEY_ECDSA_P256.rawValue), -3600, 86_400, nil, &texts.0, &texts.1) == 1)
        certificate = Array(String(cString: texts.0!).utf8)
        key = Array(String(cString: texts.1!).utf8)
        free(texts.0)
        free(texts.1)
    }
}
