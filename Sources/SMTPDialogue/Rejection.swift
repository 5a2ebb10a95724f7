internal import Addressing

/// What a black host is told at the end of its message: every matching list's message in one multi-line reply.
enum Rejection {
    /// For hosts whose lists say nothing, and for those in a trap.
    static let listedMessage = "Your address %A is on a list of addresses that send spam"
    static let trappedMessage = "Your address %A has mailed to spamtraps here"

    /// The lines of `message` with `%A`, `%%`, `\n`, `\"` and `\\` expanded (spamd.conf(5)); any other `%` or `\` stands for itself.
    static func lines(of message: String, client: IPAddress) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        var iterator = message.utf8.makeIterator()
        var next = iterator.next()
        while let byte = next {
            next = iterator.next()
            switch (byte, next) {
            case (UInt8(ascii: "%"), UInt8(ascii: "A")):
                lines[lines.count - 1] += client.description.utf8
                next = iterator.next()
            case (UInt8(ascii: "%"), UInt8(ascii: "%")), (UInt8(ascii: "\\"), UInt8(ascii: "\"")), (UInt8(ascii: "\\"), UInt8(ascii: "\\")):
                lines[lines.count - 1].append(next!)
                next = iterator.next()
            case (UInt8(ascii: "\\"), UInt8(ascii: "n")):
                lines.append([])
                next = iterator.next()
            case (10, _): lines.append([])
            case (13, _): break
            default: lines[lines.count - 1].append(byte)
            }
        }
        // A message that ends in \n ends a line; it does not begin another.
        if lines.count > 1 && lines[lines.count - 1].isEmpty { lines.removeLast() }
        return lines
    }

    static func reply(permanent: Bool, messages: [String], otherwise: String = listedMessage, client: IPAddress) -> [UInt8] {
        let texts = messages.isEmpty ? [otherwise] : messages
        return ReplyText.compose(
            permanent ? 550 : 450, permanent ? "5.7.1" : "4.7.1", bytes: texts.flatMap { lines(of: $0, client: client) })
    }
}
