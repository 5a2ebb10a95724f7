import FirewallService
import Glibc

if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "--check-ruleset" {
    exit(FirewallRole.check(ruleset: CommandLine.arguments[2], table: CommandLine.arguments[3]))
}
exit(FirewallRole.run())
