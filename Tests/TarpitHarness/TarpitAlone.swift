internal import Addressing
internal import Glibc
internal import LinuxIO
internal import RoleMessages

/// `tarpit-alone PROGRAM [key=value…]`: greymoat-tarpit workers under a supervisor and an engine that do nothing else, for
/// benches and profilers. Prints one line `ready port=… pids=…` and serves until its standard input ends.
///
/// Keys: address (127.0.0.1; may come several times), port (0: any), workers (1), class (grey, black, white; trap: grey until
/// the first RCPT), white (an address that is white whatever the class), stutter-ms (1000), grey-stutter-s (10), max (19000),
/// max-black, banner, per-source (100), max-tls (2000), certificate and key (PEM files), open-files (each worker's limit),
/// engine (on, off), stdin (ignored: serve until killed), destinations (told: on standard output), redirected-only (on),
/// dual-stack (on).
public enum TarpitAlone {
    public static func main() {
        do { try run(Array(CommandLine.arguments.dropFirst())) } catch {
            say("tarpit-alone: \(error)\n", to: 2)
            exit(70)
        }
    }

    private static func run(_ arguments: [String]) throws {
        guard let program = arguments.first else { throw TarpitHarness.Fault(description: "name the greymoat-tarpit to run") }
        var addresses: [IPAddress] = []
        var port: UInt16 = 0
        var workers = 1
        var linked = true
        var manners = PromptEngine.Manners()
        var openFiles: Int?
        var endsWithInput = true
        var dualStack = false
        var configuration = TarpitConfiguration()
        for argument in arguments.dropFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw TarpitHarness.Fault(description: "key=value, not \(argument)") }
            let number = Int(parts[1])
            switch (parts[0], number) {
            case ("address", _):
                guard let address = IPAddress(parts[1]) else { throw TarpitHarness.Fault(description: "not an address: \(parts[1])") }
                addresses.append(address)
            case ("port", let number?): port = UInt16(number)
            case ("workers", let number?): workers = number
            case ("class", _):
                switch parts[1] {
                case "grey": manners.senderClass = .grey
                case "white": manners.senderClass = .white
                case "black": manners.senderClass = .black(messages: [PromptEngine.trapMessage])
                case "trap": manners.trapsAtRecipient = true
                default: throw TarpitHarness.Fault(description: "no such class: \(parts[1])")
                }
            case ("stutter-ms", let number?): configuration.stutter = .milliseconds(number)
            case ("grey-stutter-s", let number?): configuration.greyStutter = .seconds(number)
            case ("max", let number?):
                configuration.maximumConnections = UInt32(number)
                configuration.maximumBlack = UInt32(number)
            case ("max-black", let number?): configuration.maximumBlack = UInt32(number)
            case ("per-source", let number?): configuration.maximumPerSource = UInt32(number)
            case ("white", _):
                guard let address = IPAddress(parts[1]) else { throw TarpitHarness.Fault(description: "not an address: \(parts[1])") }
                manners.white.insert(address)
            case ("banner", _): configuration.banner = parts[1]
            case ("max-tls", let number?): configuration.maximumTLSConnections = UInt32(number)
            case ("certificate", _): configuration.certificate = try contents(parts[1])
            case ("key", _): configuration.key = try contents(parts[1])
            case ("open-files", let number?): openFiles = number
            case ("destinations", _): manners.tellsDestinations = parts[1] == "told"
            case ("dual-stack", _): dualStack = parts[1] == "on"
            case ("redirected-only", _): configuration.redirectedOnly = parts[1] == "on"
            case ("stdin", _): endsWithInput = parts[1] != "ignored"
            case ("engine", _): linked = parts[1] == "on"
            default: throw TarpitHarness.Fault(description: "unknown key \(parts[0])")
            }
        }
        if addresses.isEmpty { addresses = [.ipv4Loopback] }
        let harness = try TarpitHarness(
            program: program, addresses: addresses, port: port, workers: workers, linked: linked, dualStack: dualStack,
            openFiles: openFiles
        ) {
            let hostname = $0.hostname
            $0 = configuration
            $0.hostname = hostname
        }
        for worker in harness.workers { for sentence in worker.missing { say("missing: \(sentence)\n", to: 2) } }
        say("ready port=\(harness.port) pids=\(harness.workers.map { String($0.process) }.joined(separator: ","))\n", to: 1)
        if endsWithInput { endWithStandardInput() }
        if linked {
            var engine = try PromptEngine(harness.workers.compactMap(\.link), manners)
            try engine.run()
        } else {
            while true { pause() }
        }
    }

    private static func contents(_ path: String) throws -> [UInt8] {
        let file = FileDescriptor(owning: try retrying("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) } ?? 0
        return Array(bytes[..<count])
    }

    private static func say(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    /// A thread that ends the process when whoever started it goes.
    private static func endWithStandardInput() {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { _ in
                var byte: UInt8 = 0
                while read(0, &byte, 1) > 0 {}
                exit(0)
            }, nil)
    }
}
