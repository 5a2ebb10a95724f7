internal import Moments
internal import RoleMessages

/// How curl(1) is called for a URL: what it may speak, how long it may take, and what is asked of the server.
struct CurlCommand {
    /// Where the server's headers go: a pipe of ours.
    static let headerDescriptor: Int32 = 3

    let arguments: [String]

    init(_ url: String, _ order: FetchOrder) {
        var arguments = [
            "curl", "--disable", "--silent", "--show-error", "--fail", "--globoff", "--location", "--max-redirs", "5",
            "--proto", "=http,https,ftp", "--proto-redir", Self.redirections(from: url),
            "--connect-timeout", "20", "--max-time", String(max(1, order.timeLimit.wholeSeconds)), "--max-filesize",
            String(order.byteLimit),
            "--user-agent", "greymoat", "--dump-header", "/proc/self/fd/\(Self.headerDescriptor)",
        ]
        if !url.hasPrefix("ftp:") {
            // RFC 9110 §13.1: the entity tag counts where a server knows both.
            if !order.entityTag.isEmpty { arguments += ["--header", "If-None-Match: \(order.entityTag)"] }
            if !order.lastModified.isEmpty { arguments += ["--header", "If-Modified-Since: \(order.lastModified)"] }
        }
        self.arguments = arguments + ["--output", "-", "--url", url]
    }

    /// A source that was meant to be https stays so.
    private static func redirections(from url: String) -> String {
        url.hasPrefix("https:") ? "=https" : url.hasPrefix("http:") ? "=http,https" : "=ftp"
    }
}

/// The headers of the last response, as `--dump-header` writes them: those of redirections come before.
struct CurlHeaders {
    /// Bytes looked at at most.
    static let limit = 65_536

    private(set) var status = 0
    private(set) var entityTag = ""
    private(set) var lastModified = ""

    init(_ bytes: some Collection<UInt8>) {
        for line in bytes.prefix(Self.limit).split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            if line.starts(with: "HTTP/".utf8) {
                let words = line.split(separator: UInt8(ascii: " "))
                status = words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self)) ?? 0 : 0
                entityTag = ""
                lastModified = ""
            } else if let value = Self.value(of: "etag", in: line) {
                entityTag = value
            } else if let value = Self.value(of: "last-modified", in: line) {
                lastModified = value
            }
        }
    }

    private static func value(of name: String, in line: some Collection<UInt8>) -> String? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
            line[..<colon].map({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }).elementsEqual(name.utf8)
        else { return nil }
        let value = Array(line[line.index(after: colon)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
        guard value.count <= FetchOrder.textLimit, value.allSatisfy({ 0x20...0x7E ~= $0 }) else { return "" }
        return String(decoding: value, as: UTF8.self)
    }
}
