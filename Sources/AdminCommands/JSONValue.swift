/// A value as JSON prints it (RFC 8259); members keep their order, so that output is stable.
indirect enum JSONValue: Hashable {
    case null
    case bool(Bool)
    case number(Int64)
    case text(String)
    case list([JSONValue])
    case object([Member])

    struct Member: Hashable {
        var name: String
        var value: JSONValue

        init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    static func number(_ value: some BinaryInteger) -> JSONValue { .number(Int64(clamping: value)) }

    static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.text) ?? .null }

    /// Indented by two spaces a level, a newline at the end.
    var pretty: String {
        var output = ""
        write(to: &output, indent: 0)
        return output + "\n"
    }

    /// Each leaf as `a.b.0.c<TAB>value`, a line each: what scripts without a JSON parser read.
    var flattened: String {
        var output = ""
        flatten("", into: &output)
        return output
    }

    private func write(to output: inout String, indent: Int) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .number(let value): output += String(value)
        case .text(let text): Self.quote(text, into: &output)
        case .list(let values):
            Self.write(values, "[", "]", to: &output, indent: indent) { $0.write(to: &$1, indent: indent + 1) }
        case .object(let members):
            Self.write(members, "{", "}", to: &output, indent: indent) {
                Self.quote($0.name, into: &$1)
                $1 += ": "
                $0.value.write(to: &$1, indent: indent + 1)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], _ open: String, _ close: String, to output: inout String, indent: Int, _ body: (Item, inout String) -> Void
    ) {
        output += open
        for (index, item) in items.enumerated() {
            output += (index == 0 ? "\n" : ",\n") + String(repeating: "  ", count: indent + 1)
            body(item, &output)
        }
        if !items.isEmpty { output += "\n" + String(repeating: "  ", count: indent) }
        output += close
    }

    static func quote(_ text: String, into output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\t": output += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }

    private func flatten(_ path: String, into output: inout String) {
        switch self {
        case .null: output += "\(path)\t\n"
        case .bool(let value): output += "\(path)\t\(value)\n"
        case .number(let value): output += "\(path)\t\(value)\n"
        case .text(let text): output += "\(path)\t\(text)\n"
        case .list(let values): for (index, value) in values.enumerated() { value.flatten(Self.join(path, String(index)), into: &output) }
        case .object(let members): for member in members { member.value.flatten(Self.join(path, member.name), into: &output) }
        }
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "." + name }
}
