#!/usr/bin/env python3
"""Sets, packet log and passes: what docs/design.md promises of them, beside bare libmnl and nft. Called by scripts/bench-netfilter in a
network namespace of its own."""
import argparse
import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

import stack

parser = argparse.ArgumentParser()
parser.add_argument("--tools", required=True)
parser.add_argument("--binaries", required=True)
parser.add_argument("--quick", action="store_true")
parser.add_argument("--only", default="sets,load,heal,log,pass")
options = parser.parse_args()
tools = os.path.abspath(options.tools)
binaries = os.path.abspath(options.binaries)
sizes = (1000, 10_000) if options.quick else (1000, 100_000, 1_000_000)
failed = False


def row(what, ours, required="–", passed=None, bare="–", nft="–"):
    global failed
    failed = failed or passed is False
    mark = "–" if passed is None else "pass" if passed else "FAIL"
    print(f"{what:<54} {required:>16} {bare:>14} {nft:>12} {ours:>20}  {mark}", flush=True)


def seconds(value):
    return f"{value:.4f} s" if value < 0.1 else f"{value:.2f} s"


def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)


# Sets: the same elements written by bare libmnl, by nft and by the room the firewall role uses.

FRESH = "table inet bench\ndelete table inet bench\ntable inet bench { set white { type ipv4_addr; flags timeout; }; }\n"


# nft -f carries every operation out up to so many elements; beyond, it loads them once, within so many seconds.
NFT_WHOLE = 100_000
NFT_PATIENCE = 60


def names(count):
    return (f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}" for index in range(count))


def write_files(directory, count):
    """What nft has to read for each operation."""
    add = "add element inet bench white { " + ", ".join(f"{name} timeout 10h" for name in names(count)) + " }\n"
    delete = "delete element inet bench white { " + ", ".join(names(count)) + " }\n"
    texts = {"load": add, "renew": delete + add, "delete": delete, "reconcile": "flush set inet bench white\n" + add}
    for name, text in texts.items():
        with open(f"{directory}/{name}", "w") as file:
            file.write(text)


def tool_run(tool, operation, count):
    result = subprocess.run([tool, operation, str(count)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"bench-netfilter: {tool} {operation} {count}: {result.stderr}")
    return json.loads(result.stdout)


def present(address):
    return subprocess.run([f"{tools}/set_ask", "has", "bench", address]).returncode == 0


def measure_sets():
    writers = {"bare": f"{tools}/set_bare", "ours": f"{binaries}/bench-netfilter"}
    with tempfile.TemporaryDirectory() as directory:
        for count in sizes:
            write_files(directory, count)
            *_, last = names(count)
            best = {}

            def note(who, operation, taken):
                best[who, operation] = min(taken, best.get((who, operation), taken))

            # In turn, and the best of them: what else the machine does meanwhile is nobody's merit. A thousand take a millisecond.
            for _ in range(25 if count <= 1000 else 5 if count <= 10_000 else 3 if count <= 100_000 else 2):
                for who, tool in writers.items():
                    nft(FRESH)
                    for operation in ("load", "reconcile", "renew", "delete", "add"):
                        note(who, operation, tool_run(tool, operation, count)["seconds"])
                        if present(last) == (operation == "delete"):
                            sys.exit(f"bench-netfilter: {who} {operation}: the kernel does not hold what it should")
                    if count == sizes[-1] or count == 1000:
                        one = tool_run(tool, "one", 1000)
                        note(who, "one p50", one["p50_us"])
                        note(who, "one p99", one["p99_us"])
                nft(FRESH)
                once = () if ("nft", "load") in best else ("load",)
                for operation in ("load", "reconcile", "renew", "delete") if count <= NFT_WHOLE else once:
                    begun = time.monotonic()
                    try:
                        subprocess.run(["nft", "-f", f"{directory}/{operation}"], check=True, timeout=NFT_PATIENCE)
                    except subprocess.TimeoutExpired:
                        pass
                    note("nft", operation, time.monotonic() - begun)
            for operation, what in (
                ("load", "initial load, one transaction"), ("reconcile", "reconcile, flush and load in one transaction"),
                ("add", "add, 1,000 a transaction"), ("renew", "renew, 1,000 a transaction"), ("delete", "delete, 1,000 a transaction"),
            ):
                ours, bare, other = best["ours", operation], best["bare", operation], best.get(("nft", operation))
                first = operation == "load"
                row(
                    f"{count:,}: {what}", f"{seconds(ours)} ({ours / bare:.2f} ×)", "≤ 1.5 × libmnl" if first else "–",
                    ours <= 1.5 * bare if first else None, seconds(bare),
                    "–" if not other else seconds(other) if other < NFT_PATIENCE else f"> {NFT_PATIENCE} s")
            if count > NFT_WHOLE:
                print(f"    (nft -f loads {count:,} once, given up after {NFT_PATIENCE} s, and is not asked for the rest)")
            if ("ours", "one p50") in best:
                row(
                    f"one renewal in a set of {count:,}, p50/p99", f"{best['ours', 'one p50']:.0f}/{best['ours', 'one p99']:.0f} µs",
                    bare=f"{best['bare', 'one p50']:.0f}/{best['bare', 'one p99']:.0f} µs")
    subprocess.run(["nft", "delete", "table", "inet", "bench"], check=True)


# The whole of Greymoat: from the database to the kernel.


def loaded(white):
    """A stack whose firewall is in step."""
    whole = stack.Stack(binaries, white=white)
    end = time.monotonic() + 120
    while whole.status()["firewall"]["state"] != "in-step":
        if time.monotonic() > end:
            sys.exit("bench-netfilter: the firewall does not come in step")
        time.sleep(0.05)
    return whole


def measure_load():
    limits = {100_000: 0.5, 1_000_000: 6.0}
    for count in sizes:
        with loaded(count) as whole:
            fresh, again = [], []
            for _ in range(3):
                whole.greymoat("firewall", "remove")
                for times in (fresh, again):
                    begun = time.monotonic()
                    whole.greymoat("firewall", "apply")
                    times.append(time.monotonic() - begun)
        limit = limits.get(count)
        required = f"≤ {limit:g} s" if limit else "–"
        row(f"{count:,} rows, database to kernel, ruleset and sets", seconds(min(fresh)), required, min(fresh) <= limit if limit else None)
        row(f"{count:,} rows, the same over live sets (reconcile)", seconds(min(again)))


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_heal():
    count = sizes[1]
    *_, last = names(count)
    begun = []
    with loaded(count) as whole:
        for what, script in (
            ("flush ruleset", "flush ruleset"),
            ("delete table", "delete table inet greymoat"),
            ("delete a set", "flush chain inet greymoat decide; delete set inet greymoat white"),
            ("flush set", "flush set inet greymoat white"),
            ("flush chain", "flush chain inet greymoat prerouting"),
            ("delete a rule", None),
        ):
            taken, spent = [], {role: cpu(whole.pid(role)) for role in ("greymoat-engine", "greymoat-firewall")}
            for _ in range(3):
                # From ten losses in half a minute on, Greymoat takes its time on purpose.
                while len(begun) >= 9 and time.monotonic() - begun[-9] < 31:
                    time.sleep(0.5)
                run = script
                if run is None:
                    listing = subprocess.run(["nft", "-a", "list", "chain", "inet", "greymoat", "decide"], capture_output=True, text=True).stdout
                    rule = next(line for line in listing.splitlines() if "saddr != @white " in line)
                    run = f"delete rule inet greymoat decide handle {rule.split()[-1]}"
                begun.append(time.monotonic())
                result = subprocess.run([f"{tools}/set_ask", "heal", "greymoat", last, run], capture_output=True, text=True)
                if result.returncode != 0:
                    sys.exit(f"bench-netfilter: {result.stderr}")
                taken.append(json.loads(result.stdout)["seconds"])
                while whole.status()["firewall"]["state"] != "in-step":
                    time.sleep(0.01)
                time.sleep(0.5)  # the next one is a loss of its own
            row(f"healed after nft {what}, {count:,} elements, worst of 3", seconds(max(taken)), "≤ 1 s", max(taken) <= 1)
            used = sum(cpu(whole.pid(role)) - before for role, before in spent.items()) / 3
            row("  CPU-s of the roles, each time", f"{used:.2f}")
        listing = subprocess.run(["nft", "list", "set", "inet", "greymoat", "white"], capture_output=True, text=True, check=True).stdout
        if listing.count("expires") != count:
            sys.exit(f"bench-netfilter: {listing.count('expires')} elements are there, not {count}")


# The packet log: the engine reads, and the database and the sets follow.

LOG = """table inet bench { chain pre { type filter hook prerouting priority raw;
    iifname != lo tcp dport 25 tcp flags & (syn | ack) == ack log prefix "greymoat-in" group 25 snaplen 64 queue-threshold 256 drop; }; }
"""


def settled(whole):
    """The packet log's counters, when they have stopped moving."""
    last = None
    while True:
        now = whole.status()["packet-log"]
        if now == last:
            return now
        last = now
        time.sleep(0.3)


def measure_log():
    window = 2 if options.quick else 10
    with loaded(1000) as whole:
        nft(LOG)
        roles = {role: whole.pid(role) for role in ("greymoat-engine", "greymoat-firewall")}
        # White hosts are renewed, in the database and in the kernel.
        for who, first, count in (("one white host", "10.0.0.1", 1), ("1,000 white hosts", "10.0.0.0", 1000)):
            for rate in (10_000, 50_000, 100_000):
                before, spent = settled(whole), {role: cpu(pid) for role, pid in roles.items()}
                flood = json.loads(
                    subprocess.run(
                        [*whole.client, f"{tools}/packet_flood", first, str(count), whole.address, str(rate), str(window)],
                        capture_output=True, text=True, check=True).stdout)
                after = settled(whole)
                used = {role: cpu(pid) - spent[role] for role, pid in roles.items()}
                seen, lost = after["seen"] - before["seen"], after["lost"] - before["lost"]
                missed = flood["sent"] - seen
                required = rate == 100_000
                row(
                    f"packet log, {rate:,} /s from {who}: lost of {flood['sent']:,}", f"{max(missed, lost):,}", "0", missed == 0 and lost == 0)
                each = 100_000 / max(1, flood["sent"])
                row(
                    "  CPU-s per 100,000, engine + firewall",
                    f"{used['greymoat-engine'] * each:.3f} + {used['greymoat-firewall'] * each:.3f}", "≤ 0.1" if required else "–",
                    sum(used.values()) * each <= 0.1 if required else None)
                if flood["sent"] / flood["seconds"] < 0.95 * rate:
                    print(f"    (the sender came to {flood['sent'] / flood['seconds']:,.0f} /s only: measure again on a quiet machine)")
    subprocess.run(["nft", "delete", "table", "inet", "bench"], check=True)


# A pass: from the RCPT that earns it, on the wire, to the kernel's word that the element is there.


class Watch(threading.Thread):
    """Notes when the kernel announces the element of each address."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.socket.bind((0, 1 << 6))  # NFNLGRP_NFTABLES
        self.seen = {}
        self.start()

    def run(self):
        while True:
            data = self.socket.recv(65536)
            now = time.monotonic()
            at = data.find(b"\x0a\x4e")  # 10.78/16: the client's addresses
            while at >= 0:
                self.seen.setdefault(data[at:at + 4], now)
                at = data.find(b"\x0a\x4e", at + 4)

    def of(self, address, within=5):
        end = time.monotonic() + within
        while address not in self.seen:
            if time.monotonic() > end:
                return None
            time.sleep(0.001)
        return self.seen[address]


def in_namespace(pid, body):
    """Runs `body` in another process's network namespace; sockets made there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as here, open(f"/proc/{pid}/ns/net") as there:
        if libc.setns(there.fileno(), 0) != 0:
            sys.exit("bench-netfilter: setns failed")
        try:
            return body()
        finally:
            libc.setns(here.fileno(), 0)


def dialogue(connection):
    """Up to the 250 of the RCPT; when it was sent."""
    reader = connection.makefile("rb")
    for line in (None, b"EHLO client.example\r\n", b"MAIL FROM:<a@client.example>\r\n", b"RCPT TO:<b@example.org>\r\n"):
        if line:
            begun = time.monotonic()
            connection.sendall(line)
        while True:
            reply = reader.readline()
            if reply[3:4] != b"-":
                break
        if reply[:1] != b"2":
            sys.exit(f"bench-netfilter: the tarpit answered {reply!r}")
    connection.sendall(b"DATA\r\n")
    reply = reader.readline()
    ended = time.monotonic()
    if reply[:3] != b"451":
        sys.exit(f"bench-netfilter: the tarpit answered {reply!r} to DATA")
    connection.close()
    return begun, ended


def measure_pass():
    hosts = [f"10.78.{index >> 7}.{index & 127}" for index in range(200, 220 if options.quick else 1200)]
    watch = Watch()
    with stack.Stack(binaries, settings='[greylist]\npasstime = "1s"\n') as whole:
        def attempt(host):
            def make():
                connection = socket.socket()
                connection.bind((host, 0))
                return connection
            connection = in_namespace(whole.holder.pid, make)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect((whole.address, 25))
            return dialogue(connection)

        for host in hosts:
            attempt(host)
        time.sleep(2)
        watch.seen.clear()
        taken, late = [], 0
        for host in hosts:
            begun, ended = attempt(host)
            there = watch.of(socket.inet_aton(host))
            if there is None:
                sys.exit(f"bench-netfilter: {host} passed and is not in the kernel")
            taken.append(there - begun)
            late += there > ended + 0.005  # this reader's own delay
    taken.sort()
    p50, p99 = taken[len(taken) // 2] * 1000, taken[int(len(taken) * 0.99)] * 1000
    row(f"RCPT on the wire to kernel set, {len(taken):,} passes, p50/p99", f"{p50:.1f}/{p99:.1f} ms", "p99 ≤ 10 ms", p99 <= 10)
    row("  in the kernel after the reply to DATA had ended", f"{late}", "0", late == 0)


def load_average():
    with open("/proc/loadavg") as file:
        return " ".join(file.read().split()[:3])


print(f"load before: {load_average()}")
# The kernel does not tell network namespaces apart when it asks whether anybody listens: then it announces every element.
listeners = subprocess.run(["pgrep", "-a", "-f", "^greymoat-firewall|^nft monitor"], capture_output=True, text=True).stdout.split("\n")[:-1]
if listeners:
    print(f"listeners to nftables elsewhere on this machine make every figure worse, bare libmnl's too: {', '.join(listeners)}")
print(f"{'':<54} {'required':>16} {'bare libmnl':>14} {'nft -f':>12} {'ours':>20}")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for name, measure in (
    ("sets", measure_sets), ("load", measure_load), ("heal", measure_heal), ("log", measure_log), ("pass", measure_pass),
):
    if name in options.only.split(","):
        measure()
print(f"load after: {load_average()}")
sys.exit(failed)
