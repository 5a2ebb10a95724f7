internal import Glibc
internal import GreylistPolicy
internal import LinuxIO
internal import Settings

/// What is wrong with the files that a configuration names, and what the roles would say of them: for `greymoatd --check`.
enum ConfigurationCheck {
    /// A sentence for each fault.
    static func faults(_ configuration: Configuration, _ files: ConfiguredFiles, programs: String) -> [String] {
        domains(configuration.greylist.allowedDomains, files) + files.blocklistFaults.map { "\(configuration.blocklists.config): \($0)" }
            + certificate(configuration.tls, programs) + ruleset(configuration.firewall, files, programs)
    }

    /// A sentence for each thing that could not be looked at.
    static func gaps(_ configuration: Configuration) -> [String] {
        guard configuration.firewall.manage, geteuid() != 0 else { return [] }
        return ["the ruleset was not checked: nft asks the kernel, which takes root"]
    }

    /// As a reload has it checked, by the role that would load it.
    private static func ruleset(_ firewall: Configuration.Firewall, _ files: ConfiguredFiles, _ programs: String) -> [String] {
        guard firewall.manage, geteuid() == 0 else { return [] }
        return verdict(
            "\(programs)/greymoat-firewall", ["--check-ruleset", files.rulesetPath, firewall.table], over: "[firewall] ruleset")
    }

    private static func domains(_ path: String, _ files: ConfiguredFiles) -> [String] {
        guard let file = files.allowedDomains else { return [] }
        do throws(AllowedDomainsFault) { _ = try AllowedDomains(parsing: file.bytes) } catch {
            return error.sentences.map { "\(path): \($0)" }
        }
        return []
    }

    /// The tarpit alone knows TLS.
    private static func certificate(_ tls: Configuration.TLS, _ programs: String) -> [String] {
        guard !tls.certificate.isEmpty else { return [] }
        return verdict(
            "\(programs)/greymoat-tarpit", ["--check-certificate", tls.certificate, tls.key], over: "[tls] certificate and key")
    }

    /// What a role that is started for this alone says of `subject`; nothing when all is well.
    private static func verdict(_ program: String, _ arguments: [String], over subject: String) -> [String] {
        do throws(SystemError) {
            let said = try FileDescriptor.memoryFile(named: "greymoat-check")
            let role = try HelperProcess(program, arguments, output: said.number)
            let status = try role.wait()
            if status == 0 { return [] }
            try said.rewind()
            let sentence = String(decoding: try said.readAll(limit: 4096), as: UTF8.self)
            return [sentence.isEmpty ? "\(program) ended with status \(status) over \(subject)" : sentence]
        } catch { return ["\(error)"] }
    }
}
