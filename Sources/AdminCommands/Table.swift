/// Columns for people. Widths come from the first rows; later ones stream past, and one that is too wide pushes its line.
struct Table {
    struct Column {
        var title: String
        /// Numbers stand to the right.
        var isNumber = false
        /// May be cut when the terminal is too narrow for all.
        var isFlexible = false
    }

    private let columns: [Column]
    private let width: Int
    private var waiting: [[String]] = []
    private var widths: [Int]?

    /// Rows looked at before the first is printed.
    static let sample = 500
    private static let gap = 2
    private static let narrowest = 12

    init(_ columns: [Column], width: Int) {
        self.columns = columns
        self.width = width
    }

    mutating func add(_ row: [String], to console: Console) throws(CommandError) {
        if let widths { return try console.write(line(row, widths)) }
        waiting.append(row)
        if waiting.count == Self.sample { try layOut(console) }
    }

    /// Prints what is still waiting.
    mutating func finish(_ console: Console) throws(CommandError) { if widths == nil && !waiting.isEmpty { try layOut(console) } }

    private mutating func layOut(_ console: Console) throws(CommandError) {
        var widths = columns.indices.map { column in
            waiting.reduce(columns[column].title.count) { max($0, $1[column].count) }
        }
        var excess = widths.reduce(0, +) + Self.gap * (columns.count - 1) - width
        // The widest flexible column gives way first, down to the next widest, and so on.
        while excess > 0 {
            let flexible = columns.indices.filter { columns[$0].isFlexible && widths[$0] > Self.narrowest }
            guard let widest = flexible.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        self.widths = widths
        try console.write(line(columns.map(\.title), widths))
        for row in waiting { try console.write(line(row, widths)) }
        waiting = []
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let text = columns[index].isFlexible ? Self.cut(cell, to: widths[index]) : cell
            let padding = String(repeating: " ", count: max(0, widths[index] - text.count))
            if index > 0 { line += String(repeating: " ", count: Self.gap) }
            line += columns[index].isNumber ? padding + text : index == cells.count - 1 ? text : text + padding
        }
        return line + "\n"
    }

    static func cut(_ text: String, to width: Int) -> String { text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…" }
}
