internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Sandbox
internal import Settings

/// greymoatd: the one command people start.
public enum Greymoatd {
    /// Runs it with the process's arguments and never returns.
    public static func main() -> Never {
        openStandardDescriptors()
        let arguments = Array(CommandLine.arguments.dropFirst())
        exit(run(arguments))
    }

    /// Where whoever started us has closed 0, 1 or 2, the next files we open would stand there, and be handed to roles as their
    /// standard error.
    private static func openStandardDescriptors() {
        while true {
            let number = open("/dev/null", O_RDWR)
            if (0...2).contains(number) { continue }
            if number > 2 { close(number) }
            return
        }
    }

    static func run(_ arguments: [String]) -> Int32 {
        let log = SupervisorLog()
        do throws(StartFailure) {
            guard let command = try parse(arguments) else { return 0 }
            return try start(command, log)
        } catch {
            error.sentences.forEach(log.error)
            return error.status.rawValue
        }
    }

    /// nil when there was nothing to do but to print.
    private static func parse(_ arguments: [String]) throws(StartFailure) -> GreymoatCommand? {
        let parts = SwitchClusters.split(arguments)
        if let sync = parts.first(where: { $0 == "-Y" || $0 == "-y" }) {
            throw StartFailure(
                .usage,
                "\(sync): Greymoat sends no synchronisation messages; greymoat export and greymoat import carry a database to another host "
                    + "(greymoatd(8), MORE THAN ONE MX)")
        }
        do { return try GreymoatCommand.parse(parts) } catch {
            guard GreymoatCommand.exitCode(for: error) == .success else {
                throw StartFailure(.usage, "\(GreymoatCommand.message(for: error)); see greymoatd --help")
            }
            print(GreymoatCommand.fullMessage(for: error))
            return nil
        }
    }

    private static func start(_ command: GreymoatCommand, _ log: SupervisorLog) throws(StartFailure) -> Int32 {
        var file = command.file
        let configuration: Configuration
        let files: ConfiguredFiles
        do throws(ConfigurationFaults) {
            configuration = try file.read()
            if command.printConfig {
                print(configuration.toml, terminator: "")
                return 0
            }
            files = try ConfiguredFiles(configuration, programs: AbsolutePath.ofPrograms)
        } catch { throw StartFailure(error) }
        log.format = configuration.log.format
        if command.check {
            for note in RoleConfigurations.notes(on: configuration, files) { log.warning(note) }
            let check = ConfigurationCheck(configuration, files, programs: AbsolutePath.ofPrograms)
            check.warnings.forEach(log.warning)
            if !check.faults.isEmpty {
                check.faults.forEach(log.error)
                return StartFailure.Status.configuration.rawValue
            }
            log.info("the configuration is good")
            return 0
        }
        return try Startup(configuration, files, file, log).run()
    }
}
