/// Makes sense of the records of a spamd.conf; gathers every fault instead of ending at the first.
struct SpamdConfigurationParser {
    private var faults: [SpamdConfiguration.Fault] = []
    private var warnings: [SpamdConfiguration.Fault] = []

    mutating func parse(_ bytes: [UInt8]) throws(SpamdConfiguration.Faults) -> SpamdConfiguration {
        guard bytes.count <= SpamdConfiguration.sizeLimit else {
            let sentence = "the file is longer than \(SpamdConfiguration.sizeLimit) bytes; put long messages into files of their own"
            throw SpamdConfiguration.Faults(faults: [SpamdConfiguration.Fault(line: 0, sentence: sentence)])
        }
        let records = read(bytes)
        var configuration = SpamdConfiguration()
        if let all = records.first(where: { $0.names.contains("all") }) {
            configuration.lists = lists(of: all, among: records)
        } else if !records.isEmpty {
            fault(0, "there is no record \"all\"; add one that names the lists in their order, as in all:\\ and :first:second:")
        }
        configuration.warnings = warnings.sorted { $0.line < $1.line }
        guard faults.isEmpty else { throw SpamdConfiguration.Faults(faults: faults.sorted { $0.line < $1.line }) }
        return configuration
    }

    private mutating func read(_ bytes: [UInt8]) -> [CapabilityRecord] {
        var reader = CapabilityReader(bytes)
        var records: [CapabilityRecord] = []
        while let record = reader.next() { records.append(record) }
        for line in reader.unclosedQuotes {
            fault(line, "a quotation mark is not closed; end the text with \" and continue lines with \\")
        }
        for record in records where record.names.isEmpty {
            fault(record.line, "a record without a name; does the line before it lack its \\?")
        }
        var seen: Set<String> = []
        for record in records {
            for name in record.names where !seen.insert(name).inserted {
                fault(record.line, "a second record \"\(Self.shown(name))\"; take one of the two away")
            }
        }
        return records
    }

    private mutating func lists(of all: CapabilityRecord, among records: [CapabilityRecord]) -> [SpamdConfiguration.List] {
        var lists: [SpamdConfiguration.List] = []
        var known: [String: SpamdConfiguration.List] = [:]
        for field in all.fields {
            for word in field.bytes.split(whereSeparator: \.isBlank) {
                let name = String(decoding: word, as: UTF8.self)
                // A backslash alone is what remains of a continued line whose end was lost.
                if name == "\\" { continue }
                guard let record = records.first(where: { $0.names.contains(name) && $0 != all }) else {
                    fault(field.line, "there is no record \"\(Self.shown(name))\" for this list")
                    continue
                }
                guard let list = known[name] ?? list(name, record) else { continue }
                if case .black = list.kind, known[name] != nil {
                    fault(field.line, "the black list \"\(name)\" is named twice")
                    continue
                }
                known[name] = list
                if list.kind == .white, !lists.contains(where: { $0.kind != .white }) {
                    fault(field.line, "the white list \"\(name)\" has no black list before it to apply to")
                }
                lists.append(list)
            }
        }
        if lists.count > SpamdConfiguration.listLimit {
            fault(all.line, "more than \(SpamdConfiguration.listLimit) lists")
        }
        for record in records where record != all && record.names.allSatisfy({ known[$0] == nil }) {
            guard let name = record.names.first else { continue }
            warn(record.line, "\"all\" does not name \"\(Self.shown(name))\": it is not loaded")
        }
        return lists
    }

    private mutating func list(_ name: String, _ record: CapabilityRecord) -> SpamdConfiguration.List? {
        guard Self.isName(name) else {
            fault(
                record.line,
                "\"\(Self.shown(name))\" is no name for a list; use up to \(SpamdConfiguration.nameLimit) letters, digits, and . _ - +")
            return nil
        }
        var isBlack = false
        var isWhite = false
        var message: CapabilityRecord.Field?
        var method: CapabilityRecord.Field?
        var file: CapabilityRecord.Field?
        for field in record.fields where !field.bytes.isEmpty {
            // As getcap has it, the first of two counts.
            if field.bytes.elementsEqual("black".utf8) {
                isBlack = true
            } else if field.bytes.elementsEqual("white".utf8) {
                isWhite = true
            } else if field.value(of: "msg") != nil {
                message = message ?? field
            } else if field.value(of: "method") != nil {
                method = method ?? field
            } else if field.value(of: "file") != nil {
                file = file ?? field
            } else {
                let shown = Self.shown(String(decoding: field.bytes.prefix(40), as: UTF8.self))
                warn(field.line, "\"\(shown)\" in \"\(name)\" means nothing here (black, white, msg=, method=, file=)")
            }
        }
        // One that says both is black, as spamd-setup takes it.
        guard isBlack || isWhite else {
            fault(record.line, "\"\(name)\" says neither :black: nor :white:")
            return nil
        }
        let kind = isBlack ? self.message(name, record, message).map(SpamdConfiguration.Kind.black) : .white
        guard let source = source(name, record, method: method, file: file), let kind else { return nil }
        return SpamdConfiguration.List(name: name, kind: kind, source: source, line: record.line)
    }

    private mutating func message(
        _ name: String, _ record: CapabilityRecord, _ field: CapabilityRecord.Field?
    ) -> SpamdConfiguration.Message? {
        guard let field, let value = field.value(of: "msg"), !value.isEmpty else {
            fault(record.line, "the black list \"\(name)\" has no message; add :msg=\"...\": or :msg=/path/of/a/file:")
            return nil
        }
        if value.first == UInt8(ascii: "\"") {
            guard value.count >= 2, value.last == UInt8(ascii: "\"") else {
                fault(field.line, "the message of \"\(name)\" begins with a quotation mark and does not end with one")
                return nil
            }
            return .inline(RejectionMessage(value.dropFirst().dropLast().colonsRestored))
        }
        return path(CapabilityRecord.Field.unescaped(value), "the message of \"\(name)\"", field.line).map(SpamdConfiguration.Message.file)
    }

    private mutating func source(
        _ name: String, _ record: CapabilityRecord, method: CapabilityRecord.Field?, file: CapabilityRecord.Field?
    ) -> SpamdConfiguration.Source? {
        guard let file, let value = file.value(of: "file").map(CapabilityRecord.Field.unescaped), !value.isEmpty else {
            fault(record.line, "\"\(name)\" does not say where it comes from; add :file=...:")
            return nil
        }
        guard value.count <= SpamdConfiguration.sourceLimit, value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\t") })
        else {
            fault(file.line, "the file of \"\(name)\" has control characters or more than \(SpamdConfiguration.sourceLimit) bytes")
            return nil
        }
        let scheme = method?.value(of: "method").map { String(decoding: CapabilityRecord.Field.unescaped($0), as: UTF8.self) } ?? "file"
        switch scheme {
        case "file": return path(value, "the file of \"\(name)\"", file.line).map(SpamdConfiguration.Source.file)
        case "http", "https", "ftp": return url(scheme, value, name, file.line)
        case "exec":
            let words = value.split(whereSeparator: \.isBlank).map { String(decoding: $0, as: UTF8.self) }
            // What is not UTF-8 takes more room as text.
            guard words.allSatisfy({ $0.utf8.count <= SpamdConfiguration.sourceLimit }) else {
                return tooLong("a word of the command of \"\(name)\"", file.line)
            }
            guard !words.isEmpty, words.count <= SpamdConfiguration.argumentLimit else {
                fault(file.line, "the command of \"\(name)\" is empty or has more than \(SpamdConfiguration.argumentLimit) words")
                return nil
            }
            return .command(words)
        default:
            fault(
                method?.line ?? record.line,
                "\"\(Self.shown(scheme))\" is no method of \"\(name)\"; use file, http, https, ftp or exec")
            return nil
        }
    }

    private mutating func url(_ scheme: String, _ value: [UInt8], _ name: String, _ line: Int) -> SpamdConfiguration.Source? {
        let text = String(decoding: value, as: UTF8.self)
        guard value.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            fault(line, "the address of \"\(name)\" has blanks or characters outside ASCII; write them as %20 and so on")
            return nil
        }
        // Outside quotation marks the value ends at the colon behind a scheme.
        let first = text.prefix { $0 != ":" }
        guard !["http", "https", "ftp"].contains(first), !text.hasPrefix("/") else {
            fault(line, "the address of \"\(name)\" begins with its host; the method stands in :method=\(scheme):")
            return nil
        }
        let address = "\(scheme)://\(text)"
        guard address.utf8.count <= SpamdConfiguration.sourceLimit else { return tooLong("the address of \"\(name)\"", line) }
        return .url(address)
    }

    private mutating func path(_ value: [UInt8], _ what: String, _ line: Int) -> String? {
        guard value.first == UInt8(ascii: "/"), !value.contains(0), let path = String(validating: value, as: UTF8.self) else {
            fault(line, "\(what) is not an absolute path: \"\(Self.shown(String(decoding: value.prefix(60), as: UTF8.self)))\"")
            return nil
        }
        guard path.utf8.count <= SpamdConfiguration.sourceLimit else { return tooLong("the path of \(what)", line) }
        return path
    }

    private mutating func tooLong<Value>(_ what: String, _ line: Int) -> Value? {
        fault(line, "\(what) has more than \(SpamdConfiguration.sourceLimit) bytes")
        return nil
    }

    private mutating func fault(_ line: Int, _ sentence: String) {
        faults.append(SpamdConfiguration.Fault(line: line, sentence: sentence))
    }

    private mutating func warn(_ line: Int, _ sentence: String) {
        warnings.append(SpamdConfiguration.Fault(line: line, sentence: sentence))
    }

    /// A name that may stand in log lines, in spamd's configuration text and in a file's name.
    static func isName(_ name: String) -> Bool {
        let utf8 = name.utf8
        guard 1...SpamdConfiguration.nameLimit ~= utf8.count, utf8.first != UInt8(ascii: "."), utf8.first != UInt8(ascii: "-") else {
            return false
        }
        return utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"): true
            default: false
            }
        }
    }

    private static func shown(_ text: String) -> String {
        String(decoding: text.utf8.prefix(80).map { 0x20...0x7E ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

extension ArraySlice where Element == UInt8 {
    /// getcap's `\c`, `\C` and `\:` are colons in a message too; the other escapes are the message's own.
    fileprivate var colonsRestored: [UInt8] {
        var out: [UInt8] = []
        var escaped = false
        for byte in self {
            if escaped, byte | 0x20 == UInt8(ascii: "c") || byte == UInt8(ascii: ":") {
                out[out.count - 1] = UInt8(ascii: ":")
            } else {
                out.append(byte)
            }
            escaped = byte == UInt8(ascii: "\\") && !escaped
        }
        return out
    }
}
