/// greymoat.toml as people know it: every key with its default.
let exampleFile = #"""
    config-version = 1
    mode = "greylist"              # or "blacklist-only"
    hostname = ""                  # "" = the system's
    sandbox = "best-effort"        # or "required": refuse to start where any part of it is missing

    [listen]
    addresses = ["::", "0.0.0.0"]
    port = 8025
    workers = 0                    # 0 = as many as cores, connections and file limits ask for

    [greylist]
    passtime = "25m"
    greyexp = "4h"
    whiteexp = "864h"
    trapexp = "24h"
    preset = ""                    # or "rfc6647"
    group-ipv4 = 32
    group-ipv6 = 64
    low-priority-mx = []
    alloweddomains = "/etc/greymoat/alloweddomains"
    suffix-at-label = true

    [tarpit]
    banner = "Greymoat"
    persona = "polite"             # or "spamd"
    ehlo = []
    stutter = "1s"
    grey-stutter = "10s"
    error-code = 450               # or 550
    max-connections = 0            # 0 = derived from file limit and connection table
    max-black = 0                  # 0 = 90 % of max-connections
    max-per-source = 100
    window = 0

    [tls]
    certificate = ""
    key = ""
    max-connections = 2000

    [firewall]
    table = "greymoat"
    ruleset = ""                   # "" = the installed one for this mode; else a file
    manage = true                  # load it at start
    heal = true

    [packet-log]
    group = 25
    learn-outbound = false
    interface = ""

    [blocklists]
    config = "/etc/greymoat/spamd.conf"
    refresh = "1h"
    config-port = 0                # 8026 to accept spamd's configuration connections on loopback

    [log]
    format = "spamd"               # or "json"
    level = "info"
    verbose = true
    max-per-source = 600           # lines a minute

    [metrics]
    listen = ""                    # "127.0.0.1:9225" to enable

    """#
