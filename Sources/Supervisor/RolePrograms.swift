internal import LinuxIO
internal import Sandbox

/// The roles' executables, opened when greymoatd starts. An upgrade puts others in their place while it runs: a role that is
/// started again before greymoatd is must still be of the supervisor's release, since they speak one version of their messages.
struct RolePrograms {
    /// Where greymoatd and its roles lie.
    let directory: String
    private let opened: [String: OwnedDescriptor]

    /// A program that is missing now is looked for again when it is needed.
    init(directory: String) {
        self.directory = directory
        var opened: [String: OwnedDescriptor] = [:]
        for name in RoleName.programs { opened[name] = try? OwnedDescriptor(Spawn.open(program: "\(directory)/\(name)")) }
        self.opened = opened
    }

    func descriptor(of program: String) throws(SystemError) -> OwnedDescriptor {
        if let descriptor = opened[program] { return descriptor }
        return try OwnedDescriptor(Spawn.open(program: "\(directory)/\(program)"))
    }
}
