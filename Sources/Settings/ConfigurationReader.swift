internal import TOMLKit

/// Reads greymoat.toml and applies the switches: one configuration, or every fault there is.
public struct ConfigurationReader {
    private var configuration = Configuration()
    private var faults: [ConfigurationFault] = []
    /// Keys the file sets itself.
    private var set: Set<String> = []
    private var locator: KeyLocator
    private let path: String
    private let text: String

    /// `text`: the file's, empty where there is none; some text that is not TOML ends the process, so let a copy of it read first. `path`: its name in messages.
    public static func read(_ text: String, path: String, switches: Switches = Switches()) throws(ConfigurationFaults) -> Configuration {
        var reader = ConfigurationReader(text, path: path)
        reader.readFile()
        reader.applyPreset()
        switches.apply(to: &reader.configuration)
        reader.checkTogether(switches)
        if !reader.faults.isEmpty { throw ConfigurationFaults(faults: reader.faults) }
        return reader.configuration
    }

    private init(_ text: String, path: String) {
        self.text = text
        self.path = path
        locator = KeyLocator("")
    }

    // MARK: The file

    private mutating func readFile() {
        let document: TOMLTable
        do { document = try TOMLTable(string: text) } catch {
            let parsing = error as? TOMLParseError
            faults.append(
                ConfigurationFault(
                    source: path, line: parsing?.source.begin.line, key: nil,
                    sentence:
                        "this is not TOML: \(Self.oneLine(parsing?.description ?? "\(error)")) (names, paths and durations stand in quotes)"
                ))
            return
        }
        locator = KeyLocator(text)
        for (name, value) in document {
            if let table = value.table, ConfigurationKey.named(name, in: "") == nil {
                guard ConfigurationKey.sections.contains(name) else {
                    report(
                        [name], nil,
                        "there is no such section; did you mean [\(NearestName.find(name, among: ConfigurationKey.sections) ?? "")]?")
                    continue
                }
                for (inner, value) in table { take(value, name: inner, section: name) }
            } else if ConfigurationKey.sections.contains(name) {
                report([name], nil, "\(name) is a section and holds keys of its own")
            } else {
                take(value, name: name, section: "")
            }
        }
        faults.sort { ($0.line ?? 0) < ($1.line ?? 0) }
    }

    private mutating func take(_ value: any TOMLValueConvertible, name: String, section: String) {
        let place = section.isEmpty ? [name] : [section, name]
        guard let key = ConfigurationKey.named(name, in: section) else {
            return report(place, nil, "there is no key \(place.joined(separator: ".")); did you mean \(Self.nearestKey(place))?")
        }
        guard let read = ConfigurationValue(value, as: key.form) else {
            return report(place, key, "\(Self.kind(value)) does not fit here; allowed is \(key.allowed)")
        }
        guard key.form.accepts(read) else {
            return report(place, key, "\(read.toml) does not fit here; allowed is \(key.allowed)")
        }
        set.insert(place.joined(separator: "."))
        key.write(&configuration, read)
    }

    private mutating func report(_ place: [String], _ key: ConfigurationKey?, _ sentence: String) {
        faults.append(ConfigurationFault(source: path, line: locator.line(of: place), key: key?.title, sentence: sentence))
    }

    private static func nearestKey(_ place: [String]) -> String {
        let names = ConfigurationKey.all.map { [$0.section, $0.name].filter { !$0.isEmpty }.joined(separator: ".") }
        // A key put into the wrong section is the likelier slip.
        if let name = place.last, let elsewhere = ConfigurationKey.all.first(where: { $0.name == name }) { return elsewhere.title }
        guard let nearest = NearestName.find(place.joined(separator: "."), among: names), let index = names.firstIndex(of: nearest) else {
            return ""
        }
        return ConfigurationKey.all[index].title
    }

    private static func kind(_ value: any TOMLValueConvertible) -> String {
        switch value.type {
        case .table: "a table"
        case .array: "this list"
        case .int: "the number \(value.int ?? 0)"
        case .string: "the string \(ConfigurationValue.text(value.string ?? "").toml)"
        case .bool: "\(value.bool ?? false)"
        case .double, .date, .time, .dateTime: "a \(value.type)"
        }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    // MARK: What keys mean together

    /// The preset's times stand where the file has none of its own.
    private mutating func applyPreset() {
        guard configuration.greylist.preset == .rfc6647 else { return }
        if !set.contains("greylist.passtime") { configuration.greylist.passtime = .seconds(60) }
        if !set.contains("greylist.greyexp") { configuration.greylist.greyexp = .seconds(24 * 3600) }
        if !set.contains("greylist.whiteexp") { configuration.greylist.whiteexp = .seconds(864 * 3600) }
    }

    private mutating func checkTogether(_ switches: Switches) {
        let greylist = configuration.greylist
        if greylist.passtime >= greylist.greyexp {
            reportTogether(
                "greylist", "passtime", fromSwitch: switches.times != nil,
                "\(greylist.passtime.configurationText) is not shorter than greyexp, \(greylist.greyexp.configurationText), so that nobody could ever pass"
            )
        }
        let tarpit = configuration.tarpit
        if tarpit.maximumConnections > 0 && tarpit.maximumBlack > tarpit.maximumConnections {
            reportTogether(
                "tarpit", "max-black", fromSwitch: switches.maximumBlack != nil,
                "\(tarpit.maximumBlack) is more than max-connections, \(tarpit.maximumConnections)")
        }
        if configuration.tls.certificate.isEmpty != configuration.tls.key.isEmpty {
            let missing = configuration.tls.key.isEmpty ? "key" : "certificate"
            reportTogether(
                "tls", missing, fromSwitch: switches.certificate != nil || switches.key != nil,
                "it is missing: a certificate and its key are given together, or neither")
        }
    }

    private mutating func reportTogether(_ section: String, _ name: String, fromSwitch: Bool, _ sentence: String) {
        let key = ConfigurationKey.named(name, in: section)
        faults.append(
            ConfigurationFault(
                source: fromSwitch ? "command line" : path, line: fromSwitch ? nil : locator.line(of: [section, name]), key: key?.title,
                sentence: sentence))
    }
}

extension ConfigurationKey {
    static let sections: [String] = all.map(\.section).filter { !$0.isEmpty }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
}

extension ConfigurationValue {
    /// A TOML value in the shape `form` wants; nil when it has another type.
    init?(_ value: any TOMLValueConvertible, as form: ConfigurationForm) {
        switch (form, value.type) {
        case (.oneOf, .string), (.text, .string):
            guard let text = value.string else { return nil }
            self = .text(text)
        case (.duration, .string):
            guard let text = value.string, let duration = Duration(configurationText: text) else { return nil }
            self = .duration(duration)
        case (.number, .int), (.oneOfNumbers, .int):
            guard let number = value.int else { return nil }
            self = .number(number)
        case (.truth, .bool):
            guard let truth = value.bool else { return nil }
            self = .truth(truth)
        case (.texts, .array):
            guard let array = value.array else { return nil }
            let texts = array.compactMap { $0.string }
            guard texts.count == array.count else { return nil }
            self = .texts(texts)
        default: return nil
        }
    }
}
