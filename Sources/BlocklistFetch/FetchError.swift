/// Why a fetch did not come to its end.
enum FetchError: Error, Hashable {
    /// Completes "the source …".
    case failed(String)
    /// Whoever wanted the source is gone: there is nobody to tell.
    case abandoned
}

extension FetchError {
    /// Text of a program or server, fit for a sentence: printable, and not too long.
    static func quoted(_ bytes: some Collection<UInt8>) -> String {
        let shown = bytes.prefix(200).map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self) + (bytes.count > 200 ? "..." : "")
    }
}
