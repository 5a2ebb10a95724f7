internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import RoleMessages

/// `greymoat export --database`: a consistent copy of the database file, made beside it and sent piece by piece.
extension Engine {
    func copyDatabase(_ client: ControlClient) {
        guard let backUp else {
            return finish(client, .failure("this store has no single file to copy", exitStatus: 2))
        }
        let ticket = client.ticket
        let path = "\(configuration.databasePath).copy-\(ticket.client)-\(ticket.request)"
        let then: (Result<Handover<OpenFile>, StoreFault>) -> Void = { [unowned self] result in
            guard let client = self.client(of: ticket) else { return }
            switch result {
            case .success(let file):
                client.activity = .sending(file.value)
                control.active.insert(client.id)
            case .failure(let fault): finish(client, fault)
            }
        }
        do throws(SystemError) {
            // It takes seconds at a million rows: on a thread of its own, no listing and no load waits for it.
            try errands.run(
                "store-copy",
                { () throws(StoreFault) in
                    try backUp(path)
                    do throws(SystemError) {
                        // Without its name, the copy goes when it is closed, whatever happens to us.
                        let file = OpenFile(try .openForReading(path))
                        try removeFile(path)
                        return Handover(value: file)
                    } catch { throw .failed("the database was copied to \(path), but \(error)") }
                }, then: then)
        } catch { finish(client, .failure("\(error)", exitStatus: 2)) }
    }

    func goOn(_ file: OpenFile, _ client: ControlClient) {
        guard client.pendingOutput < ControlClient.feedLevel else { return }
        do throws(SystemError) {
            let piece = try file.descriptor.readAll(limit: ControlRequest.chunkLimit)
            if piece.isEmpty { return finish(client) }
            reply(.file(piece), to: client)
        } catch { finish(client, .failure("the copy of the database cannot be read: \(error)", exitStatus: 2)) }
    }
}

/// An open file that a value may carry.
final class OpenFile {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    init?(_ descriptor: consuming FileDescriptor?) {
        guard let descriptor else { return nil }
        self.descriptor = descriptor
    }
}
