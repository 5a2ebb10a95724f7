internal import CLinux
public import LinuxIO

/// A set of Linux capabilities (capabilities(7)); the bits are the kernel's numbers.
public struct Capabilities: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let chown = Capabilities(rawValue: 1 << 0)
    public static let dacOverride = Capabilities(rawValue: 1 << 1)
    public static let dacReadSearch = Capabilities(rawValue: 1 << 2)
    public static let kill = Capabilities(rawValue: 1 << 5)
    public static let setGID = Capabilities(rawValue: 1 << 6)
    public static let setUID = Capabilities(rawValue: 1 << 7)
    public static let setPCap = Capabilities(rawValue: 1 << 8)
    public static let netBindService = Capabilities(rawValue: 1 << 10)
    public static let netAdmin = Capabilities(rawValue: 1 << 12)
    public static let sysAdmin = Capabilities(rawValue: 1 << 21)

    /// The calling thread's effective capabilities.
    public static func effective() throws(SystemError) -> Capabilities {
        var permitted: UInt64 = 0
        var effective: UInt64 = 0
        try retrying("read this process's capabilities") { gm_get_capabilities(&permitted, &effective) }
        return Capabilities(rawValue: effective)
    }

    /// Gives up every capability but these, in the calling thread, and the ambient set altogether. What is not held
    /// is not gained.
    public static func keepOnly(_ kept: Capabilities) throws(SystemError) {
        var permitted: UInt64 = 0
        var effective: UInt64 = 0
        try retrying("read this process's capabilities") { gm_get_capabilities(&permitted, &effective) }
        try retrying("clear the ambient capabilities") { gm_clear_ambient_capabilities() }
        let remaining = permitted & kept.rawValue
        try retrying("give up capabilities") { gm_set_capabilities(remaining, remaining, remaining) }
    }
}
