internal import Blocklists
internal import Moments
internal import RoleMessages

/// A short-lived `greymoat-fetch` at work.
struct Fetcher {
    let request: UInt64
    let process: Int32
    let channel: RoleChannel
    /// When it is ended, done or not.
    let deadline: MonotonicTime

    /// At once, at most.
    static let limit = 4
    /// Whatever the engine asks for, a fetch takes no longer and brings no more.
    static let longest = Duration.seconds(3600)
    static let largest: UInt64 = 1 << 30
    /// Beyond its own time limit, to say that it ran into it.
    static let grace = Duration.seconds(5)
}

extension FetchOrder.Source {
    /// As spamd.conf's parser has it.
    var configured: SpamdConfiguration.Source {
        switch self {
        case .file(let path): .file(path)
        case .url(let url): .url(url)
        case .command(let words): .command(words)
        }
    }
}
