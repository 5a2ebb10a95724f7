internal import CSeccomp
internal import Glibc
internal import LinuxIO

/// A seccomp filter made by libseccomp from a list of rules.
struct SystemCallFilter {
    /// For a call without a rule.
    let otherwise: SystemCallRule.Answer
    let rules: [SystemCallRule]

    init(_ profile: Confinement, omitting omitted: [String]) {
        switch profile {
        case .tarpit:
            otherwise = .kill
            rules = SystemCallRule.allowedInTarpit.filter { !omitted.contains($0.name) }
        case .metrics:
            otherwise = .kill
            rules = SystemCallRule.allowedInMetrics.filter { !omitted.contains($0.name) }
        case .engine:
            otherwise = .allow
            rules = SystemCallRule.refusedEverywhere + SystemCallRule.refusedInEngine
        case .firewall:
            otherwise = .allow
            rules = SystemCallRule.refusedEverywhere + SystemCallRule.refusedInFirewall
        case .fetch:
            otherwise = .allow
            rules = SystemCallRule.refusedEverywhere
        }
    }

    func install(missing: inout [String]) {
        do throws(SystemError) { try load() } catch {
            missing.append("its system calls are not filtered: \(error)")
        }
    }

    private func load() throws(SystemError) {
        guard let filter = seccomp_init(otherwise.action) else { throw SystemError("make a seccomp filter", code: ENOMEM) }
        defer { seccomp_release(filter) }
        // A call in another architecture's numbering ends the process too, and every thread gets the filter.
        try check("set up a seccomp filter", seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SystemCallRule.Answer.kill.action))
        try check("set up a seccomp filter", seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1))
        for rule in rules {
            let number = seccomp_syscall_resolve_name(rule.name)
            guard number != __NR_SCMP_ERROR else { continue }
            let conditions = rule.conditions.map(\.comparison)
            let result = seccomp_rule_add_array(filter, rule.answer.action, number, UInt32(conditions.count), conditions)
            // EDOM: known to libseccomp, not on this architecture.
            if result != -EDOM { try check("put \(rule.name) into a seccomp filter", result) }
        }
        try check("load a seccomp filter", seccomp_load(filter))
    }

    /// libseccomp's calls return a negative errno.
    private func check(_ operation: String, _ result: Int32) throws(SystemError) {
        if result < 0 { throw SystemError(operation, code: -result) }
    }
}

extension SystemCallRule.Answer {
    /// SCMP_ACT_…, which are macros with arguments in part.
    var action: UInt32 {
        switch self {
        case .allow: 0x7FFF_0000
        case .kill: 0x8000_0000
        case .refuse: 0x0005_0000 | UInt32(EPERM)
        }
    }
}

extension SystemCallRule.Condition {
    var comparison: scmp_arg_cmp {
        switch self {
        case .equal(let argument, let value): scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
        case .greater(let argument, let value): scmp_arg_cmp(arg: argument, op: SCMP_CMP_GT, datum_a: value, datum_b: 0)
        case .masked(let argument, let mask, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
        }
    }
}
