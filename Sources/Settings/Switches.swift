public import Addressing

/// What the command line says over the file: spamd's switches with spamd's meanings, and greymoatd's own.
public struct Switches: Hashable, Sendable {
    /// `-4` and `-5`; the last one counts.
    public var errorCode: Int?
    /// `-b`
    public var isBlacklistOnly = false
    /// `-d`
    public var isDebugging = false
    /// `-v`
    public var isVerbose = false
    /// `-B`
    public var maximumBlack: Int?
    /// `-c`
    public var maximumConnections: Int?
    /// `-C`
    public var certificate: String?
    /// `-G`
    public var times: GreylistTimes?
    /// `-h`
    public var hostname: String?
    /// `-K`
    public var key: String?
    /// `-l`, as often as given
    public var addresses: [IPAddress] = []
    /// `-M`, as often as given
    public var lowPriorityMX: [IPAddress] = []
    /// `-n`
    public var banner: String?
    /// `-p`
    public var port: Int?
    /// `-S`, seconds
    public var greyStutter: Int?
    /// `-s`, seconds
    public var stutter: Int?
    /// `-w`
    public var window: Int?
    public var stateDirectory: String?
    public var runtimeDirectory: String?

    public init() {}

    func apply(to configuration: inout Configuration) {
        if let errorCode { configuration.tarpit.errorCode = errorCode }
        if isBlacklistOnly { configuration.mode = .blacklistOnly }
        if isDebugging { configuration.log.level = .debug }
        if isVerbose { configuration.log.verbose = true }
        if let maximumBlack { configuration.tarpit.maximumBlack = maximumBlack }
        if let maximumConnections { configuration.tarpit.maximumConnections = maximumConnections }
        if let certificate { configuration.tls.certificate = certificate }
        if let key { configuration.tls.key = key }
        if let times {
            configuration.greylist.passtime = times.passtime
            configuration.greylist.greyexp = times.greyexp
            configuration.greylist.whiteexp = times.whiteexp
        }
        if let hostname { configuration.hostname = hostname }
        if !addresses.isEmpty { configuration.listen.addresses = addresses }
        if !lowPriorityMX.isEmpty { configuration.greylist.lowPriorityMX = lowPriorityMX }
        if let banner { configuration.tarpit.banner = banner }
        if let port { configuration.listen.port = port }
        if let greyStutter { configuration.tarpit.greyStutter = .seconds(greyStutter) }
        if let stutter { configuration.tarpit.stutter = .seconds(stutter) }
        if let window { configuration.tarpit.window = window }
        if let stateDirectory { configuration.stateDirectory = stateDirectory }
        if let runtimeDirectory { configuration.runtimeDirectory = runtimeDirectory }
    }
}

/// `-G passtime:greyexp:whiteexp`: minutes, hours, hours.
public struct GreylistTimes: Hashable, Sendable {
    public var passtime: Duration
    public var greyexp: Duration
    public var whiteexp: Duration

    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 3, let minutes = parts[0], let grey = parts[1], let white = parts[2],
            0...43_200 ~= minutes, 1...87_600 ~= grey, 1...87_600 ~= white
        else { return nil }
        passtime = .seconds(minutes * 60)
        greyexp = .seconds(grey * 3600)
        whiteexp = .seconds(white * 3600)
    }

    public static let allowed = "passtime:greyexp:whiteexp in minutes, hours and hours, such as 25:4:864"
}
