/// Reads spamdb text as it comes, in pieces of any size, one row after the other: an import of a million rows holds one
/// line. Empty lines and those that begin with `#` are passed over; a CR before the line feed too.
public struct SpamdbTextReader: Sendable {
    /// A line's row, or why it is none.
    public struct Line: Hashable, Sendable {
        /// Counted from 1.
        public var number: Int
        public var row: Result<StoredRow, SpamdbTextFault>

        public init(number: Int, row: Result<StoredRow, SpamdbTextFault>) {
            self.number = number
            self.row = row
        }
    }

    private var partial: [UInt8] = []
    private var number = 0
    /// The line under way is longer than any may be; its rest is passed over.
    private var isOverlong = false

    public init() {}

    /// Takes the next piece and gives `body` each line it completes.
    public mutating func feed<Failure: Error>(
        _ bytes: some Collection<UInt8>, _ body: (Line) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            gather(rest[..<end])
            rest = rest[rest.index(after: end)...]
            try complete(body)
        }
        gather(rest)
    }

    /// The end of the text: a last line without a line feed counts.
    public mutating func finish<Failure: Error>(_ body: (Line) throws(Failure) -> Void) throws(Failure) {
        if !partial.isEmpty || isOverlong { try complete(body) }
    }

    private mutating func gather(_ bytes: some Collection<UInt8>) {
        guard !isOverlong else { return }
        isOverlong = partial.count + bytes.count > StoredRow.lineLimit + 1
        if isOverlong { partial.removeAll() } else { partial += bytes }
    }

    private mutating func complete<Failure: Error>(_ body: (Line) throws(Failure) -> Void) throws(Failure) {
        defer {
            partial.removeAll(keepingCapacity: true)
            isOverlong = false
        }
        number += 1
        if isOverlong { return try body(Line(number: number, row: .failure(.tooLong))) }
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        guard let first = partial.first, first != UInt8(ascii: "#") else { return }
        let row: Result<StoredRow, SpamdbTextFault>
        do throws(SpamdbTextFault) { row = .success(try StoredRow(spamdbText: partial)) } catch { row = .failure(error) }
        try body(Line(number: number, row: row))
    }
}
