import Foundation
import TestSupport

/// What a program says of its own command line, as argument-parser dumps it.
struct CommandDump: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var subcommands: [CommandDump]?
    var arguments: [Argument]?

    struct Argument: Decodable {
        var kind: String
        var names: [Name]?
        var valueName: String?
        var abstract: String?
        var shouldDisplay: Bool
        var isOptional: Bool
        var isRepeating: Bool

        struct Name: Decodable {
            var kind: String
            var name: String
            /// As mdoc's Fl takes it.
            var flag: String { kind == "long" ? "-" + name : name }
        }
    }

    /// Of an executable built beside these tests.
    init(of program: String) throws {
        let process = try LabProcess([Self.directory + "/" + program, "--experimental-dump-help"])
        guard process.waitForExit(within: .seconds(60)) == 0 else { throw LabError("\(program) does not describe itself: \(process.log)") }
        self = try JSONDecoder().decode(Top.self, from: Data(process.output.utf8)).command
    }

    private struct Top: Decodable { var command: CommandDump }

    private static let directory: String = {
        let arguments = CommandLine.arguments
        let bundle = arguments.firstIndex(of: "--test-bundle-path").map { arguments[$0 + 1] } ?? arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }()

    /// Those a manual shows, without the help and version that every command has.
    var shown: [Argument] {
        (arguments ?? []).filter { argument in
            argument.shouldDisplay && !(argument.names ?? []).contains { $0.name == "help" || $0.name == "version" }
        }
    }

    /// The commands without `help`.
    var commands: [CommandDump] { (subcommands ?? []).filter { $0.commandName != "help" } }
}
