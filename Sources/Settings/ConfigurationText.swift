extension Configuration {
    /// Where remarks begin in the example file.
    private static let remarkColumn = 31

    /// The configuration as a file: of the defaults, the example that is installed.
    public var toml: String {
        var text = ""
        var section = ""
        for key in ConfigurationKey.all {
            if key.section != section {
                section = key.section
                text += "\n[\(section)]\n"
            }
            let assignment = "\(key.name) = \(key.read(self).toml)"
            let gap = String(repeating: " ", count: max(1, Self.remarkColumn - assignment.count))
            text += key.remark.isEmpty ? assignment + "\n" : "\(assignment)\(gap)# \(key.remark)\n"
        }
        return text
    }
}
