import Foundation
import TestSupport

/// Connections from one address, one after the other, up to a thousand a second, on a thread of their own until stopped.
final class Traffic: Sendable {
    private let state = Guarded(State())

    struct State: Sendable {
        /// How often each server answered, by its name.
        var answers: [String: Int] = [:]
        var failures: [String] = []
        var isStopped = false
        var hasEnded = false
    }

    init(from host: LabHost, _ source: String, to address: String) {
        let state = state
        Thread.detachNewThread {
            while !state.with({ $0.isStopped }) {
                do {
                    let connection = try host.connect(to: address, port: 25, source: source)
                    let banner = try connection.readLine()
                    connection.reset()
                    usleep(500)  // pace: what is tested needs a share of the processor as well
                    state.with { $0.answers[banner.replacing("220 ", with: ""), default: 0] += 1 }
                } catch { state.with { $0.failures.append("\(error)") } }
            }
            state.with { $0.hasEnded = true }
        }
    }

    /// Waits until there were `count` more answers.
    func flow(_ count: Int = 20) -> Bool {
        let before = state.with { $0.answers.values.reduce(0, +) }
        return state.wait(within: .seconds(10)) { $0.answers.values.reduce(0, +) >= before + count ? true : nil } == true
    }

    func stop() -> State {
        state.with { $0.isStopped = true }
        _ = state.wait(within: .seconds(10)) { $0.hasEnded ? true : nil }
        return state.with { $0 }
    }
}
