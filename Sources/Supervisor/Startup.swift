internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Moments
internal import Sandbox
internal import Settings

/// From a good configuration to roles that run: checks, directories, sockets, and then supervision.
struct Startup {
    private let configuration: Configuration
    private let files: ConfiguredFiles
    private let file: ConfigurationFile
    private let log: SupervisorLog

    init(_ configuration: Configuration, _ files: ConfiguredFiles, _ file: ConfigurationFile, _ log: SupervisorLog) {
        self.configuration = configuration
        self.files = files
        self.file = file
        self.log = log
    }

    func run() throws(StartFailure) -> Int32 {
        umask(0o022)
        try Privileges.check()
        let programs = AbsolutePath.ofPrograms
        let held: Capabilities
        do throws(SystemError) { held = try Capabilities.effective() } catch { throw StartFailure(.software, "\(error)") }
        let launcher = RoleLauncher(programs: RolePrograms(directory: programs), stateDirectory: configuration.stateDirectory, held: held)
        let limits = DerivedLimits(
            configuration, cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), fileLimit: Privileges.raiseFileLimit(),
            connectionTable: ConnectionTable.limit())
        let directories = try Directories(
            state: configuration.stateDirectory, runtime: configuration.runtimeDirectory, owner: launcher.identity(of: .engine).identity)
        let listeners = try Listeners.open(configuration)
        let configurationListener = try Listeners.openConfigurationPort(configuration.blocklists.configPort)
        let metricsListener = try Listeners.openMetrics(configuration.metrics.listen)
        let group = Account.group(named: "greymoat")
        let control = try directories.openControlSocket(in: configuration.runtimeDirectory, group: group, log: log)
        defer { unlink("\(configuration.runtimeDirectory)/\(Directories.controlSocket)") }
        let packetLog = try OwnedDescriptor.packetLog(group: configuration.packetLog.group)

        let configurations = RoleConfigurations(
            configuration: configuration, limits: limits, files: files, listeners: listeners,
            hasConfigurationListener: configurationListener != nil,
            controlGroup: group ?? 0, started: Clock.wall())
        for note in limits.notes + listeners.notes + configurations.notes { log.warning(note) }
        if group == nil {
            log.warning("there is no group greymoat: only root may use the control socket (scripts/install makes the group)")
        }
        if files.certificate.isEmpty {
            log.warning(
                "no [tls] certificate is set: senders that insist on TLS can never pass; name the real mail server's certificate and key")
        }
        chdir("/")
        do throws(SystemError) {
            let counters = try (0..<limits.workers).map { _ throws(SystemError) in try CounterFile.make() }
            let supervision = try Supervision(
                configurations, reader: file,
                resources: .init(
                    control: control, packetLog: packetLog, configurationListener: configurationListener, metricsListener: metricsListener,
                    counters: counters),
                launcher: launcher, log: log)
            let status = supervision.run()
            withExtendedLifetime(directories) {}
            return status
        } catch { throw StartFailure(.software, "\(error)") }
    }
}
