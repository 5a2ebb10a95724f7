internal import LinuxIO
internal import RoleMessages
internal import SMTPDialogue
internal import TLS

/// STARTTLS between a socket and its dialogue.
extension TarpitLoop {
    mutating func startTLS(_ index: Int32) {
        let row = table.row(index)
        do throws(TLSError) {
            guard let tls else { return row.pointee.dialogue.handshakeFailed(context, &outbox) }
            row.pointee.tls = try HeldSession(tls)
        } catch {
            counts[.tlsFailures] += 1
            row.pointee.dialogue.handshakeFailed(context, &outbox)
        }
    }

    /// False when the connection is over.
    mutating func takeCiphertext(_ index: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard table.row(index).pointee.tls!.session.feed(bytes) else { return false }
        return decrypt(index)
    }

    /// Goes on with the handshake, or hands the dialogue what the session can decrypt and the dialogue has room for.
    mutating func decrypt(_ index: Int32) -> Bool {
        let row = table.row(index)
        while true {
            let room = min(row.pointee.dialogue.inputRoom, Self.readSize)
            row.pointee.hasDecryptedMore = room == 0
            guard room > 0 else { return true }
            let outcome = row.pointee.tls!.session.read(into: UnsafeMutableRawBufferPointer(rebasing: decrypted[..<room]))
            var isBroken = false
            var sent = 0
            Self.sendPending(row, &sent, &isBroken)
            counts[.bytesOut] += UInt64(sent)
            if isBroken { return false }
            if row.pointee.tls!.session.isEstablished, row.pointee.dialogue.isShakingHands {
                counts[.tlsHandshakes] += 1
                row.pointee.dialogue.handshakeFinished(context, &outbox)
            }
            switch outcome {
            case .plaintext(let count):
                let bytes = UnsafeRawBufferPointer(rebasing: decrypted[..<count])
                _ = row.pointee.dialogue.receive(bytes, context, &outbox)
            case .needsInput:
                if row.pointee.sawEndOfInput { row.pointee.dialogue.endOfInput(context, &outbox) }
                return true
            case .closed:
                row.pointee.dialogue.endOfInput(context, &outbox)
                return true
            case .failed:
                counts[.tlsFailures] += 1
                return false
            }
        }
    }

    /// Sends ciphertext that waits; true when none is left.
    @discardableResult
    static func sendPending(_ row: UnsafeMutablePointer<Connection>, _ sent: inout Int, _ isBroken: inout Bool) -> Bool {
        let descriptor = row.pointee.descriptor
        while row.pointee.tls!.session.pendingOutput > 0 {
            var taken = 0
            row.pointee.tls!.session.sendOutput { waiting in
                taken = sendSome(descriptor, waiting, &isBroken)
                return taken
            }
            sent += taken
            if taken == 0 { return false }
        }
        return true
    }

    /// Encrypts a part of a reply and sends it; returns how many of its bytes the session has taken.
    static func sendEncrypted(
        _ row: UnsafeMutablePointer<Connection>, _ bytes: UnsafeRawBufferPointer, _ sent: inout Int, _ isBroken: inout Bool
    ) -> Int {
        guard sendPending(row, &sent, &isBroken) else { return 0 }
        let count = row.pointee.tls!.session.write(bytes)
        sendPending(row, &sent, &isBroken)
        return count
    }
}
