/// A role that greymoatd starts.
enum RoleName: Hashable, Sendable {
    case firewall
    case engine
    case tarpit(worker: Int)
    /// Short-lived: one blocklist source.
    case fetch(request: UInt64)
    /// Only where `[metrics] listen` asks for it.
    case metrics

    /// The program, which lies beside greymoatd.
    var program: String {
        switch self {
        case .firewall: "greymoat-firewall"
        case .engine: "greymoat-engine"
        case .tarpit: "greymoat-tarpit"
        case .fetch: "greymoat-fetch"
        case .metrics: "greymoat-metrics"
        }
    }

    static let programs = [Self.firewall, .engine, .tarpit(worker: 0), .fetch(request: 0), .metrics].map(\.program)

    /// The user it runs as.
    var user: String { program }

    /// The firewall role must stay where the rules are, and a fetcher must reach its source; nobody else has any business
    /// in a network.
    var hasNetwork: Bool {
        switch self {
        case .firewall, .fetch: true
        case .engine, .tarpit, .metrics: false
        }
    }

    var worker: Int {
        switch self {
        case .firewall, .engine, .fetch, .metrics: 0
        case .tarpit(let worker): worker
        }
    }

    /// Who is told to end first.
    var stopWave: Int {
        switch self {
        case .tarpit, .fetch, .metrics: 0
        case .engine: 1
        case .firewall: 2
        }
    }

    /// Mail is filtered without it as well: it keeps nobody from starting, and can end nobody.
    var isDispensable: Bool { self == .metrics }

    /// A stranger's bytes reach it first: once mail is served, its word ends nobody but itself.
    var meetsStrangers: Bool {
        if case .tarpit = self { true } else { false }
    }

    /// As messages name it.
    var title: String {
        switch self {
        case .firewall, .engine, .fetch, .metrics, .tarpit(worker: 0): program
        case .tarpit(let worker): "\(program) \(worker)"
        }
    }
}
