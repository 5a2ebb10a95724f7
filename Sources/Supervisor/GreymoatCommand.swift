internal import Addressing
internal import ArgumentParser
internal import Release
internal import Settings

/// greymoatd's command line: spamd's switches with spamd's meanings, and its own.
struct GreymoatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "greymoatd", abstract: "Keep strangers away from a mail server: greylisting and a tarpit in front of port 25.",
        discussion: "Runs in the foreground until SIGTERM; SIGHUP reads the configuration again. Switches override the file.",
        version: "greymoatd \(Version.text)", helpNames: .long)

    enum ErrorCode: EnumerableFlag {
        case temporary
        case permanent

        static func name(for value: ErrorCode) -> NameSpecification { .customShort(value == .temporary ? "4" : "5") }
        static func help(for value: ErrorCode) -> ArgumentHelp? {
            value == .temporary ? "Reject black hosts with 450: they come back (the default)." : "Reject black hosts with 550."
        }
    }

    @Option(help: ArgumentHelp("Configuration to read.", valueName: "file"), completion: .file(extensions: ["toml"])) var config: String?
    @Flag(help: "Check the configuration and the files it names, say what is wrong with them, and end.") var check = false
    @Flag(help: "Print the configuration as it would be used, and end.") var printConfig = false
    @Option(help: ArgumentHelp("Where the database lives.", valueName: "dir"), completion: .directory) var stateDir: String?
    @Option(help: ArgumentHelp("Where the control socket lives.", valueName: "dir"), completion: .directory) var runtimeDir: String?
    @Flag(exclusivity: .chooseLast) var errorCode: ErrorCode?
    @Flag(name: .customShort("b"), help: "Blacklist-only mode.") var isBlacklistOnly = false
    @Flag(name: .customShort("d"), help: "Log for debugging.") var isDebugging = false
    @Flag(name: .customShort("v"), help: "Log each connection, and black hosts' From, To and Subject lines.") var isVerbose = false
    @Option(name: .customShort("B"), parsing: .unconditional, help: ArgumentHelp("Black hosts stuttered at once.", valueName: "maxblack"))
    var maxblack: Int?
    @Option(name: .customShort("c"), parsing: .unconditional, help: ArgumentHelp("Connections held at once.", valueName: "maxcon"))
    var maxcon: Int?
    @Option(
        name: .customShort("C"), parsing: .unconditional, help: ArgumentHelp("Certificate chain for STARTTLS, in PEM.", valueName: "cert"))
    var cert: String?
    @Option(
        name: .customShort("G"), parsing: .unconditional,
        help: ArgumentHelp("Times in minutes, hours and hours, such as 25:4:864.", valueName: "passtime:greyexp:whiteexp"),
        transform: GreymoatCommand.times)
    var passtimeGreyexpWhiteexp: GreylistTimes?
    @Option(name: .customShort("h"), parsing: .unconditional, help: ArgumentHelp("Hostname in the banner.", valueName: "hostname"))
    var hostname: String?
    @Option(
        name: .customShort("K"), parsing: .unconditional, help: ArgumentHelp("The certificate's private key, in PEM.", valueName: "key"))
    var key: String?
    @Option(
        name: .customShort("l"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Address to listen on; may be given several times.", valueName: "address"),
        transform: GreymoatCommand.address)
    var listen: [IPAddress] = []
    @Option(
        name: .customShort("M"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Address of a low-priority MX; may be given several times.", valueName: "address"),
        transform: GreymoatCommand.address)
    var mx: [IPAddress] = []
    @Option(name: .customShort("n"), parsing: .unconditional, help: ArgumentHelp("Text of the banner.", valueName: "banner")) var banner:
        String?
    @Option(name: .customShort("p"), parsing: .unconditional, help: ArgumentHelp("Port to listen on.", valueName: "port")) var port: Int?
    @Option(
        name: .customShort("S"), parsing: .unconditional,
        help: ArgumentHelp("Seconds a grey host is stuttered, 0 to 90.", valueName: "secs")) var greySecs: Int?
    @Option(name: .customShort("s"), parsing: .unconditional, help: ArgumentHelp("Seconds between two bytes, 0 to 10.", valueName: "secs"))
    var secs: Int?
    @Option(
        name: .customShort("w"), parsing: .unconditional,
        help: ArgumentHelp("Receive buffer of a connection, in bytes.", valueName: "window")) var window: Int?

    func validate() throws {
        try check("-B", maxblack, 1...1_000_000)
        try check("-c", maxcon, 1...1_000_000)
        try check("-p", port, 1...65_535)
        try check("-S", greySecs, 0...90)
        try check("-s", secs, 0...10)
        try check("-w", window, 1...1_048_576)
        if let maxblack, let maxcon, maxblack > maxcon { throw ValidationError("-B \(maxblack) is more than -c \(maxcon)") }
        for (name, addresses, limit) in [("-l", listen, 32), ("-M", mx, 64)] where addresses.count > limit {
            throw ValidationError("\(name): allowed are up to \(limit) addresses")
        }
        for (name, text) in [("-h", hostname), ("-n", banner)] {
            if let text, text.utf8.count > 255 || !text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
                throw ValidationError("\(name): allowed is printable ASCII text of at most 255 bytes")
            }
        }
    }

    private func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
        if let value, !range.contains(value) {
            throw ValidationError("\(name) \(value): allowed is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    private static func address(_ text: String) throws -> IPAddress {
        guard let address = IPAddress(text) else { throw ValidationError("\(text) is no IPv4 or IPv6 address") }
        return address
    }

    private static func times(_ text: String) throws -> GreylistTimes {
        guard let times = GreylistTimes(text) else { throw ValidationError("-G \(text): allowed is \(GreylistTimes.allowed)") }
        return times
    }

    var switches: Switches {
        var switches = Switches()
        switches.errorCode = errorCode.map { $0 == .temporary ? 450 : 550 }
        switches.isBlacklistOnly = isBlacklistOnly
        switches.isDebugging = isDebugging
        switches.isVerbose = isVerbose
        switches.maximumBlack = maxblack
        switches.maximumConnections = maxcon
        switches.certificate = cert.map(AbsolutePath.of)
        switches.times = passtimeGreyexpWhiteexp
        switches.hostname = hostname
        switches.key = key.map(AbsolutePath.of)
        switches.addresses = listen
        switches.lowPriorityMX = mx
        switches.banner = banner
        switches.port = port
        switches.greyStutter = greySecs
        switches.stutter = secs
        switches.window = window
        switches.stateDirectory = stateDir.map(AbsolutePath.of)
        switches.runtimeDirectory = runtimeDir.map(AbsolutePath.of)
        return switches
    }

    var file: ConfigurationFile {
        ConfigurationFile(
            path: config.map(AbsolutePath.of) ?? ConfigurationFile.standardPath, isRequired: config != nil, switches: switches)
    }
}
