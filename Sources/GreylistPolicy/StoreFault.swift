/// Why a store could not do what was asked. Nothing of a transaction that failed is kept, and the next one may be tried
/// at once: a full disk that has room again, or one mounted writable again, needs no restart.
public enum StoreFault: Error, Hashable, Sendable {
    /// No room on the device, or over quota.
    case full(String)
    /// The file system or file is read-only.
    case readOnly(String)
    /// Permission refused.
    case denied(String)
    /// The contents are damaged. A store that can sets them aside and starts anew when it is next used.
    case damaged(String)
    /// Somebody else owns the store.
    case inUse(String)
    /// Written by a newer Greymoat.
    case newer(String)
    /// Anything else: an I/O error, a lost connection.
    case failed(String)

    /// Whether waiting may help without anybody doing something to the store's contents.
    public var mayHeal: Bool {
        switch self {
        case .full, .readOnly, .denied, .damaged, .inUse, .failed: true
        case .newer: false
        }
    }
}

extension StoreFault: CustomStringConvertible {
    /// One sentence that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .full(let text), .readOnly(let text), .denied(let text), .damaged(let text), .inUse(let text), .newer(let text),
            .failed(let text):
            text
        }
    }
}
