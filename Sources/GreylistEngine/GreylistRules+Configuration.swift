internal import GreylistPolicy
internal import LinuxIO
internal import RoleMessages

extension GreylistRules {
    /// The rules a configuration asks for. `allowedDomains`: the opened file. One that cannot be read or has a fault leaves
    /// `known` in force, and the fault says so.
    static func read(
        _ configuration: EngineConfiguration, allowedDomains file: consuming FileDescriptor?, keeping known: AllowedDomains
    ) -> (rules: GreylistRules, fault: AllowedDomainsFileFault?) {
        var rules = GreylistRules(
            passtime: configuration.passtime, greyexp: configuration.greyexp, whiteexp: configuration.whiteexp,
            trapexp: configuration.trapexp, groupIPv4: Int(configuration.groupIPv4), groupIPv6: Int(configuration.groupIPv6),
            lowPriorityMX: Set(configuration.lowPriorityMX), suffixAtLabel: configuration.suffixAtLabel,
            blacklistOnly: configuration.blacklistOnly, learnOutbound: configuration.learnOutbound)
        guard let file else { return (rules, nil) }
        do {
            rules.allowedDomains = try AllowedDomains(parsing: file.readAll(limit: AllowedDomains.fileLimit + 1))
            return (rules, nil)
        } catch {
            rules.allowedDomains = known
            let kept = known.isEmpty ? "no domain of it is in force" : "the list read before stays in force"
            let sentences = (error as? AllowedDomainsFault)?.sentences ?? ["\(error)"]
            return (rules, AllowedDomainsFileFault(path: configuration.allowedDomainsPath, sentences: sentences, inForce: kept))
        }
    }
}

/// What is wrong with the file of allowed domains, and what is in force instead.
struct AllowedDomainsFileFault {
    let path: String
    let sentences: [String]
    let inForce: String

    /// For the log.
    var lines: [String] { sentences.dropLast().map { "\(path): \($0)" } + ["\(path): \(sentences.last ?? ""); \(inForce)"] }
    /// For `status` and `reload`.
    var sentence: String { "\(path): \((sentences + [inForce]).joined(separator: "; "))" }
}
