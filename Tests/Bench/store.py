#!/usr/bin/env python3
"""The store's figures through the whole daemon and into the real kernel. Called by scripts/bench-store in a network namespace of its own."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import stack

parser = argparse.ArgumentParser()
parser.add_argument("--tools", required=True)
parser.add_argument("--binaries", required=True)
parser.add_argument("--directory", default="/var/tmp")
parser.add_argument("--rows", type=int, default=1_000_000)
options = parser.parse_args()
rows = options.rows
failed = False


def report(what, ours, required="–", passed=None):
    global failed
    failed = failed or passed is False
    mark = "–" if passed is None else "pass" if passed else "FAIL"
    print(f"{what:<66} {required:>12} {ours:>24}  {mark}", flush=True)


def limit(at_full_size, figure):
    """A figure of docs/design.md is asked for at its own number of rows alone."""
    return figure if at_full_size else None


class Site(stack.Stack):
    def administer(self, *arguments, output=subprocess.DEVNULL, program="greymoat"):
        """Runs the administrator's command; its seconds and the most memory it had, in MB."""
        begun = time.monotonic()
        process = subprocess.Popen(
            [program, *arguments], executable=f"{self.binaries}/greymoat", stdout=output,
            env={**os.environ, "GREYMOAT_SOCKET": f"{self.directory}/run/control.sock"})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"bench-store: {program} {' '.join(arguments)} ended with {process.returncode}")
        return time.monotonic() - begun, usage.ru_maxrss / 1024

    def status_if_any(self):
        result = subprocess.run(
            [f"{self.binaries}/greymoat", "status", "--json"], capture_output=True, text=True,
            env={**os.environ, "GREYMOAT_SOCKET": f"{self.directory}/run/control.sock"})
        return json.loads(result.stdout) if result.returncode == 0 else None

    def engine(self, field):
        """A field of the engine's /proc/PID/status, in MB."""
        with open(f"/proc/{self.pid('greymoat-engine')}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field + ":"))

    def load(self, count, seed):
        """Dialogues of their own tuples, 64 at a time, from number `seed` on."""
        command = [
            *self.client, f"{options.tools}/smtp_load", "smtp", "-a", self.address, "-p", "25", "-n", str(count), "-c", "64", "-s", self.source,
            "-S", "60000", "-t", "30", "-k", str(seed)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def result(process):
    return json.loads(process.communicate()[0].strip().splitlines()[-1])


def grey(index, expire, now):
    # Scattered hosts, some with several tuples, lengths as on a real server; none of the load's own addresses.
    host = (index // 3 * 0x9E3779B97F4A7C15 >> 32) & 0xFFFFFF
    address = f"198.{host >> 16}.{host >> 8 & 255}.{host & 255}"
    return (
        f"GREY|{address}|mail{host % 5000}.example.net|<bounce-{index}-sender@list{host % 977}.example.net>|"
        f"<recipient{index % 10000}@example.org>|{now}|{expire}|{expire}|1|0\n")


def write(path, lines):
    with open(path, "w") as file:
        file.writelines(lines)


def measure_tuples(work):
    now = int(time.time())
    text = f"{work}/grey.txt"
    write(text, (grey(index, now + 86400, now) for index in range(rows)))
    with Site(options.binaries, parent=work) as site:
        before = site.engine("VmRSS")
        count = max(2000, rows // 50)
        empty = result(site.load(count, 0))
        answered = empty["codes"].get("451", 0)
        report("tuples a second through the engine, empty database", f"{empty['per_s']:,.0f} /s")
        seconds, memory = site.administer("import", text)
        report(f"import of {rows:,} rows", f"{seconds:.1f} s, client {memory:.0f} MB")
        full = result(site.load(count, count))
        answered += full["codes"].get("451", 0)
        stored = site.stored() - rows
        latency = full["latency_ms"]
        report(f"tuples a second through the engine among {rows:,}", f"{full['per_s']:,.0f} /s")
        report("  whole dialogue, p50 / p99 / longest", f"{latency['p50']} / {latency['p99']} / {latency['max']} ms")
        report("  answered 451 and not stored", f"{answered - stored}", "0", answered == stored == 2 * count)
        seconds, memory = site_listing(site, f"{work}/listed.txt")
        lines = count_lines(f"{work}/listed.txt")
        at_full = rows >= 1_000_000
        report(f"listing {lines:,} rows", f"{seconds:.2f} s, client {memory:.0f} MB", "≤ 3 s", limit(at_full, seconds <= 3))
        with open(f"{work}/first.txt", "w") as file:
            seconds, memory = site.administer("export", output=file)
        report("export of them", f"{seconds:.1f} s, client {memory:.0f} MB")
        resident, highest = site.engine("VmRSS"), site.engine("VmHWM")
        report(
            f"engine resident with {rows:,} tuples (most it ever had)", f"{resident:.0f} MB ({highest:.0f} MB)", "≤ 150 MB",
            limit(at_full, highest <= 150))
        report("  before them", f"{before:.0f} MB")
        measure_expiry(site, work, count)


def site_listing(site, path):
    with open(path, "w") as file:
        return site.administer(output=file, program="spamdb")


def count_lines(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def sorted_lines(path):
    with open(path, "rb") as file:
        return subprocess.run(["sort"], stdin=file, capture_output=True, env={**os.environ, "LC_ALL": "C"}).stdout


def round_trip(work):
    """Everything that was exported in again elsewhere, and out once more: the same to the byte."""
    with Site(options.binaries, parent=work) as other:
        other.administer("import", f"{work}/first.txt")
        with open(f"{work}/second.txt", "w") as file:
            other.administer("export", output=file)
    same = sorted_lines(f"{work}/first.txt") == sorted_lines(f"{work}/second.txt")
    report("export, import elsewhere, export", "the same" if same else "another text", "the same", same)


def measure_expiry(site, work, count):
    """A tenth of the rows expires while mails come in: at the start of an engine it is done at once."""
    tenth = min(100_000, rows // 10)
    now = int(time.time())
    expire = now + 20 + rows // 50_000
    write(f"{work}/expiring.txt", (grey(index, expire, now) for index in range(tenth)))
    site.administer("import", f"{work}/expiring.txt")
    site.stop()
    time.sleep(max(0, expire + 1 - time.time()))
    site.start()
    begun = time.monotonic()
    load = site.load(4 * count, 4 * count)
    seconds = None
    while time.monotonic() < begun + 120:
        status = site.status_if_any()
        if status and status["counters"]["expired"] >= tenth:
            seconds = time.monotonic() - begun
            break
        time.sleep(0.1)
    latency = result(load)["latency_ms"]
    unkept = site.status()["counters"]["unkept"]
    report(f"expiry of {tenth:,} rows under load", "never ended" if seconds is None else f"{seconds:.1f} s", "–", seconds is not None)
    report("  whole dialogue meanwhile, p50 / p99 / longest", f"{latency['p50']} / {latency['p99']} / {latency['max']} ms")
    report("  answered before they were stored", f"{unkept}", "0", unkept == 0)


def start_to_step(site):
    """Seconds from starting greymoatd, with nothing in the kernel, to all sets equal to the database."""
    site.stop()
    stack.Stack.run("nft", "delete", "table", "inet", "greymoat")
    begun = time.monotonic()
    site.launch()
    while True:
        status = site.status_if_any()
        if status and status["firewall"]["state"] == "in-step":
            return time.monotonic() - begun
        if time.monotonic() > begun + 60:
            sys.exit("bench-store: the sets never came in step")
        time.sleep(0.005)


def measure_start(work):
    with Site(options.binaries, parent=work) as site:
        report("start of greymoatd with no rows to sets in step", f"{start_to_step(site):.2f} s")
        for count, required in ((min(rows, 100_000), 0.5), (rows, 6)):
            now = int(time.time())
            write(f"{work}/white.txt", (
                f"WHITE|{20 + (index >> 16)}.{index >> 8 & 255}.{index & 255}.25|||{now}|{now}|{now + 3_000_000 + index}|2|3\n"
                for index in range(count)))
            site.administer("import", f"{work}/white.txt")
            # The shortest of several, as whatever else runs only adds to it.
            seconds = min(start_to_step(site) for _ in range(3))
            # Asking for one element costs nothing; listing a million takes the kernel half a minute.
            for index in (0, count // 2, count - 1):
                element = f"{20 + (index >> 16)}.{index >> 8 & 255}.{index & 255}.25"
                subprocess.run(["nft", "get", "element", "inet", "greymoat", "white", "{", element, "}"], check=True, stdout=subprocess.DEVNULL)
            at_full = count == (100_000 if required == 0.5 else 1_000_000)
            report(
                f"start of greymoatd with {count:,} white rows to sets in step", f"{seconds:.2f} s", f"≤ {required} s",
                limit(at_full, seconds <= required))
            if count == rows:
                break


with tempfile.TemporaryDirectory(prefix="greymoat-bench-store-", dir=options.directory) as work:
    os.chmod(work, 0o755)
    print(f"{'':<66} {'required':>12} {'ours':>24}")
    measure_tuples(work)
    round_trip(work)
    measure_start(work)
sys.exit(failed)
