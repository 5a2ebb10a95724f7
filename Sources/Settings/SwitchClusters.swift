/// Clusters of one-letter switches as getopt(3) reads them, taken apart: `-dvG25:4:864` is `-d -v -G 25:4:864`.
public enum SwitchClusters {
    /// spamd's switches that take a value.
    public static let withValue = Set("BcCGhKlMnpSswYy")

    /// Each switch on its own, and its value behind it. What follows `--`, and what is no cluster, stays as it is.
    public static func split(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" { return result + [argument] + rest }
            guard argument.hasPrefix("-"), !argument.hasPrefix("--"), argument.count > 1 else {
                result.append(argument)
                continue
            }
            var letters = argument.dropFirst()
            while let letter = letters.popFirst() {
                guard withValue.contains(letter) else {
                    result.append("-\(letter)")
                    continue
                }
                result.append("-\(letter)")
                if !letters.isEmpty { result.append(String(letters)) } else if let value = rest.popFirst() { result.append(value) }
                break
            }
        }
        return result
    }
}
