internal import Blocklists
internal import Glibc
internal import LinuxIO
internal import RoleMessages
internal import Settings

/// The administrator's files, read as root and handed to roles that may open none.
struct ConfiguredFiles {
    var rulesetPath: String
    var ruleset: String
    var certificate: [UInt8] = []
    var key: [UInt8] = []
    /// nil: not there, or none configured.
    var allowedDomains: FileSnapshot?
    var blocklists: FileSnapshot?
    /// What may be fetched: the sources of spamd.conf, and files that hold its lists' messages.
    var blocklistSources: Set<SpamdConfiguration.Source> = []
    /// What is wrong with spamd.conf, of which nothing is fetched then.
    var blocklistFaults: [SpamdConfiguration.Fault] = []
    /// What the operator should know.
    var notes: [String] = []

    static let pemLimit = 65_536
    static let domainsLimit = 16 << 20

    /// `programs`: the directory greymoatd's programs lie in. `previous`: what was read before; a list that cannot be read
    /// any more stays as it was. Faults are told all at once.
    init(_ configuration: Configuration, programs: String, previous: ConfiguredFiles? = nil) throws(ConfigurationFaults) {
        var faults: [ConfigurationFault] = []
        func fault(_ key: String, _ section: String, _ sentence: String) {
            faults.append(ConfigurationFault(source: "configuration", line: nil, key: "[\(section)] \(key)", sentence: sentence))
        }

        rulesetPath = configuration.firewall.ruleset
        if rulesetPath.isEmpty { rulesetPath = Self.installedRuleset(for: configuration.mode, programs: programs) }
        ruleset = ""
        do throws(SystemError) {
            let bytes = try WholeFile.read(rulesetPath, limit: FirewallConfiguration.rulesetLimit)
            ruleset = String(decoding: bytes, as: UTF8.self)
            // What is not UTF-8 takes more room as text than it did in the file.
            if ruleset.utf8.count > FirewallConfiguration.rulesetLimit {
                throw SystemError("take \(rulesetPath), which is too long where it is not UTF-8", code: EFBIG)
            }
        } catch { fault("ruleset", "firewall", "\(error); name a ruleset greymoatd can read") }

        if !configuration.tls.certificate.isEmpty {
            do throws(SystemError) { certificate = try WholeFile.read(configuration.tls.certificate, limit: Self.pemLimit) } catch {
                fault("certificate", "tls", "\(error); name a certificate chain in PEM")
            }
            do throws(SystemError) { key = try WholeFile.read(configuration.tls.key, limit: Self.pemLimit) } catch {
                fault("key", "tls", "\(error); name the certificate's private key in PEM")
            }
        }

        allowedDomains = snapshot(configuration.greylist.allowedDomains, Self.domainsLimit, "allowed domains", previous?.allowedDomains)
        readBlocklists(configuration.blocklists.config, previous)
        if !faults.isEmpty { throw ConfigurationFaults(faults: faults) }
    }

    /// Reads spamd.conf. False where it is missing or faulty: what is wrong with it is for the engine to say.
    @discardableResult
    mutating func readBlocklists(_ path: String, _ previous: ConfiguredFiles?) -> Bool {
        blocklists = snapshot(path, SpamdConfiguration.sizeLimit, "blocklists", previous?.blocklists)
        blocklistFaults = []
        guard let blocklists else { return false }
        do throws(SpamdConfiguration.Faults) {
            let configuration = try SpamdConfiguration(parsing: blocklists.bytes)
            notes += configuration.warnings.map { "\(path): \($0)" }
            for list in configuration.lists {
                blocklistSources.insert(list.source)
                if case .black(.file(let message)) = list.kind { blocklistSources.insert(.file(message)) }
            }
        } catch { blocklistFaults = error.faults }
        return blocklistFaults.isEmpty
    }

    private mutating func snapshot(_ path: String, _ limit: Int, _ what: String, _ previous: FileSnapshot?) -> FileSnapshot? {
        guard !path.isEmpty else { return nil }
        do throws(SystemError) { return try FileSnapshot(of: path, limit: limit) } catch {
            if error.code == ENOENT { return nil }
            notes.append("\(error): the \(what) stay as they were")
            return previous
        }
    }

    /// Installed in /usr/share/greymoat/nft, or beside the sources greymoatd was built from.
    private static func installedRuleset(for mode: Configuration.Mode, programs: String) -> String {
        let name = mode == .greylist ? "greymoat.nft" : "greymoat-blackonly.nft"
        let installed = "/usr/share/greymoat/nft/\(name)"
        var directory = programs[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            // .build/…/release/greymoatd: the sources are above .build.
            if directory.hasSuffix("/.build") {
                let beside = "\(directory.dropLast("/.build".count))/nft/\(name)"
                if access(beside, R_OK) == 0 { return beside }
            }
        }
        return installed
    }
}
