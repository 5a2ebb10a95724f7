extension String {
    /// As much of the text as takes `limit` bytes at most; a character may take any number of them.
    func prefix(bytes limit: Int) -> String {
        // A cut within a scalar is rounded down to its beginning.
        utf8.count <= limit ? self : String(self[..<utf8.index(startIndex, offsetBy: limit)])
    }
}
