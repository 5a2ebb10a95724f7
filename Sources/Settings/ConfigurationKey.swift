/// One key of greymoat.toml: its name, what it may be, where it goes, and what people are told about it.
public struct ConfigurationKey: Sendable {
    /// `[section]` it stands in; empty for the keys before the first one.
    public let section: String
    public let name: String
    /// A changed value takes effect on reload; else when greymoatd is started again.
    public let isReloadable: Bool
    /// What it does, for the manual: a sentence or two.
    public let explanation: String
    /// What stands beside it in the example file.
    let remark: String
    let form: ConfigurationForm
    let read: @Sendable (Configuration) -> ConfigurationValue
    /// Takes a value that `form` accepts.
    let write: @Sendable (inout Configuration, ConfigurationValue) -> Void

    /// As messages name it: `[section] name`.
    public var title: String { section.isEmpty ? name : "[\(section)] \(name)" }

    public var defaultValue: ConfigurationValue { read(Configuration()) }

    /// What is allowed, in words that complete "allowed is …".
    public var allowed: String { form.allowed }

    public static func named(_ name: String, in section: String) -> ConfigurationKey? {
        all.first { $0.section == section && $0.name == name }
    }
}

extension Configuration {
    /// Puts `running`'s values back for keys that cannot be reloaded, and the directories; returns the keys that had changed.
    public mutating func keepUnreloadable(of running: Configuration) -> [ConfigurationKey] {
        stateDirectory = running.stateDirectory
        runtimeDirectory = running.runtimeDirectory
        return ConfigurationKey.all.filter { key in
            guard !key.isReloadable, key.read(self) != key.read(running) else { return false }
            key.write(&self, key.read(running))
            return true
        }
    }
}

extension ConfigurationKey {
    /// Whether a changed value waits for the next start.
    enum Effect { case onReload, onStart }

    init<Value: ConfigurationField>(
        _ section: String, _ name: String, _ field: any WritableKeyPath<Configuration, Value> & Sendable, _ form: ConfigurationForm,
        _ effect: Effect, _ explanation: String, remark: String = ""
    ) {
        self.section = section
        self.name = name
        isReloadable = effect == .onReload
        self.form = form
        self.explanation = explanation
        self.remark = remark
        read = { $0[keyPath: field].configurationValue }
        write = { if let value = Value(configurationValue: $1) { $0[keyPath: field] = value } }
    }
}

/// A type that a key's value takes in `Configuration`.
protocol ConfigurationField: SendableMetatype {
    var configurationValue: ConfigurationValue { get }
    /// nil for a value that the key's form does not accept.
    init?(configurationValue: ConfigurationValue)
}

extension String: ConfigurationField {
    var configurationValue: ConfigurationValue { .text(self) }
    init?(configurationValue: ConfigurationValue) {
        guard case .text(let text) = configurationValue else { return nil }
        self = text
    }
}

extension Int: ConfigurationField {
    var configurationValue: ConfigurationValue { .number(self) }
    init?(configurationValue: ConfigurationValue) {
        guard case .number(let number) = configurationValue else { return nil }
        self = number
    }
}

extension Bool: ConfigurationField {
    var configurationValue: ConfigurationValue { .truth(self) }
    init?(configurationValue: ConfigurationValue) {
        guard case .truth(let truth) = configurationValue else { return nil }
        self = truth
    }
}

extension Duration: ConfigurationField {
    var configurationValue: ConfigurationValue { .duration(self) }
    init?(configurationValue: ConfigurationValue) {
        guard case .duration(let duration) = configurationValue else { return nil }
        self = duration
    }
}

extension Array: ConfigurationField where Element: LosslessStringConvertible {
    var configurationValue: ConfigurationValue { .texts(map { String($0) }) }
    init?(configurationValue: ConfigurationValue) {
        guard case .texts(let texts) = configurationValue else { return nil }
        self = texts.compactMap { Element($0) }
    }
}

extension ConfigurationField where Self: RawRepresentable<String> {
    var configurationValue: ConfigurationValue { .text(rawValue) }
    init?(configurationValue: ConfigurationValue) {
        guard case .text(let text) = configurationValue else { return nil }
        self.init(rawValue: text)
    }
}

extension Configuration.Mode: ConfigurationField {}
extension Configuration.SandboxRule: ConfigurationField {}
extension Configuration.Preset: ConfigurationField {}
extension Configuration.Persona: ConfigurationField {}
extension Configuration.LogFormat: ConfigurationField {}
extension Configuration.LogLevel: ConfigurationField {}
