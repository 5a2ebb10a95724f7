internal import Addressing
internal import Glibc
internal import Moments
internal import RoleMessages
internal import Settings

/// What each role runs with, made of the configuration and what the supervisor read and opened for it.
struct RoleConfigurations {
    var configuration: Configuration
    var limits: DerivedLimits
    var files: ConfiguredFiles
    var listeners: Listeners
    var hasConfigurationListener: Bool
    var controlGroup: UInt32
    var started: UnixTime
    /// A sentence for each key that has another value in the file now, and waits for a start.
    var unreloadable: [String] = []
    /// What came of the last reload where it was refused, in whole or in part.
    var reloadFault: String?

    func configuration(of role: RoleName) -> RoleConfiguration {
        switch role {
        case .firewall: .firewall(firewall)
        case .engine: .engine(engine)
        case .tarpit(let worker): .tarpit(tarpit(worker: worker))
        case .metrics: .metrics(MetricsConfiguration(listen: configuration.metrics.listen))
        case .fetch: preconditionFailure("a fetcher runs with its order, not with the configuration")
        }
    }

    private func tarpit(worker: Int) -> TarpitConfiguration {
        var result = TarpitConfiguration()
        result.worker = UInt16(worker)
        result.workers = UInt16(limits.workers)
        result.listeners = listeners.entries.map(\.address)
        result.port = listeners.port
        result.redirectedOnly = listeners.isRedirectedOnly
        result.hostname = configuration.hostname.isEmpty ? Self.systemHostname : configuration.hostname
        result.banner = configuration.tarpit.banner
        result.persona = configuration.tarpit.persona == .spamd ? .spamd : .polite
        result.ehlo = configuration.tarpit.ehlo
        result.stutter = configuration.tarpit.stutter
        result.greyStutter = configuration.tarpit.greyStutter
        result.errorCode = UInt16(configuration.tarpit.errorCode)
        result.maximumConnections = UInt32(limits.maximumConnections)
        result.maximumBlack = UInt32(limits.maximumBlack)
        result.maximumPerSource = UInt32(configuration.tarpit.maximumPerSource)
        result.window = UInt32(configuration.tarpit.window)
        result.reportHeaders = configuration.log.verbose
        result.blacklistOnly = configuration.mode == .blacklistOnly
        result.certificate = files.certificate
        result.key = files.key
        result.maximumTLSConnections = UInt32(configuration.tls.maximumConnections)
        return result
    }

    private var engine: EngineConfiguration {
        var result = EngineConfiguration()
        result.databasePath = "\(configuration.stateDirectory)/\(Directories.database)"
        result.blacklistOnly = configuration.mode == .blacklistOnly
        result.passtime = configuration.greylist.passtime
        result.greyexp = configuration.greylist.greyexp
        result.whiteexp = configuration.greylist.whiteexp
        result.trapexp = configuration.greylist.trapexp
        result.groupIPv4 = UInt8(configuration.greylist.groupIPv4)
        result.groupIPv6 = UInt8(configuration.greylist.groupIPv6)
        result.lowPriorityMX = configuration.greylist.lowPriorityMX
        result.suffixAtLabel = configuration.greylist.suffixAtLabel
        result.hasAllowedDomains = files.allowedDomains != nil
        result.allowedDomainsPath = configuration.greylist.allowedDomains
        result.maximumConnections = UInt32(limits.maximumConnections)
        result.maximumBlack = UInt32(limits.maximumBlack)
        result.hasPacketLog = true
        result.packetLogGroup = UInt16(configuration.packetLog.group)
        result.learnOutbound = configuration.packetLog.learnOutbound
        result.packetLogInterface = interfaceIndex
        result.logFormat = configuration.log.format == .json ? .json : .spamd
        result.logLevel = configuration.log.level.rawValue
        result.verbose = configuration.log.verbose
        result.logLinesPerSource = UInt32(configuration.log.maximumPerSource)
        result.firewallTable = configuration.firewall.table
        result.managesFirewall = configuration.firewall.manage
        result.offersTLS = !files.certificate.isEmpty
        result.controlGroup = controlGroup
        result.hasBlocklists = files.blocklists != nil
        result.blocklistsPath = configuration.blocklists.config
        result.blocklistRefresh = configuration.blocklists.refresh
        result.hasConfigurationListener = hasConfigurationListener
        result.started = started
        result.notes = notes
        return result
    }

    private var firewall: FirewallConfiguration {
        var result = FirewallConfiguration()
        result.table = configuration.firewall.table
        result.ruleset = files.ruleset
        result.rulesetPath = files.rulesetPath
        result.manage = configuration.firewall.manage
        result.heal = configuration.firewall.heal
        result.blacklistOnly = configuration.mode == .blacklistOnly
        return result
    }

    /// 0 for every interface; one that is not there yet matches nothing but 0 would match all, so it is told apart in `notes`.
    private var interfaceIndex: UInt32 {
        configuration.packetLog.interface.isEmpty ? 0 : if_nametoindex(configuration.packetLog.interface)
    }

    /// What the operator should know as long as it is so.
    var notes: [String] { [reloadFault].compactMap(\.self) + unreloadable + Self.notes(on: configuration, files) }

    /// What the operator should know before anybody connects.
    static func notes(on configuration: Configuration, _ files: ConfiguredFiles) -> [String] {
        var notes = files.notes
        let name = systemHostname
        if configuration.hostname.isEmpty, !name.contains(".") {
            notes.append(
                "strangers are greeted as \"\(name)\", the system's name, which has no domain: set hostname to the real mail server's, as in \"mail.example.org\""
            )
        }
        if configuration.firewall.manage, let port = tarpitPort(in: files.ruleset), port != configuration.listen.port {
            notes.append(
                "\(files.rulesetPath) redirects strangers to port \(port), and the tarpit listens on \(configuration.listen.port): nobody answers them; make `tarpit_port` in the ruleset and `port` under [listen] the same"
            )
        }
        if configuration.mode == .blacklistOnly, configuration.firewall.ruleset.isEmpty {
            notes.append(
                "blacklist-only mode with the ruleset as installed holds every host that is neither white nor allowed, and lets none of them pass: in front of a mail server, name a copy of it without the two marked lines as `ruleset` under [firewall] (greymoat-nft(7))"
            )
        }
        let interface = configuration.packetLog.interface
        if !interface.isEmpty, if_nametoindex(interface) == 0 {
            notes.append(
                "there is no interface \(interface): the packet log counts packets of every interface until [packet-log] interface is corrected"
            )
        }
        return notes
    }

    /// What a ruleset like ours says in its first lines: `define tarpit_port = 8025`.
    static func tarpitPort(in ruleset: String) -> Int? {
        for line in ruleset.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "=" })
            if words.count >= 3, words[0] == "define", words[1] == "tarpit_port" { return Int(words[2]) }
        }
        return nil
    }

    static var systemHostname: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let isPrintable = !name.isEmpty && name.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isPrintable ? String(decoding: name, as: UTF8.self) : "localhost"
    }
}
