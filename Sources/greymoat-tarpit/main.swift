import Glibc
import Sandbox
import TarpitServer

if CommandLine.arguments.count == 4, CommandLine.arguments[1] == "--check-certificate" {
    exit(Tarpit.check(certificate: CommandLine.arguments[2], key: CommandLine.arguments[3]))
}
exit(Tarpit.run(channel: 3) { confine(.tarpit) })
