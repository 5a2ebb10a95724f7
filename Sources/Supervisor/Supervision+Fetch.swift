internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import Sandbox
internal import Settings

extension Supervision {
    /// Starts a fetcher for the engine, for a source that the administrator named.
    func fetch(_ order: FetchOrder, request: UInt64, for engine: Role) {
        guard engine.name == .engine, phase == .serving || phase == .starting else { return }
        guard configurations.files.blocklistSources.contains(order.source.configured) else {
            return refuse(
                request, "is not in \(configurations.configuration.blocklists.config) as greymoatd read it; greymoat reload reads it again",
                engine)
        }
        guard fetchers.count < Fetcher.limit else {
            return refuse(request, "has to wait, since \(Fetcher.limit) others are being fetched", engine)
        }
        var order = order
        order.timeLimit = min(order.timeLimit, Fetcher.longest)
        order.byteLimit = min(order.byteLimit, Fetcher.largest)
        do throws(StartFailure) {
            let launched = try launcher.launch(.fetch(request: request))
            let deadline = Clock.monotonic() + order.timeLimit + Fetcher.grace
            let fetcher = Fetcher(request: request, process: launched.process, channel: launched.channel, deadline: deadline)
            fetchers.append(fetcher)
            do throws(SystemError) {
                let link = try Link()
                try epoll.add(fetcher.channel.number, .readable, token: UInt64(fetcher.process))
                fetcher.channel.send(.start(.fetch(order)), descriptors: [link.first])
                engine.channel?.send(.link(.fetch(request: request)), descriptors: [link.second])
                watch(engine)
            } catch {
                kill(fetcher.process, SIGKILL)
                refuse(request, "cannot be fetched: \(error)", engine)
            }
            for sentence in launched.missing where saidOfFetchers.insert(sentence).inserted && engine.missing.contains(sentence) == false {
                log.warning("the sandbox of greymoat-fetch is not whole: \(sentence)")
            }
        } catch { refuse(request, "cannot be fetched: \(error.sentences.joined(separator: "; "))", engine) }
    }

    private func refuse(_ request: UInt64, _ sentence: String, _ engine: Role) {
        engine.channel?.send(.fetchRefused(request: request, sentence))
        watch(engine)
    }

    /// What a fetcher says to us; its source goes to the engine alone.
    func serve(_ fetcher: Fetcher) {
        let notices: [RoleNotice]
        switch fetcher.channel.receive() {
        case .notices(let all): notices = all
        case .ended(let all, _):
            notices = all
            do throws(SystemError) { try epoll.remove(fetcher.channel.number) } catch { log.error("\(error)") }
            kill(fetcher.process, SIGKILL)
        }
        for case .warning(let sentence) in notices { log.warning("greymoat-fetch: \(sentence)") }
        for case .ready(let missing) in notices {
            for sentence in missing where saidOfFetchers.insert(sentence).inserted {
                log.warning("the sandbox of greymoat-fetch is not whole: \(sentence)")
            }
        }
    }

    /// Its end, told by wait(2). True when it was a fetcher.
    func fetcherEnded(_ process: Int32, _ status: ExitStatus) -> Bool {
        guard let index = fetchers.firstIndex(where: { $0.process == process }) else { return false }
        fetchers.remove(at: index)
        if case .killed(let signal) = status, signal != SIGKILL { log.error("greymoat-fetch \(status)") }
        return true
    }

    func endLateFetchers(at now: MonotonicTime) {
        for fetcher in fetchers where now >= fetcher.deadline { kill(fetcher.process, SIGKILL) }
    }

    func endFetchers() {
        for fetcher in fetchers { kill(fetcher.process, SIGKILL) }
    }
}
