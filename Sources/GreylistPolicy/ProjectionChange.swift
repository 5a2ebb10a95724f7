public import Addressing

/// What has to change in the kernel's sets so that they show the store again.
public enum ProjectionChange: Hashable, Sendable {
    /// Adds the address, or renews it, with its remaining lifetime, at least one second.
    case put(HostSet, IPAddress, remaining: Duration)
    /// Takes the address out; one that is not there is no error.
    case delete(HostSet, IPAddress)
    /// The administrator's blocks changed: read them and replace the `allow` set.
    case allowChanged

    public enum HostSet: UInt8, Sendable { case white = 0, greytrap }
}
