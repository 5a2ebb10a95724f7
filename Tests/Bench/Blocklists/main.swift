import Glibc

exit(BlocklistBench.run() ? 0 : 1)
