import Glibc
import GreylistEngine
import Release
import Sandbox

exit(EngineRole.run(version: Version.text, confine: { confine(.engine(stateDirectory: $0)) }))
