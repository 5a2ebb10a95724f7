import Glibc

extension Transcript {
    /// Every `Tests/Transcripts/*.txt`, in the order of their names.
    static func all() throws -> [Transcript] {
        let here = #filePath
        let directory = here[..<here.lastIndex(of: "/")!] + "/../Transcripts"
        guard let handle = opendir(String(directory)) else { throw Fault(description: "cannot open \(directory)") }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".txt") { names.append(name) }
        }
        return try names.sorted().map { name in
            try Transcript(name: String(name.dropLast(4)), text: read(directory + "/" + name))
        }
    }

    private static func read(_ path: some StringProtocol) throws -> String {
        guard let file = fopen(String(path), "r") else { throw Fault(description: "cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Fault(description: "\(path) is not UTF-8") }
        return text
    }
}
