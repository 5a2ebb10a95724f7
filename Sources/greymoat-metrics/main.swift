import Glibc
import MetricsServer

exit(MetricsRole.run())
