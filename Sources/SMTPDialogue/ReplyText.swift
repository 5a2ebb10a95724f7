/// Composes replies: codes, continuation dashes, enhanced codes on each line (RFC 2034 §4), line ends and line lengths.
enum ReplyText {
    /// One reply of one line or several. `enhanced` is empty for replies that carry none (greeting, HELO, EHLO, 3xx).
    /// What an SMTP reply may not hold becomes `?`; a line too long is cut into several.
    static func compose(_ code: Int, _ enhanced: String, _ lines: [some StringProtocol]) -> [UInt8] {
        compose(code, enhanced, bytes: lines.map { Array($0.utf8) })
    }

    static func compose(_ code: Int, _ enhanced: String, bytes lines: [[UInt8]]) -> [UInt8] {
        var prefix = Array(String(code).utf8)
        prefix.append(UInt8(ascii: "-"))
        if !enhanced.isEmpty {
            prefix += enhanced.utf8
            prefix.append(UInt8(ascii: " "))
        }
        let room = DialogueLimits.replyLine - prefix.count - 2
        var reply: [UInt8] = []
        var lastSeparator = 0
        for line in lines.isEmpty ? [[]] : lines {
            var rest = line[...]
            repeat {
                lastSeparator = reply.count + 3
                reply += prefix
                reply += rest.prefix(room).lazy.map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }
                reply += [13, 10]
                rest = rest.dropFirst(room)
            } while !rest.isEmpty
        }
        reply[lastSeparator] = UInt8(ascii: " ")
        return reply
    }
}
