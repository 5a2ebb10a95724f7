import Glibc
import GreylistPolicy

/// The mark that a database has its owner: an flock(2) on a file beside it, given back when the process ends however it
/// ends. Not on the database itself: closing another descriptor of that file would drop SQLite's own locks.
struct OwnerLock: ~Copyable {
    private let descriptor: Int32

    init(path: String) throws(StoreFault) {
        let file = path + ".lock"
        let opened = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else {
            let failure = errno
            throw .file(file, errno: failure, otherwise: String(cString: strerror(failure)))
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            let failure = errno
            close(opened)
            if failure == EWOULDBLOCK {
                throw .inUse(
                    "the database \(path) is in use by another greymoat-engine: stop that one, or give this one its own --state-dir")
            }
            throw .file(file, errno: failure, otherwise: String(cString: strerror(failure)))
        }
        descriptor = opened
    }

    deinit { close(descriptor) }
}
