import CLinux
import CSandboxProbe
import Glibc
import LinuxIO
import Sandbox

/// sandbox-probe confined PROFILE ATTEMPT [OMITTED]   attempt something in a role's sandbox, an entry of the list left out
/// sandbox-probe landlock PROFILE ATTEMPT              the same under Landlock alone
/// sandbox-probe status                                print what the tests check of /proc/self
/// sandbox-probe parent                                start a child that holds standard output open, and wait
/// sandbox-probe missing                               start descriptor 9 with rights we have not, and print what is missing
/// sandbox-probe hold                                  wait for ever
/// sandbox-probe nft PROGRAM ARGUMENTS…                as the firewall role: run a program with CAP_NET_ADMIN, confined
/// sandbox-probe without-netlink PROTOCOL PROGRAM …    run a program on a kernel that lacks a netlink protocol
///
/// Exit status 0: the attempt succeeded; 1: it was refused; 3: the sandbox is incomplete; death by SIGSYS: it was forbidden.
func probe() {
    let arguments = CommandLine.arguments
    switch arguments.count > 1 ? arguments[1] : "" {
    case "confined":
        if arguments[3] == "rt_sigreturn" { probe_arm() }
        let missing = confine(profile(arguments[2]), omitting: arguments.count > 4 ? [arguments[4]] : [])
        finish(missing: missing, attempt: arguments[3])
    case "landlock":
        var missing: [String] = []
        if gm_no_new_privileges() != 0 { missing.append("no new privileges") }
        Landlock.confine(profile(arguments[2]), missing: &missing)
        finish(missing: missing, attempt: arguments[3])
    case "status": printStatus()
    case "parent": startChildAndWait()
    case "missing": askForTooMuch()
    case "hold": while true { pause() }
    case "nft": runAsFirewall(Array(arguments.dropFirst(2)))
    case "without-netlink":
        guard probe_refuse_netlink(Int32(arguments[2])!) == 0 else { exit(3) }
        execute(Array(arguments.dropFirst(3)))
    default: exit(64)
    }
}

private func profile(_ name: String) -> Confinement {
    switch name {
    case "tarpit": .tarpit
    case "firewall": .firewall
    case "fetch": .fetch
    case "metrics": .metrics
    default: .engine(stateDirectory: name)
    }
}

private func finish(missing: [String], attempt: String) -> Never {
    if !missing.isEmpty {
        for sentence in missing { say(sentence, to: 2) }
        exit(3)
    }
    let result = attemptCall(attempt)
    // No exit(3): its handlers might call what the sandbox forbids.
    _ = probe_call("exit_group", result >= 0 ? 0 : 1, 0, 0, 0, 0, 0)
    exit(1)
}

func say(_ text: String, to descriptor: Int32 = 1) {
    var line = text + "\n"
    line.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
}

private func printStatus() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for path in ["/proc/self/status", "/proc/self/net/dev"] {
        let file = open(path, O_RDONLY)
        let count = read(file, &buffer, buffer.count)
        _ = write(1, buffer, max(0, count))
        close(file)
    }
    for descriptor in Int32(0)..<64 where fcntl(descriptor, F_GETFD) >= 0 { say("descriptor \(descriptor)") }
    for name in CommandLine.arguments { say("argument \(name)") }
    var variable = environ
    while let text = variable.pointee {
        say("environment \(String(cString: text))")
        variable += 1
    }
}

private func startChildAndWait() {
    do {
        let program = try Spawn.open(program: "/proc/self/exe")
        var spawn = Spawn(executable: program.number, arguments: ["sandbox-probe", "hold"])
        spawn.descriptors = [.init(1, as: 1)]
        spawn.trimsBoundingSet = false
        let started = try spawn.start()
        say("child \(started.process)", to: 2)
    } catch {
        say("\(error)", to: 2)
        exit(1)
    }
    while true { pause() }
}

private func askForTooMuch() {
    var spawn = Spawn(executable: 9, arguments: ["sandbox-probe", "status"])
    spawn.identity = Spawn.Identity(user: 65_532, group: 65_532)
    spawn.hasEmptyNetwork = true
    do {
        let started = try spawn.start()
        for sentence in started.missing { say(sentence, to: 2) }
        var status: Int32 = 0
        waitpid(started.process, &status, 0)
        exit(status == 0 ? 0 : 1)
    } catch {
        say("\(error)", to: 2)
        exit(1)
    }
}

private func runAsFirewall(_ command: [String]) {
    let missing = confine(.firewall)
    if !missing.isEmpty { say(missing[0], to: 2) }
    do {
        let program = try Spawn.open(program: command[0])
        var spawn = Spawn(executable: program.number, arguments: command)
        spawn.capabilities = .netAdmin
        spawn.trimsBoundingSet = false
        let completed = try spawn.run(input: Array("list tables\n".utf8), limit: .seconds(10))
        _ = write(1, completed.output, completed.output.count)
        _ = write(2, completed.errors, completed.errors.count)
        exit(completed.status)
    } catch {
        say("\(error)", to: 2)
        exit(1)
    }
}

private func execute(_ command: [String]) -> Never {
    var pointers: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    pointers.append(nil)
    execv(command[0], pointers)
    say("cannot run \(command[0])", to: 2)
    exit(127)
}
