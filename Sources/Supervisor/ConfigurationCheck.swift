internal import GreylistPolicy
internal import LinuxIO
internal import Settings

/// What is wrong with the files that a configuration names, and what the roles would say of them: for `greymoatd --check`. The ruleset
/// is left to `greymoat firewall check --ruleset`: nft has to ask the kernel.
enum ConfigurationCheck {
    /// A sentence for each fault.
    static func faults(_ configuration: Configuration, _ files: ConfiguredFiles, programs: String) -> [String] {
        domains(configuration.greylist.allowedDomains, files) + files.blocklistFaults.map { "\(configuration.blocklists.config): \($0)" }
            + certificate(configuration.tls, programs)
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
        do throws(SystemError) {
            let said = try FileDescriptor.memoryFile(named: "greymoat-check")
            let tarpit = try HelperProcess(
                "\(programs)/greymoat-tarpit", ["--check-certificate", tls.certificate, tls.key], output: said.number)
            let status = try tarpit.wait()
            if status == 0 { return [] }
            try said.rewind()
            let sentence = String(decoding: try said.readAll(limit: 4096), as: UTF8.self)
            return [sentence.isEmpty ? "greymoat-tarpit ended with status \(status) over [tls] certificate and key" : sentence]
        } catch { return ["\(error)"] }
    }
}
