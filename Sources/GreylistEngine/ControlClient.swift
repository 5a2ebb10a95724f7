internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import Moments

/// One connection of the control socket. It is read only while nothing is being answered, and a listing is read from the
/// database only as fast as the client takes it: a slow client costs a little memory, and nobody's time.
final class ControlClient {
    let id: UInt32
    let peer: PeerCredentials
    /// What is being answered.
    var activity = Activity.idle
    /// Counts requests, so that a late answer finds its own.
    var request: UInt64 = 0
    /// Requests that arrived together and wait for their turn.
    var waiting: [ControlRequest] = []
    /// Configuration text whose last piece has not come.
    var blocklistText: [UInt8] = []
    /// When it last sent or took something.
    var lastSign: MonotonicTime
    /// Nothing more comes from it that could be understood: it is closed when it has been told everything.
    var hasEnded = false
    /// What epoll watches its socket for.
    var watched: Epoll.Interest = [.readable, .peerClosed]
    private var channel: StreamChannel<ControlRequest, ControlReply>

    enum Activity {
        case idle
        /// The answer comes by itself.
        case working
        case listing(Listing)
        case importing(Import)
        case sending(OpenFile)
    }

    /// Bytes on their way to one client above which nothing more is read for it.
    static let feedLevel = 256 << 10
    /// Bytes of requests taken at once.
    static let readBudget = 64 << 10

    init(id: UInt32, peer: PeerCredentials, socket: consuming FileDescriptor, now: MonotonicTime) throws(SystemError) {
        self.id = id
        self.peer = peer
        lastSign = now
        channel = try StreamChannel(socket, outputLimit: 4 << 20)
    }

    var descriptor: Int32 { channel.descriptor.number }
    var pendingOutput: Int { channel.pendingOutput }
    var ticket: ControlTicket { ControlTicket(client: id, request: request) }
    /// Nothing can be done for it before it says more.
    var wantsInput: Bool {
        guard waiting.isEmpty else { return false }
        switch activity {
        case .idle: return true
        case .importing(let session): return !session.isWorking
        case .working, .listing, .sending: return false
        }
    }

    /// Whether its socket is to be read: an import's next lines may gather while the last ones are stored.
    var isRead: Bool {
        guard case .importing = activity else { return wantsInput }
        return waiting.count < Import.piecesAtOnce
    }

    /// Takes in what has arrived; false when the client has gone.
    func receive() throws(ChannelError) -> Bool {
        try channel.receive(budget: Self.readBudget) { request throws(ChannelError) in waiting.append(request) } == .drained
    }

    /// Queues a reply; false when the client is too far behind.
    func send(_ reply: ControlReply) -> Bool { channel.enqueue(reply) }

    /// Sends what is queued; true when all of it went.
    func flush() throws(SystemError) -> Bool { try channel.flush() }

    /// A listing under way.
    struct Listing {
        var request: ListingRequest
        var cursor: ListingCursor?
        /// Only the key of each line.
        var keysOnly: Bool
        var isReading = false
    }

    /// An import under way.
    struct Import {
        var dryRun: Bool
        var report = ImportReport()
        var isWorking = false
        /// Host rows taken in; past a limit the sets are loaded whole at the end, which is cheaper than change by change.
        var hosts: UInt64 = 0
        var nextProgress: MonotonicTime

        static let wholeLoadLimit: UInt64 = 20_000
        /// Messages stored in one transaction at most: some 4,000 rows, a tenth of a second that attempts wait for. Smaller ones
        /// write the same pages of the indexes over and over.
        static let piecesAtOnce = 8
    }
}

/// The control socket's clients.
struct ControlServer {
    var clients: [UInt32: ControlClient] = [:]
    var lastID: UInt32 = 0
    /// Clients with something to do or to send this turn.
    var active: Set<UInt32> = []
    /// Reloads the supervisor was asked for, by the number it was given.
    var reloads: [UInt64: ControlTicket] = [:]
    var lastReload: UInt64 = 0
    /// Answers that wait for the kernel.
    var awaitingKernel: [ControlTicket: AwaitedKernel] = [:]

    struct AwaitedKernel {
        var replies: [ControlReply]
        var deadline: MonotonicTime
        /// The ruleset is to be loaded, which nft may refuse.
        var appliesRuleset = false
    }

    /// Clients at once; one more is turned away.
    static let clientLimit = 64
    /// How long a client may neither read nor say anything.
    static let idleLimit: Duration = .seconds(600)
    /// How long a client with output waiting for it may take nothing.
    static let stallLimit: Duration = .seconds(60)
    /// How long a command waits for the kernel to follow.
    static let kernelWait: Duration = .seconds(10)
    /// The same where everything may have to be loaded, a million elements: after an import, and to apply the ruleset.
    static let kernelWaitForAll: Duration = .seconds(60)
}
