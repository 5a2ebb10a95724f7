import Glibc

exit(StoreProbe.run(CommandLine.arguments))
