import Glibc
import GreylistEngine
import Release
import Sandbox

// Started by a reading command where no daemon runs, or by greymoatd.
if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--read-database" {
    exit(DatabaseReading.run(path: CommandLine.arguments[2], version: Version.text))
}
exit(EngineRole.run(version: Version.text, confine: { confine(.engine(stateDirectory: $0)) }))
