import FirewallService
import Glibc

exit(FirewallRole.run())
