internal import Addressing
internal import RoleMessages

/// One connection the tarpit holds, as the engine keeps it in mind. There may be 100,000 of them: keep it small.
struct HeldConnection {
    let address: IPAddress
    /// Where the client meant to go; nil when unknown.
    let destination: IPAddress?
    var standing: Standing
    var acknowledgement = Acknowledgement()

    enum Standing {
        case grey
        /// Proven or allowed: nothing it does is recorded.
        case white
        /// On these loaded blacklists.
        case listed([String])
        /// It passed itself. The kernel lets its next connection through.
        case passed
        /// Trapped before it came.
        case held
        /// It sprang a trap itself. Its last log line names no list: it came as a grey host.
        case sprung
        /// Blacklist-only mode, not listed.
        case annoyed

        /// Counted as black, and what it says is logged `(BLACK)`.
        var isBlack: Bool {
            switch self {
            case .grey, .white, .passed: false
            case .listed, .held, .sprung, .annoyed: true
            }
        }

        /// Whether its attempts go to the policy.
        var isRecorded: Bool {
            switch self {
            case .grey, .held, .sprung: true
            case .white, .passed, .listed, .annoyed: false
            }
        }

        /// What the log says behind `lists:`.
        var lists: [String] {
            switch self {
            case .listed(let names): names
            case .held: [GreytrapList.name]
            case .grey, .white, .passed, .sprung, .annoyed: []
            }
        }
    }
}

/// Names a connection over all links, past and present.
struct ConnectionID: Hashable, Sendable {
    /// The link's number: each link the supervisor hands over has its own.
    var link: UInt32
    /// The tarpit's number.
    var number: UInt64
}

/// The list that trapped hosts are on, under spamd's name.
enum GreytrapList {
    static let name = "spamd-greytrap"
    static let message = "Your address %A has mailed to spamtraps here"
}
