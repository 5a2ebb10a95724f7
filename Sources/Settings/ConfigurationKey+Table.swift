extension ConfigurationKey {
    /// Every key of greymoat.toml, in the file's order. The parser, the example file, `--print-config` and the manual all
    /// come from here.
    public static let all: [ConfigurationKey] = general + listen + greylist + tarpit + tls + firewall + packetLog + rest

    private static func choices<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> ConfigurationForm {
        .oneOf(Choice.allCases.map(\.rawValue))
    }

    private static let lifetime = ConfigurationForm.duration(.seconds(1) ... .seconds(3650 * 86_400))

    private static let general: [ConfigurationKey] = [
        ConfigurationKey(
            "", "config-version", \.version, .number(1...1), .onStart,
            "The version of this file's format. A newer one is refused rather than misread."),
        ConfigurationKey(
            "", "mode", \.mode, choices(Configuration.Mode.self), .onStart,
            "greylist: strangers are deferred and remembered. blacklist-only: everyone redirected is stuttered throughout and no tuple is stored.",
            remark: "or \"blacklist-only\""),
        ConfigurationKey(
            "", "hostname", \.hostname, .text(.line(255)), .onReload,
            "The name in the banner and in replies. Empty means the system's.", remark: "\"\" = the system's"),
        ConfigurationKey(
            "", "sandbox", \.sandbox, choices(Configuration.SandboxRule.self), .onStart,
            "best-effort: a missing part of a role's sandbox is said once at start. required: greymoatd refuses to start without all of it.",
            remark: "or \"required\": refuse to start where any part of it is missing"),
    ]

    private static let listen: [ConfigurationKey] = [
        ConfigurationKey(
            "listen", "addresses", \.listen.addresses, .texts(.address, count: 1...32), .onStart,
            "Addresses of the tarpit. Loopback addresses alone mean every address, for redirected connections only: "
                + "nft's redirect aims at the incoming interface's address."),
        ConfigurationKey(
            "listen", "port", \.listen.port, .number(1...65_535), .onStart, "Port of the tarpit, which the ruleset redirects to."),
        ConfigurationKey(
            "listen", "workers", \.listen.workers, .number(0...64), .onStart,
            "Tarpit processes. 0 means as many as cores, connections and file limits ask for.",
            remark: "0 = as many as cores, connections and file limits ask for"),
    ]

    private static let greylist: [ConfigurationKey] = [
        ConfigurationKey(
            "greylist", "passtime", \.greylist.passtime, .duration(.zero ... .seconds(30 * 86_400)), .onReload,
            "How long a tuple must have been known before an attempt passes. Shorter than greyexp."),
        ConfigurationKey(
            "greylist", "greyexp", \.greylist.greyexp, lifetime, .onReload, "How long a grey tuple is remembered from its first attempt."),
        ConfigurationKey(
            "greylist", "whiteexp", \.greylist.whiteexp, lifetime, .onReload,
            "How long a white host stays so after it was last seen at the real mail server."),
        ConfigurationKey("greylist", "trapexp", \.greylist.trapexp, lifetime, .onReload, "How long a trapped host is held."),
        ConfigurationKey(
            "greylist", "preset", \.greylist.preset, choices(Configuration.Preset.self), .onReload,
            "rfc6647: passtime 1m, greyexp 24h and whiteexp 864h, where the file does not set them itself.", remark: "or \"rfc6647\""),
        ConfigurationKey(
            "greylist", "group-ipv4", \.greylist.groupIPv4, .number(1...32), .onReload,
            "IPv4 clients of one network of this prefix length count as one in tuples."),
        ConfigurationKey(
            "greylist", "group-ipv6", \.greylist.groupIPv6, .number(1...128), .onReload,
            "IPv6 clients of one network of this prefix length count as one in tuples."),
        ConfigurationKey(
            "greylist", "low-priority-mx", \.greylist.lowPriorityMX, .texts(.address, count: 0...64), .onReload,
            "Addresses of low-priority mail exchangers: a stranger that tries one of them first is trapped."),
        ConfigurationKey(
            "greylist", "alloweddomains", \.greylist.allowedDomains, .text(.path), .onReload,
            "File of allowed domains, one a line: mail for any other springs the trap. A file that is not there allows all."),
        ConfigurationKey(
            "greylist", "suffix-at-label", \.greylist.suffixAtLabel, .truth, .onReload,
            "An allowed domain without @ matches only at a dot or the @. false matches any suffix, as spamd does."),
    ]

    private static let tarpit: [ConfigurationKey] = [
        ConfigurationKey("tarpit", "banner", \.tarpit.banner, .text(.line(255)), .onReload, "What follows ESMTP in the greeting."),
        ConfigurationKey(
            "tarpit", "persona", \.tarpit.persona, choices(Configuration.Persona.self), .onReload,
            "Texts of replies: polite, or spamd's taunts.",
            remark: "or \"spamd\""),
        ConfigurationKey(
            "tarpit", "ehlo", \.tarpit.ehlo, .texts(.ehloKeyword, count: 0...32), .onReload, "Further keywords to offer in reply to EHLO."),
        ConfigurationKey(
            "tarpit", "stutter", \.tarpit.stutter, .duration(.zero ... .seconds(10)), .onReload,
            "Time between two bytes of a stuttered reply."),
        ConfigurationKey(
            "tarpit", "grey-stutter", \.tarpit.greyStutter, .duration(.zero ... .seconds(90)), .onReload,
            "How long from its beginning a grey host's connection is stuttered."),
        ConfigurationKey(
            "tarpit", "error-code", \.tarpit.errorCode, .oneOfNumbers([450, 550]), .onReload,
            "Reply to black hosts: 450 comes back, 550 bounces.",
            remark: "or 550"),
        ConfigurationKey(
            "tarpit", "max-connections", \.tarpit.maximumConnections, .number(0...1_000_000), .onStart,
            "Connections held at once, over all workers. 0 derives it from the limit on open files and half the size of the connection table (nf_conntrack_max).",
            remark: "0 = derived from file limit and connection table"),
        ConfigurationKey(
            "tarpit", "max-black", \.tarpit.maximumBlack, .number(0...1_000_000), .onStart,
            "Black hosts stuttered at once; more are served at full speed. 0 means 90 % of max-connections.",
            remark: "0 = 90 % of max-connections"),
        ConfigurationKey(
            "tarpit", "max-per-source", \.tarpit.maximumPerSource, .number(1...1_000_000), .onReload,
            "Connections of one IPv4 address, or one IPv6 network of 64 bits, at once."),
        ConfigurationKey(
            "tarpit", "window", \.tarpit.window, .number(0...1_048_576), .onStart,
            "Receive buffer of a connection in bytes (SO_RCVBUF). 0 is our own choice."),
    ]

    private static let tls: [ConfigurationKey] = [
        ConfigurationKey(
            "tls", "certificate", \.tls.certificate, .text(.path), .onReload,
            "The real mail server's certificate chain in PEM, so that senders that insist on TLS can be greylisted. Empty: STARTTLS is not offered."
        ),
        ConfigurationKey("tls", "key", \.tls.key, .text(.path), .onReload, "The certificate's private key in PEM; read as root."),
        ConfigurationKey(
            "tls", "max-connections", \.tls.maximumConnections, .number(0...1_000_000), .onReload,
            "Encrypted connections at once, over all workers; further ones are told to come back (454)."),
    ]

    private static let firewall: [ConfigurationKey] = [
        ConfigurationKey("firewall", "table", \.firewall.table, .text(.name), .onStart, "The nftables table, of family inet."),
        ConfigurationKey(
            "firewall", "ruleset", \.firewall.ruleset, .text(.path), .onReload,
            "Ruleset to load. Empty means the installed one for the mode.",
            remark: "\"\" = the installed one for this mode; else a file"),
        ConfigurationKey(
            "firewall", "manage", \.firewall.manage, .truth, .onReload, "Load the ruleset at start. false leaves that to somebody else.",
            remark: "load it at start"),
        ConfigurationKey(
            "firewall", "heal", \.firewall.heal, .truth, .onReload,
            "Put the table and its sets back when somebody else has taken them away."),
    ]

    private static let packetLog: [ConfigurationKey] = [
        ConfigurationKey(
            "packet-log", "group", \.packetLog.group, .number(0...65_535), .onStart, "NFLOG group of the ruleset's log rules."),
        ConfigurationKey(
            "packet-log", "learn-outbound", \.packetLog.learnOutbound, .truth, .onReload,
            "A host our own server sends mail to becomes white. Off, because behind NAT that can be everybody."),
        ConfigurationKey(
            "packet-log", "interface", \.packetLog.interface, .text(.interface), .onReload,
            "Count only packets of this interface. Empty means every interface."),
    ]

    private static let rest: [ConfigurationKey] = [
        ConfigurationKey(
            "blocklists", "config", \.blocklists.config, .text(.path), .onReload, "Blocklists to load, in spamd.conf(5)'s format."),
        ConfigurationKey(
            "blocklists", "refresh", \.blocklists.refresh, .duration(.seconds(60) ... .seconds(30 * 86_400)), .onReload,
            "How often they are fetched again."),
        ConfigurationKey(
            "blocklists", "config-port", \.blocklists.configPort, .number(0...65_535), .onStart,
            "Port on loopback for spamd's configuration connections, 0 for none.",
            remark: "8026 to accept spamd's configuration connections on loopback"),
        ConfigurationKey(
            "log", "format", \.log.format, choices(Configuration.LogFormat.self), .onReload, "spamd's lines, or one JSON object a line.",
            remark: "or \"json\""),
        ConfigurationKey(
            "log", "level", \.log.level, choices(Configuration.LogLevel.self), .onReload, "What is not logged: anything below this level."),
        ConfigurationKey(
            "log", "verbose", \.log.verbose, .truth, .onReload, "Log each recipient as well, and black hosts' From, To and Subject lines."),
        ConfigurationKey(
            "log", "max-per-source", \.log.maximumPerSource, .number(0...1_000_000), .onReload,
            "Lines a minute about one host or IPv6 /64; how many more there were is said when the minute is over. 0: no limit.",
            remark: "lines a minute"),
        ConfigurationKey(
            "metrics", "listen", \.metrics.listen, .text(.addressAndPort), .onStart,
            "Where to serve metrics in Prometheus' text format; empty means nowhere.",
            remark: "\"127.0.0.1:9225\" to enable"),
    ]
}
