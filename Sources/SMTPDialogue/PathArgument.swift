/// Finds the address in what follows MAIL or RCPT, however a stranger wrote it: bouncing an innocent host for its spelling
/// is not our business. Missing brackets, blanks after the colon, a missing colon, source routes, display names, bare local
/// parts, raw 8-bit bytes and every ESMTP parameter are forgiven.
enum PathArgument {
    /// `<address>` or `<>`; nil when there is none.
    static func sender(in argument: UnsafeRawBufferPointer) -> [UInt8]? {
        address(in: argument.dropping(keyword: "from"))
    }

    /// `<address>`; nil when there is none, or it is empty.
    static func recipient(in argument: UnsafeRawBufferPointer) -> [UInt8]? {
        let path = address(in: argument.dropping(keyword: "to"))
        return path?.count == 2 ? nil : path
    }

    /// Whether `path` names postmaster, alone or at any domain, in any case of letters.
    static func isPostmaster(_ path: [UInt8]) -> Bool {
        path.withUnsafeBytes { bytes in
            var local = UnsafeRawBufferPointer(rebasing: bytes[1..<(bytes.count - 1)])
            if let at = local.lastIndex(of: UInt8(ascii: "@")) { local = UnsafeRawBufferPointer(rebasing: local[..<at]) }
            if local.count == 12, local[0] == quote, local[11] == quote { local = UnsafeRawBufferPointer(rebasing: local[1..<11]) }
            return local.count == 10 && local.hasPrefix(ignoringCase: "postmaster")
        }
    }

    private static let quote = UInt8(ascii: "\"")
    private static let opening = UInt8(ascii: "<")
    private static let closing = UInt8(ascii: ">")

    private static func address(in text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !text.isEmpty else { return nil }
        // A word that begins with a bracket is the address, even behind a display name; parameters such as AUTH=<> do not.
        var word = 0
        while word < text.count {
            if text[word] == opening { return bracketed(UnsafeRawBufferPointer(rebasing: text[word...])) }
            word = endOfWord(text, from: word)
            while word < text.count, text[word].isBlank { word += 1 }
        }
        return path(UnsafeRawBufferPointer(rebasing: text[..<endOfWord(text, from: 0)]))
    }

    private static func bracketed(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var start = 0
        while start < text.count, text[start] == opening { start += 1 }
        let inside = UnsafeRawBufferPointer(rebasing: text[start...])
        let end = unquotedIndex(of: closing, in: inside) ?? inside.firstIndex(of: closing) ?? inside.firstIndex { $0.isBlank }
        return path(UnsafeRawBufferPointer(rebasing: inside[..<(end ?? inside.count)]).trimmed)
    }

    /// The address alone, in brackets: a source route (RFC 5321 §4.1.1.3) is no part of it.
    private static func path(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var address = text
        if text.first == UInt8(ascii: "@"), let colon = endOfRoute(text) {
            address = UnsafeRawBufferPointer(rebasing: text[(colon + 1)...]).trimmed
        }
        return [UInt8](unsafeUninitializedCapacity: address.count + 2) { buffer, count in
            buffer[0] = opening
            for index in 0..<address.count { buffer[index + 1] = address[index] }
            buffer[address.count + 1] = closing
            count = address.count + 2
        }
    }

    /// The colon behind a source route; those of an address literal such as `[IPv6:::1]` are not it.
    private static func endOfRoute(_ text: UnsafeRawBufferPointer) -> Int? {
        var inLiteral = false
        for index in 0..<text.count {
            switch text[index] {
            case UInt8(ascii: "["): inLiteral = true
            case UInt8(ascii: "]"): inLiteral = false
            case UInt8(ascii: ":") where !inLiteral: return index
            default: break
            }
        }
        return nil
    }

    private static func unquotedIndex(of byte: UInt8, in text: UnsafeRawBufferPointer) -> Int? {
        var quoted = false
        var index = 0
        while index < text.count {
            if text[index] == quote { quoted.toggle() }
            if text[index] == UInt8(ascii: "\\"), quoted { index += 1 } else if text[index] == byte, !quoted { return index }
            index += 1
        }
        return nil
    }

    /// Where the word that begins at `start` ends: at a blank outside quotes, or at the first blank when the quotes never close.
    private static func endOfWord(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
        var quoted = false
        var firstBlank: Int?
        var index = start
        while index < text.count {
            if text[index] == quote { quoted.toggle() }
            if text[index].isBlank {
                if !quoted { return index }
                firstBlank = firstBlank ?? index
            }
            if text[index] == UInt8(ascii: "\\"), quoted { index += 1 }
            index += 1
        }
        return quoted ? firstBlank ?? text.count : text.count
    }
}

extension UnsafeRawBufferPointer {
    /// Without `FROM:` or `TO:` at the beginning, in any case of letters, the colon or blanks around it missing or not.
    fileprivate func dropping(keyword: StaticString) -> UnsafeRawBufferPointer {
        var index = 0
        if hasPrefix(ignoringCase: keyword) {
            let end = keyword.utf8CodeUnitCount
            if end == count || self[end].isBlank || self[end] == UInt8(ascii: ":") || self[end] == UInt8(ascii: "<") { index = end }
        }
        while index < count, self[index].isBlank { index += 1 }
        if index < count, self[index] == UInt8(ascii: ":") { index += 1 }
        return UnsafeRawBufferPointer(rebasing: self[index...]).trimmed
    }
}
