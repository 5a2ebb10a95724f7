import Glibc
import Sandbox
import TarpitServer

exit(Tarpit.run(channel: 3) { confine(.tarpit) })
