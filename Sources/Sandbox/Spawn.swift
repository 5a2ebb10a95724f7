internal import CLinux
internal import Glibc
public import LinuxIO

/// A process to be started with exactly the rights it needs. It gets the arguments, environment and descriptors named
/// here and nothing else of ours; signals are reset, new privileges can never be gained (PR_SET_NO_NEW_PRIVS), and it
/// is killed when the thread that started it ends (PR_SET_PDEATHSIG).
public struct Spawn {
    /// The program, opened with `Spawn.open(program:)`: it runs even where the new user could not have found it.
    /// The descriptor stays the caller's.
    public var executable: Int32
    /// Runs the program by this path instead: a script, whose interpreter must be able to open it.
    public var path: String?
    /// With the program's name first.
    public var arguments: [String]
    public var environment: [String] = []
    /// Which descriptor of ours becomes which of the new process's (0…255); all others are closed there.
    public var descriptors: [Descriptor] = []
    /// nil: the user stays ours.
    public var identity: Identity?
    /// Held by the new process, through exec: permitted, effective, inheritable and ambient.
    public var capabilities: Capabilities = []
    /// Takes every other capability out of the bounding set, which needs CAP_SETPCAP.
    public var trimsBoundingSet = true
    /// A network namespace of its own with nothing in it but `lo`, down. Needs CAP_SYS_ADMIN.
    public var hasEmptyNetwork = false
    /// A process group of its own: Ctrl-C at the terminal reaches us alone.
    public var hasOwnProcessGroup = true

    public init(executable: Int32, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Of a program by its path.
    public init(path: String, arguments: [String]) {
        executable = -1
        self.path = path
        self.arguments = arguments
    }

    public struct Descriptor: Hashable, Sendable {
        public var source: Int32
        public var target: Int32

        public init(_ source: Int32, as target: Int32) {
            self.source = source
            self.target = target
        }
    }

    /// The user a process runs as.
    public struct Identity: Hashable, Sendable {
        public var user: UInt32
        public var group: UInt32
        public var supplementaryGroups: [UInt32]

        public init(user: UInt32, group: UInt32, supplementaryGroups: [UInt32] = []) {
            self.user = user
            self.group = group
            self.supplementaryGroups = supplementaryGroups
        }
    }

    /// A process that runs its program by now.
    public struct Started: Sendable {
        public let process: Int32
        /// Rights it should have lost and has not, a sentence each: this kernel or container does not allow it.
        public let missing: [String]
    }

    /// A program to start, opened without a right to read it (O_PATH).
    public static func open(program path: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("find the program \(path)") { gm_open_path(path) })
    }

    /// Starts it, and returns when its program runs.
    public func start() throws(SpawnError) -> Started {
        var reports = [gm_spawn_report](repeating: gm_spawn_report(), count: 16)
        var count = reports.count
        let process = withPlan { plan in
            guard let path else { return withUnsafePointer(to: plan) { gm_spawn($0, &reports, &count) } }
            var plan = plan
            return path.withCString {
                plan.path = $0
                return gm_spawn(&plan, &reports, &count)
            }
        }
        let failures = reports.prefix(count).map { StepFailure(step: $0.step, code: $0.code) }
        guard process > 0 else {
            throw SpawnError(program: arguments.first ?? "", failure: failures.last ?? StepFailure(step: 0, code: 0))
        }
        return Started(process: process, missing: failures.map { $0.sentence(for: self) })
    }

    private func withPlan<Result>(_ body: (gm_spawn_plan) -> Result) -> Result {
        let groups = identity?.supplementaryGroups ?? []
        let sources = descriptors.map(\.source)
        let targets = descriptors.map(\.target)
        return withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                sources.withUnsafeBufferPointer { sources in
                    targets.withUnsafeBufferPointer { targets in
                        groups.withUnsafeBufferPointer { groups in
                            var plan = gm_spawn_plan()
                            plan.executable = executable
                            plan.arguments = arguments
                            plan.environment = environment
                            plan.sources = sources.baseAddress
                            plan.targets = targets.baseAddress
                            plan.descriptors = sources.count
                            plan.change_identity = identity == nil ? 0 : 1
                            plan.uid = identity?.user ?? 0
                            plan.gid = identity?.group ?? 0
                            plan.groups = groups.baseAddress
                            plan.group_count = groups.count
                            plan.capabilities = capabilities.rawValue
                            plan.trim_bounding = trimsBoundingSet ? 1 : 0
                            plan.empty_network = hasEmptyNetwork ? 1 : 0
                            plan.own_process_group = hasOwnProcessGroup ? 1 : 0
                            return body(plan)
                        }
                    }
                }
            }
        }
    }
}

/// `strings` as exec(2) wants them: pointers to NUL-terminated text, and a NULL at the end.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
