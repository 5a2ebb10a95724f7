import CTLSPeer
import TLS

/// An OpenSSL client and our session, joined by nothing but memory.
final class Conversation {
    var session: TLSSession
    let client: OpaquePointer
    /// Plaintext the server has read.
    private(set) var received: [UInt8] = []
    private(set) var last = TLSSession.ReadOutcome.needsInput
    /// Bytes moved at a time, both ways.
    var chunk = Int.max

    init(_ context: borrowing TLSServerContext, maximumVersion: Int32 = 0) throws {
        session = try TLSSession(context)
        client = gm_tls_client_new(maximumVersion)
    }

    deinit { gm_tls_client_free(client) }

    var isEstablished: Bool { session.isEstablished }
    var pendingOutput: Int { session.pendingOutput }
    var version: String { session.version }
    func feed(_ bytes: some Sequence<UInt8>) -> Bool { Array(bytes).withUnsafeBytes { session.feed($0) } }
    func write(_ bytes: some Sequence<UInt8>) -> Int { Array(bytes).withUnsafeBytes { session.write($0) } }
    func write(_ text: String) -> Int { write(text.utf8) }

    /// Gives the session up for another one.
    func giveSessionAway(_ other: consuming TLSSession) -> TLSSession {
        var given = other
        swap(&given, &session)
        return given
    }

    func handshake() -> Bool {
        for _ in 0..<20 {
            let done = gm_tls_client_handshake(client)
            exchange()
            if done < 0 { return false }
            if done == 1, session.isEstablished { return true }
        }
        return false
    }

    /// Moves what either side has to say, until both are silent.
    func exchange() {
        var moved = true
        while moved {
            moved = toServer() > 0
            moved = toClient() > 0 || moved
            _ = gm_tls_client_handshake(client)
        }
    }

    @discardableResult func toServer() -> Int {
        let bytes = takeFromClient()
        give(bytes)
        return bytes.count
    }

    /// Feeds the server, `chunk` bytes at a time, and reads whatever it makes of them.
    func give(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(min(chunk, 16_384))
            rest = rest.dropFirst(piece.count)
            precondition(piece.withUnsafeBytes { session.feed($0) })
            readAll()
        }
    }

    func readAll() {
        while true {
            var buffer = [UInt8](repeating: 0, count: 1000)
            last = buffer.withUnsafeMutableBytes { session.read(into: $0) }
            guard case .plaintext(let count) = last else { return }
            received += buffer[..<count]
        }
    }

    func takeFromClient() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = gm_tls_client_take(client, &bytes, bytes.count)
        return Array(bytes[..<count])
    }

    @discardableResult func toClient() -> Int {
        var total = 0
        while session.pendingOutput > 0 {
            session.sendOutput { bytes in
                let count = min(chunk, bytes.count)
                gm_tls_client_feed(client, bytes.baseAddress, count)
                total += count
                return count
            }
        }
        return total
    }

    func clientWrites(_ bytes: [UInt8]) { precondition(gm_tls_client_write(client, bytes, bytes.count) == bytes.count) }

    /// Everything the client can decrypt now.
    func clientReads() -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = gm_tls_client_read(client, &buffer, buffer.count)
            guard count > 0 else { return all }
            all += buffer[..<count]
        }
    }
}
