import BlocklistFetch
import Glibc

exit(FetchRole.run())
