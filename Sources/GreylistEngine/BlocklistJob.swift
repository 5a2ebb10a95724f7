internal import Blocklists
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import WireFormat

/// One thing to fetch: a list's source, or the file that holds its message.
enum BlocklistJob: Hashable, Sendable {
    case source(SpamdConfiguration.List)
    case message(SpamdConfiguration.List, file: String)

    var list: SpamdConfiguration.List {
        switch self {
        case .source(let list): list
        case .message(let list, _): list
        }
    }

    /// What the fetching process is asked for. `state`: what is known of the source.
    func order(_ state: SourceState?) -> FetchOrder {
        switch self {
        case .message(_, let file): return FetchOrder(source: .file(file))
        case .source(let list):
            var order: FetchOrder
            switch list.source {
            case .file(let path): order = FetchOrder(source: .file(path))
            case .url(let url): order = FetchOrder(source: .url(url))
            case .command(let words): order = FetchOrder(source: .command(words))
            }
            if let state, state.copy != nil {
                order.entityTag = state.validators.entityTag
                order.lastModified = state.validators.lastModified
            }
            return order
        }
    }
}

/// How a fetch ended, taken in on an errand's thread: the list is parsed, judged and kept there.
struct BlocklistFetchEnd: Sendable {
    var state: SourceState?
    var message: RejectionMessage?
    /// For the log, nil when there is nothing to say.
    var note: String?
    /// Something is new: the table must be built again.
    var isNew = false
    var failure: String?
}

extension BlocklistJob {
    /// Reads a fetching process's stream to its end. `directory`: where a good copy is kept, nil to keep none (a dry run).
    func take(
        _ socket: borrowing FileDescriptor, state: SourceState?, directory: BlocklistDirectory?, clock: EngineClock
    ) -> BlocklistFetchEnd {
        switch self {
        case .source(let list):
            var parser = AddressListParser()
            let end = Self.read(socket) { parser.append($0) }
            let outcome: SourceState.Outcome =
                switch end {
                case .complete(let tag, let date):
                    .list(parser.finish(), SourceState.Validators(entityTag: tag, lastModified: date))
                case .notModified: .notModified
                case .failed(let reason): .failed(reason)
                }
            return Self.take(outcome, list, state, directory, clock.now().wall)
        case .message(let list, let file):
            var bytes: [UInt8] = []
            let end = Self.read(socket) { bytes += $0.prefix(max(0, BlocklistDirectory.messageLimit - bytes.count)) }
            return Self.take(message: bytes, end, list, file, directory)
        }
    }

    /// A fetch that never began.
    func refused(_ reason: String, state: SourceState?, clock: EngineClock) -> BlocklistFetchEnd {
        switch self {
        case .source(let list): Self.take(.failed(reason), list, state, nil, clock.now().wall)
        case .message(let list, let file): Self.take(message: [], .failed(reason), list, file, nil)
        }
    }

    private static func take(
        _ outcome: SourceState.Outcome, _ list: SpamdConfiguration.List, _ known: SourceState?, _ directory: BlocklistDirectory?,
        _ now: UnixTime
    ) -> BlocklistFetchEnd {
        var state = known ?? SourceState(source: list.source.description)
        var isFile = false
        if case .file = list.source { isFile = true }
        let decision = state.take(outcome, name: list.name, emptyIsFine: isFile, now: now)
        var end = BlocklistFetchEnd(state: state, failure: state.failure)
        switch decision {
        case .unchanged: break
        case .keep(let sentence): end.note = sentence
        case .use(let note):
            end.note = note
            end.isNew = true
            do throws(SystemError) { try directory?.save(state, of: list.name) } catch {
                end.note = "blocklist \(list.name): is loaded, but no copy of it could be kept: \(error)"
            }
        }
        return end
    }

    private static func take(
        message bytes: [UInt8], _ outcome: FetchNotice.Outcome, _ list: SpamdConfiguration.List, _ file: String,
        _ directory: BlocklistDirectory?
    ) -> BlocklistFetchEnd {
        if case .failed(let reason) = outcome {
            return BlocklistFetchEnd(
                note: "blocklist \(list.name): its message, \(file), \(reason); the text read before stays, if there is one",
                failure: "its message, \(file), \(reason)")
        }
        var end = BlocklistFetchEnd(message: RejectionMessage(bytes), isNew: true)
        do throws(SystemError) { try directory?.save(message: RejectionMessage(bytes), from: file, of: list.name) } catch {
            end.note = "blocklist \(list.name): no copy of its message could be kept: \(error)"
        }
        return end
    }

    /// Waits for each piece: the process that sends them is bounded in time by itself, and by the supervisor.
    private static func read(_ socket: borrowing FileDescriptor, _ body: ([UInt8]) -> Void) -> FetchNotice.Outcome {
        var decoder = FetchNotice.decoder()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        do {
            while let count = try socket.read(&buffer), count > 0 {
                decoder.append(buffer[..<count])
                while let frame = try decoder.next() {
                    switch try FetchNotice(decoding: frame) {
                    case .bytes(let bytes): body(bytes)
                    case .finished(let outcome): return outcome
                    }
                }
            }
        } catch { return .failed("could not be taken over from greymoat-fetch: \(error)") }
        return .failed("could not be fetched: greymoat-fetch ended before it was done; see the log")
    }
}
