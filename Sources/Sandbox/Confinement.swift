internal import CLinux
internal import Glibc
internal import LinuxIO

/// What a role gives up for good once it has everything it needs.
public enum Confinement: Hashable, Sendable {
    /// Nothing but the descriptors it holds: no file, no new socket, no process, no signal; another call kills it.
    case tarpit
    /// Its state directory and what the system's libraries read; no new socket, no other program.
    case engine(stateDirectory: String)
    /// CAP_NET_ADMIN, netlink, and running the system's programs; no file is written.
    case firewall
    /// The system's programs and outbound sockets; no file is written.
    case fetch
    /// A listener, the connections it accepts, and a socket to the engine; no file, no new socket, no process.
    case metrics

    /// The executable's name, which ps(1) shows.
    var processName: String {
        switch self {
        case .tarpit: "greymoat-tarpit"
        case .engine: "greymoat-engine"
        case .firewall: "greymoat-firewall"
        case .fetch: "greymoat-fetch"
        case .metrics: "greymoat-metrics"
        }
    }

    var keptCapabilities: Capabilities {
        switch self {
        case .firewall: .netAdmin
        case .tarpit, .engine, .fetch, .metrics: []
        }
    }
}

/// Confines the calling process to what `profile` leaves it, for good. Call it while the process has one thread: most of
/// it holds for the calling thread and those it makes later.
///
/// Returns a sentence for each part that is missing in this kernel or container; the rest holds all the same.
public func confine(_ profile: Confinement) -> [String] {
    confine(profile, omitting: [])
}

/// As `confine(_:)`, with entries of the system call list left out: tests show by it that each is needed.
package func confine(_ profile: Confinement, omitting omitted: [String]) -> [String] {
    var missing: [String] = []
    gm_set_process_name(profile.processName)
    signal(SIGPIPE, SIG_IGN)  // a peer that has gone is an error to handle, not the end of the role
    if profile == .tarpit || profile == .metrics { gm_not_dumpable() }
    if threadCount() > 1 { missing.append("it was confined after it had started threads, which are not; this is a defect of Greymoat") }
    if gm_no_new_privileges() != 0 {
        missing.append("it may still gain privileges through set-user-ID programs (\(SystemError.last("").reason))")
    }
    Landlock.confine(profile, missing: &missing)
    do throws(SystemError) { try Capabilities.keepOnly(profile.keptCapabilities) } catch { missing.append("\(error)") }
    SystemCallFilter(profile, omitting: omitted).install(missing: &missing)
    return missing
}

/// Threads of this process; 1 where /proc is not to be had.
private func threadCount() -> Int { fileNames(in: "/proc/self/task")?.count ?? 1 }
