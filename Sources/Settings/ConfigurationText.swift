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

    /// The keys as a list in mdoc(7), for greymoat.toml(5).
    public static var manual: String {
        var text = ""
        var section: String?
        for key in ConfigurationKey.all {
            if key.section != section {
                if section != nil { text += ".El\n" }
                section = key.section
                text += key.section.isEmpty ? ".Ss Before the first section\n" : ".Ss [\(key.section)]\n"
                text += ".Bl -tag -width Ds\n"
            }
            text += ".It Ic \(key.name)\n\(roff(key.explanation))\n"
            text += "Allowed is \(roff(key.allowed)).\nThe default is\n.Ql \(roff(key.defaultValue.toml)) .\n"
            if !key.isReloadable { text += "A change takes effect when greymoatd is started again.\n" }
        }
        return text + ".El\n"
    }

    /// Backslashes, and lines that would begin a request.
    private static func roff(_ text: String) -> String {
        var escaped = text.replacing("\\", with: "\\e")
        if escaped.hasPrefix(".") || escaped.hasPrefix("'") { escaped = "\\&" + escaped }
        return escaped
    }
}
