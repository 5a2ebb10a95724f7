#!/usr/bin/env python3
"""Does to the firewall at random what administrators, neighbours and crashes do, and compares the kernel's sets with the database, element
by element, every minute and at the end. Called by scripts/long/firewall in a network namespace of its own."""
import argparse
import collections
import ipaddress
import os
import random
import signal
import subprocess
import sys
import time

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{root}/Tests/Bench")
import comparison  # noqa: E402
import stack  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--binaries", required=True)
parser.add_argument("--seconds", type=int, required=True)
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()
chance = random.Random(options.seed)
binaries = os.path.abspath(options.binaries)
BASE = 20_000  # white rows from the beginning, 10.0.0.0 and up


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True)


class Soak:
    def __init__(self, whole):
        self.whole = whole
        self.counts = collections.Counter()
        self.refused = collections.Counter()
        self.comparison = comparison.Comparison(self.greymoat)
        self.weights = [
            (self.add, 30), (self.remove, 20), (self.short_lives, 15), (self.allow, 6), (self.disallow, 4), (self.stray_elements, 5),
            (self.flush_set, 3), (self.delete_set, 2), (self.delete_rule, 3), (self.flush_ruleset, 2), (self.delete_table, 2),
            (self.load_again, 3), (self.apply, 2), (self.kill_firewall, 2), (self.kill_engine, 2),
        ]

    # What an administrator does. With a role just killed a command may fail: the database says what came of it.

    def greymoat(self, *arguments, text=None):
        path = f"{self.whole.directory}/run/control.sock"
        result = subprocess.run(
            [f"{binaries}/greymoat", *arguments], env={**os.environ, "GREYMOAT_SOCKET": path}, input=text, capture_output=True, text=True)
        if result.returncode not in (0, 1):
            self.refused[arguments[0]] += 1
        return result

    def hosts(self, count):
        for _ in range(count):
            kind = chance.random()
            if kind < 0.5:
                yield str(ipaddress.IPv4Address(0x0A000000 + chance.randrange(BASE)))
            elif kind < 0.8:
                yield str(ipaddress.IPv4Address(0x0B000000 + chance.randrange(5000)))
            else:
                yield str(ipaddress.IPv6Address((0x20010DB8 << 96) + chance.randrange(3000)))

    def add(self):
        self.greymoat(chance.choice(("white", "white", "trapped")), "add", *self.hosts(chance.choice((1, 10, 300))))

    def remove(self):
        self.greymoat(chance.choice(("white", "white", "trapped")), "remove", *self.hosts(chance.choice((1, 10, 100))))

    def short_lives(self):
        now = int(time.time())
        lines = []
        for host in self.hosts(chance.choice((1, 50, 500))):
            expire = now + chance.randrange(1, 45)
            lines.append(f"WHITE|{host}|||{now}|{now}|{expire}|1|0" if chance.random() < 0.7 else f"TRAPPED|{host}|{expire}")
        self.greymoat("import", "-", text="\n".join(lines) + "\n")

    def blocks(self):
        for _ in range(chance.choice((1, 20))):
            length = chance.randrange(12, 33)
            yield str(ipaddress.ip_network((0x0C000000 + chance.randrange(1 << 22), length), strict=False))

    def allow(self):
        self.greymoat("allow", "add", *self.blocks())

    def disallow(self):
        listed = self.greymoat("list", "allow").stdout.split("\n")
        blocks = [line.split("\t")[1] for line in listed if "\t" in line]
        if blocks:
            self.greymoat("allow", "remove", *chance.sample(blocks, min(len(blocks), 5)))

    def apply(self):
        self.greymoat("firewall", "apply")

    # What neighbours do.

    def stray_elements(self):
        host = next(self.hosts(1))
        name = "white" + ("6" if ":" in host else "")
        verb, life = chance.choice((("add", " timeout 1h"), ("delete", "")))
        run("nft", verb, "element", "inet", "greymoat", name, "{", host + life, "}")

    def flush_set(self):
        run("nft", "flush", "set", "inet", "greymoat", chance.choice(("white", "white6", "greytrap", "greytrap6", "allow")))

    def delete_set(self):
        run("nft", f"flush chain inet greymoat decide; delete set inet greymoat {chance.choice(('white', 'white6', 'greytrap', 'allow'))}")

    def delete_rule(self):
        handles = []
        chain = None
        for line in run("nft", "-a", "-t", "list", "table", "inet", "greymoat").stdout.split("\n"):
            words = line.split()
            if words[:1] == ["chain"]:
                chain = words[1]
            elif words == ["}"]:
                chain = None
            elif chain and words[-2:-1] == ["handle"]:
                handles.append((chain, words[-1]))
        if handles:
            chain, handle = chance.choice(handles)
            run("nft", "delete", "rule", "inet", "greymoat", chain, "handle", handle)

    def flush_ruleset(self):
        run("nft", "flush", "ruleset")

    def delete_table(self):
        run("nft", "delete", "table", "inet", "greymoat")

    def load_again(self):
        run("nft", "-f", f"{root}/nft/greymoat.nft")

    # What crashes do.

    def kill(self, role):
        pid = self.pid(role)
        if pid:
            os.kill(pid, signal.SIGKILL)

    def pid(self, role):
        for pid in run("pgrep", "-P", str(self.whole.daemon.pid)).stdout.split():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if file.read().split(b"\0")[0].endswith(role.encode()):
                        return int(pid)
            except FileNotFoundError:
                pass
        return None

    def kill_firewall(self):
        self.kill("greymoat-firewall")

    def kill_engine(self):
        self.kill("greymoat-engine")

    def step(self):
        actions, weights = zip(*self.weights)
        action = chance.choices(actions, weights)[0]
        self.counts[action.__name__] += 1
        action()

    # The comparison.

    def check(self):
        different = self.comparison.check()
        if different:
            print(f"firewall soak: seed {options.seed}: {len(different)} differences", *different[:20], sep="\n  ")
            with open(f"{self.whole.directory}/log") as file:
                print("the daemon's last words:", *file.read().split("\n")[-20:], sep="\n  ")
            sys.exit(1)
        print(f"  in step: {self.comparison.compared:,} elements so far, {self.comparison.worst:.1f} s off at most; "
              f"{sum(self.counts.values()):,} actions", flush=True)


print(f"firewall soak: seed {options.seed}, {options.seconds} s", flush=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with stack.Stack(binaries, white=BASE) as whole:
    soak = Soak(whole)
    end = time.monotonic() + options.seconds
    next_check = time.monotonic() + 60
    while time.monotonic() < end:
        soak.step()
        time.sleep(chance.choice((0, 0, 0.05, 0.3)))
        if time.monotonic() > next_check:
            soak.check()
            next_check = time.monotonic() + 60
    soak.check()
    if whole.daemon.poll() is not None:
        sys.exit("firewall soak: greymoatd has ended")
done = ", ".join(f"{name} {count}" for name, count in sorted(soak.counts.items()))
print(f"firewall soak: {soak.comparison.checks} comparisons, {soak.comparison.compared:,} elements, {soak.comparison.worst:.1f} s off at most; {done}")
if soak.refused:
    print("  commands that met a dead role: " + ", ".join(f"{name} {count}" for name, count in sorted(soak.refused.items())))
