internal import Glibc
internal import GreylistPolicy
internal import LinuxIO
internal import Settings

/// What is wrong with the files that a configuration names, and what the roles would say of them: for `greymoatd --check`.
struct ConfigurationCheck {
    /// A sentence for each fault.
    private(set) var faults: [String]
    /// A sentence for each thing that keeps nothing from starting, or could not be looked at.
    private(set) var warnings: [String] = []

    /// `programs`: the directory greymoatd's programs lie in.
    init(_ configuration: Configuration, _ files: ConfiguredFiles, programs: String) {
        faults = Self.domains(configuration.greylist.allowedDomains, files)
        faults += files.blocklistFaults.map { "\(configuration.blocklists.config): \($0)" }
        checkCertificate(configuration.tls, programs)
        checkRuleset(configuration.firewall, files, programs)
    }

    /// As a reload has it checked, by the role that would load it.
    private mutating func checkRuleset(_ firewall: Configuration.Firewall, _ files: ConfiguredFiles, _ programs: String) {
        guard firewall.manage else { return }
        guard geteuid() == 0 else { return warnings.append("the ruleset was not checked: nft asks the kernel, which takes root") }
        ask("\(programs)/greymoat-firewall", ["--check-ruleset", files.rulesetPath, firewall.table], over: "[firewall] ruleset")
    }

    private static func domains(_ path: String, _ files: ConfiguredFiles) -> [String] {
        guard let file = files.allowedDomains else { return [] }
        do throws(AllowedDomainsFault) { _ = try AllowedDomains(parsing: file.bytes) } catch {
            return error.sentences.map { "\(path): \($0)" }
        }
        return []
    }

    /// The tarpit alone knows TLS.
    private mutating func checkCertificate(_ tls: Configuration.TLS, _ programs: String) {
        guard !tls.certificate.isEmpty else { return }
        ask("\(programs)/greymoat-tarpit", ["--check-certificate", tls.certificate, tls.key], over: "[tls] certificate and key")
    }

    /// What a role that is started for this alone says of `subject`; nothing when all is well.
    private mutating func ask(_ program: String, _ arguments: [String], over subject: String) {
        do throws(SystemError) {
            let said = try FileDescriptor.memoryFile(named: "greymoat-check")
            let role = try HelperProcess(program, arguments, output: said.number)
            let status = try role.wait()
            try said.rewind()
            let sentence = String(decoding: try said.readAll(limit: 4096), as: UTF8.self)
            if status != 0 {
                faults.append(sentence.isEmpty ? "\(program) ended with status \(status) over \(subject)" : sentence)
            } else if !sentence.isEmpty {
                warnings.append(sentence)
            }
        } catch { faults.append("\(error)") }
    }
}
