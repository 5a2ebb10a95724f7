internal import AdminCommands
internal import Glibc

exit(AdminProgram.main())
