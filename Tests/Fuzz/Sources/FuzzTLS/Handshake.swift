internal import Glibc
internal import TLS

/// One session that is fed whatever the fuzzer thinks of.
enum Handshake {
    static func feed(_ input: UnsafeBufferPointer<UInt8>) {
        guard let size = input.first else { return }
        var session: TLSSession
        do throws(TLSError) { session = try TLSSession(identity.context) } catch { preconditionFailure("\(error)") }
        var rest = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: input.dropFirst()))
        var buffer: [UInt8] = Array(repeating: 0, count: 512)
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Int(size) + 1))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            precondition(session.feed(piece), "a feed far below the limit was refused")
            var outcome = buffer.withUnsafeMutableBytes { session.read(into: $0) }
            while case .plaintext(let count) = outcome {
                precondition(count > 0 && session.isEstablished, "plaintext without a handshake")
                outcome = buffer.withUnsafeMutableBytes { session.read(into: $0) }
            }
            precondition(session.pendingOutput <= TLSSession.unreadLimit + 65_536, "output without bounds")
            if case .failed = outcome {
                precondition(!session.isEstablished && session.version.isEmpty)
                precondition(buffer.withUnsafeBytes { session.write($0) } == 0, "a failed session took plaintext")
                break
            }
        }
        session.close()
        session.sendOutput { $0.count }
        precondition(session.pendingOutput == 0)
    }

    /// A key pair made once for this fuzzer, which protects nothing.
    private struct Identity: ~Copyable, @unchecked Sendable {
        let context: TLSServerContext

        init() {
            func contents(_ name: String) -> [UInt8] {
                let here = #filePath
                let path = here[..<(here.lastIndex(of: "/") ?? here.endIndex)] + "/" + name
                guard let file = fopen(String(path), "r") else { preconditionFailure("cannot open \(path)") }
                defer { fclose(file) }
                var bytes = [UInt8](repeating: 0, count: 8192)
                return Array(bytes[..<fread(&bytes, 1, bytes.count, file)])
            }
            do throws(TLSError) {
                context = try TLSServerContext(certificate: contents("certificate.pem"), key: contents("key.pem"))
            } catch { preconditionFailure("\(error)") }
        }
    }

    private static let identity = Identity()
}
