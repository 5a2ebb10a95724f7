internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import RoleMessages
internal import SQLiteStore
internal import WireFormat

/// greymoat-engine: from its first message to its end.
public enum EngineRole {
    /// The descriptor every role's link to the supervisor has.
    private static let supervisorDescriptor: Int32 = 3

    /// Serves until the supervisor goes or says so, and returns the process's exit status.
    /// `confine`: gives up everything but the state directory it is told, and returns a sentence for each part of the
    /// sandbox that is missing here.
    public static func run(version: String, confine: (_ stateDirectory: String) -> [String]) -> Int32 {
        let supervisor = PacketChannel(FileDescriptor(owning: supervisorDescriptor))
        let start: Start
        switch receiveStart(supervisor) {
        case .ready(let ready): start = ready
        case .over(let status): return status
        }
        var descriptors = DescriptorList(start.descriptors)
        let configuration = start.configuration
        guard let controlListener = descriptors.next() else {
            return fatal(
                70, "the supervisor sent the engine no control socket; all of Greymoat's programs must be of one version", supervisor)
        }
        let packetLog = configuration.hasPacketLog ? descriptors.next() : nil
        let allowedDomains = configuration.hasAllowedDomains ? descriptors.next() : nil
        let blocklists = configuration.hasBlocklists ? descriptors.next() : nil
        let configurationListener = configuration.hasConfigurationListener ? descriptors.next() : nil
        // Before the first thread: most of it holds for the calling thread and those it makes later.
        let missing = confine(Engine.directory(of: configuration.databasePath))
        let (rules, domainsFault) = GreylistRules.read(configuration, allowedDomains: allowedDomains, keeping: AllowedDomains())

        let sink: LogSink
        do throws(SystemError) { sink = LogSink(try FileDescriptor.standardError()) } catch {
            return fatal(70, "standard error cannot be used: \(error)", supervisor)
        }
        let log = EngineLog(sink: sink, clock: .system, configuration: configuration)
        for line in domainsFault?.lines ?? [] { log.logger.error("\(line)") }
        let path = configuration.databasePath
        let store = SQLiteStore(path: path) { report in
            if let aside = report.setAside { log.logger.error("\(aside)") }
        }
        do throws(StoreFault) { try store.open() } catch {
            // What may heal by itself (a full or read-only disk) heals while we serve: everybody is grey, nothing is kept.
            switch error {
            case .inUse: return fatal(69, error.description, supervisor)
            case .newer: return fatal(69, error.description, supervisor)
            case .full, .readOnly, .denied, .damaged, .failed: log.logger.error("attempts cannot be stored: \(error)")
            }
        }
        let lookup = SQLiteReader(path: path)
        let reader = SQLiteReader(path: path)
        do throws(SystemError) {
            let engine = try Engine(
                EngineParts(
                    version: version, configuration: configuration, rules: rules, domainsFault: domainsFault?.sentence,
                    missingSandbox: missing,
                    supervisor: supervisor, controlListener: controlListener, packetLog: packetLog, blocklists: blocklists,
                    configurationListener: configurationListener, store: store, counts: { store.counts },
                    lookup: lookup, reader: reader,
                    backUp: { file throws(StoreFault) in try SQLiteReader(path: path).backUp(to: file) },
                    setAside: { SQLiteStore.setAside(of: path) }, clock: .system, sink: sink))
            let status = engine.run()
            // Its threads have ended. Whoever closes the database last folds the write-ahead log into the file.
            lookup.close()
            reader.close()
            store.close()
            return status
        } catch {
            log.logger.critical("\(error)")
            sink.flush()
            return 70
        }
    }

    private struct Start {
        var configuration: EngineConfiguration
        var descriptors: [Int32]
    }

    private enum Beginning {
        case ready(Start)
        case over(Int32)
    }

    private static func receiveStart(_ supervisor: borrowing PacketChannel) -> Beginning {
        do {
            // nil: nothing to read on a non-blocking socket, which it is not yet.
            guard let (bytes, descriptors) = try supervisor.receive(), !bytes.isEmpty else { return .over(0) }
            guard case .start(.engine(let configuration)) = try SupervisorOrder(packet: bytes) else {
                return .over(fatal(70, "the engine was started with another role's configuration", supervisor))
            }
            return .ready(Start(configuration: configuration, descriptors: descriptors))
        } catch let error as WireError {
            return .over(
                fatal(
                    70, "the engine does not understand its configuration (\(error)); all of Greymoat's programs must be of one version",
                    supervisor))
        } catch {
            // Started by hand: there is no supervisor on descriptor 3.
            return .over(69)
        }
    }

    private static func fatal(_ status: UInt8, _ sentence: String, _ supervisor: borrowing PacketChannel) -> Int32 {
        do throws(SystemError) { try supervisor.send(RoleNotice.fatal(exitStatus: status, sentence).packet()) } catch {
            // Without a supervisor nobody is left to be told.
        }
        return Int32(status)
    }
}
