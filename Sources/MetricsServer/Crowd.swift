internal import MetricsText
internal import NIOCore
internal import Synchronization

/// Everybody connected. When there are too many the one who has been there longest without asking goes: somebody who holds
/// connections open keeps nobody else out. Everything mutable is behind the one lock.
final class Crowd: Sendable {
    private struct State {
        /// Those who have not asked yet, oldest first.
        var silent: [any Channel] = []
        var count = 0
        var facts = ServerFacts()
    }

    private let state = Mutex(State())

    /// Connections at once.
    static let limit = 128

    /// Answers there can be.
    static let codes = [200, 400, 404, 405, 408, 431, 503]

    init() { state.withLock { state in for code in Self.codes { state.facts.answers[code] = 0 } } }

    /// What has happened so far.
    var facts: ServerFacts { state.withLock { $0.facts } }

    func enter(_ channel: any Channel) {
        let evicted: (any Channel)? = state.withLock { state in
            state.count += 1
            state.silent.append(channel)
            // Where everybody has asked, the newcomer goes: the others' answers are on their way.
            guard state.count > Self.limit else { return nil }
            state.facts.evicted += 1
            return state.silent.removeFirst()
        }
        evicted?.close(promise: nil)
        channel.closeFuture.whenComplete { [self] _ in leave(channel) }
    }

    /// It has asked for something.
    func spoke(_ channel: any Channel) { state.withLock { state in state.silent.removeAll { $0 === channel } } }

    func answered(_ code: Int) { state.withLock { $0.facts.answers[code, default: 0] += 1 } }

    private func leave(_ channel: any Channel) {
        state.withLock { state in
            state.count -= 1
            state.silent.removeAll { $0 === channel }
        }
    }
}
