internal import Glibc

/// Users and groups by name, from the system's database.
public enum Account {
    /// The identity of a user: its number and its own group, no supplementary ones. nil when there is no such user.
    public static func identity(ofUser name: String) -> Spawn.Identity? {
        guard let entry = getpwnam(name) else { return nil }
        return Spawn.Identity(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }

    /// The number of a group, nil when there is none of that name.
    public static func group(named name: String) -> UInt32? {
        getgrnam(name)?.pointee.gr_gid
    }
}
