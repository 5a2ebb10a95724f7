public import Addressing

/// What a key's value may be.
enum ConfigurationForm: Sendable {
    case oneOf([String])
    case number(ClosedRange<Int>)
    case oneOfNumbers([Int])
    case truth
    case duration(ClosedRange<Duration>)
    case text(TextForm)
    case texts(TextForm, count: ClosedRange<Int>)

    enum TextForm: Sendable {
        /// Printable ASCII, for SMTP replies; bytes at most.
        case line(Int)
        case ehloKeyword
        /// An absolute path, or nothing.
        case path
        case address
        case addressAndPort
        case interface
        /// A table's name.
        case name
    }

    /// What is allowed, in words that complete "allowed is …".
    var allowed: String {
        switch self {
        case .oneOf(let texts): Self.alternatives(texts.map { "\"\($0)\"" })
        case .oneOfNumbers(let numbers): Self.alternatives(numbers.map(String.init))
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .truth: "true or false"
        case .duration(let range):
            "a duration such as \"500ms\", \"3s\", \"25m\", \"4h\" or \"36d\", "
                + "from \(range.lowerBound.configurationText) to \(range.upperBound.configurationText)"
        case .text(let form): form.allowed
        case .texts(let form, let count):
            "a list of \(count.lowerBound > 0 ? "\(count.lowerBound) to" : "up to") \(count.upperBound) strings, each \(form.allowed)"
        }
    }

    func accepts(_ value: ConfigurationValue) -> Bool {
        switch (self, value) {
        case (.oneOf(let texts), .text(let text)): texts.contains(text)
        case (.oneOfNumbers(let numbers), .number(let number)): numbers.contains(number)
        case (.number(let range), .number(let number)): range.contains(number)
        case (.truth, .truth): true
        case (.duration(let range), .duration(let duration)): range.contains(duration)
        case (.text(let form), .text(let text)): form.accepts(text)
        case (.texts(let form, let count), .texts(let texts)): count.contains(texts.count) && texts.allSatisfy(form.accepts)
        case (.oneOf, _), (.oneOfNumbers, _), (.number, _), (.truth, _), (.duration, _), (.text, _), (.texts, _): false
        }
    }

    private static func alternatives(_ items: [String]) -> String {
        items.count < 2 ? items.joined() : items.dropLast().joined(separator: ", ") + " or " + items.last!
    }
}

extension ConfigurationForm.TextForm {
    var allowed: String {
        switch self {
        case .line(let limit): "printable ASCII text of at most \(limit) bytes"
        case .ehloKeyword: "an EHLO keyword with its parameters in printable ASCII, of at most 255 bytes and never PIPELINING"
        case .path: "an absolute path, or \"\" for none"
        case .address: "an IPv4 or IPv6 address"
        case .addressAndPort: "an address and a port such as \"127.0.0.1:9225\" or \"[::1]:9225\", or \"\" for none"
        case .interface: "the name of a network interface, of at most 15 bytes, or \"\" for all"
        case .name: "a name of letters, digits and underscores that begins with a letter, of at most 127 bytes"
        }
    }

    func accepts(_ text: String) -> Bool {
        switch self {
        case .line(let limit): isPrintable(text) && text.utf8.count <= limit
        case .ehloKeyword:
            isPrintable(text) && text.utf8.count <= 255 && text.utf8.first.map { $0 != UInt8(ascii: " ") } == true
                && text.split(separator: " ").first?.uppercased() != "PIPELINING"
        case .path: text.isEmpty || text.hasPrefix("/") && text.utf8.count <= 4095 && !text.utf8.contains(0)
        case .address: IPAddress(text) != nil
        case .addressAndPort: text.isEmpty || AddressAndPort(text) != nil
        case .interface:
            text.utf8.count <= 15 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\"") }
        case .name:
            text.utf8.count <= 127 && text.first?.isLetter == true
                && text.utf8.allSatisfy {
                    UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                        || $0 == UInt8(ascii: "_")
                }
        }
    }

    private func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }
}

/// An address and a port, IPv6 in brackets.
public struct AddressAndPort: Hashable, Sendable, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return nil }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)), address.isIPv4 != isBracketed else { return nil }
        self.init(address: address, port: port)
    }

    public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
