internal import LinuxIO
internal import RoleMessages

/// Both ends of a link between two roles.
struct Link {
    let first: OwnedDescriptor
    let second: OwnedDescriptor

    init() throws(SystemError) {
        let pair = try FileDescriptor.socketPair(.stream)
        first = OwnedDescriptor(try pair.first.duplicate())
        second = OwnedDescriptor(try pair.second.duplicate())
    }
}

extension RoleName {
    /// As the other end is told whom it is linked to.
    var link: SupervisorOrder.Link {
        switch self {
        case .firewall: .firewall
        case .engine: .engine
        case .tarpit(let worker): .tarpit(worker: UInt16(worker))
        case .fetch(let request): .fetch(request: request)
        case .metrics: .metrics
        }
    }
}
