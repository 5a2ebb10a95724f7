#!/usr/bin/env python3
"""The tarpit's figures beside a bare C epoll loop, in one run. Called by scripts/bench-tarpit in a network namespace of its own."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--tools", required=True)
parser.add_argument("--binaries", required=True)
parser.add_argument("--quick", action="store_true")
parser.add_argument("--only", default="hold,accept,dialogues,stack,hundred,tls")
options = parser.parse_args()
wanted = options.only.split(",")
tools = os.path.abspath(options.tools)
binaries = os.path.abspath(options.binaries)
scale = 10 if options.quick else 1
window = 5 if options.quick else 20

rows = []


def row(what, ours, required, passed, bare="–"):
    rows.append((what, required, bare, ours, passed))
    mark = "–" if passed is None else "pass" if passed else "FAIL"
    print(f"{what:<58} {required:>16} {bare:>16} {ours:>16}  {mark}", flush=True)


def load(tool, *arguments, timeout=600):
    process = subprocess.run([f"{tools}/{tool}", *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
    lines = process.stdout.strip().splitlines()
    if not lines:
        sys.exit(f"bench-tarpit: {tool} said nothing: {process.stderr}")
    return json.loads(lines[-1])


class Server:
    """A process that says when it is ready and ends with its standard input."""

    def __init__(self, *command, pids=None):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            sys.exit(f"bench-tarpit: {command[0]} did not start")
        words = dict(word.split("=") for word in line.split()[1:] if "=" in word)
        self.pids = words.get("pids", str(self.process.pid))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait()
        # The kernel takes a while to close tens of thousands of sockets; the next measurement shall not pay for it.
        time.sleep(1)


PORT = 2525
# A banner that is still under way when the last measurement ends: 400 bytes, one a second.
BANNER = "banner=" + "x" * 400


def bare():
    return Server(f"{tools}/epoll_hold", PORT)


def tarpit(*settings):
    return Server(f"{binaries}/tarpit-alone", f"{binaries}/greymoat-tarpit", f"port={PORT}", *settings)


def hold(server, count, rate=4000, settle=3, seconds=None):
    return load(
        "smtp_load", "hold", "-a", "127.0.0.1", "-p", PORT, "-n", count, "-s", "127.1.0.1", "-S", 50_000, "-r", rate, "-T", 60,
        "-W", settle, "-d", seconds or window, "-w", server.pids)


def gaps(result):
    g = result["gap_ms"]
    return f"{g['p1']:.0f}…{g['p99']:.0f} ms"


def busy(result):
    return result["server"]["cpu_pct_one_core"]


def measure_hold():
    few, many, most = 1000 // scale, 10_000 // scale, 19_000 // scale
    results = {}
    programs = (("bare", bare), ("ours", lambda: tarpit("class=black", "stutter-ms=1000", "max=19500", BANNER)))
    for name, start in programs:
        for count in (few, most):
            with start() as server:
                results[name, count] = hold(server, count)
    # What one run of either costs differs by a fifth from run to run on a shared machine: in turns, and the least of three each.
    for _ in range(3):
        for name, start in programs:
            with start() as server:
                result = hold(server, many)
            if (name, many) not in results or busy(result) < busy(results[name, many]):
                results[name, many] = result
    slope = {}
    for name in ("bare", "ours"):
        kb = results[name, many]["server"]["rss_end_kb"] - results[name, few]["server"]["rss_end_kb"]
        slope[name] = kb / (many - few)
    row("memory a held connection (slope 1k→10k)", f"{slope['ours']:.3f} KB", "≤ 0.5 KB", slope["ours"] <= 0.5, f"{slope['bare']:.3f} KB")
    for count in (many, most):
        ours, least = results["ours", count], results["bare", count]
        required = "≤ 1.1 × C" if count == many else "–"
        row(
            f"CPU, {count:,} held at 1 byte/s", f"{busy(ours):.1f} %", required,
            busy(ours) <= 1.1 * busy(least) if count == many else None, f"{busy(least):.1f} %")
        good = ours["gap_ms"]["p1"] >= 950 and ours["gap_ms"]["p99"] <= 1050
        row(f"gaps p1…p99, {count:,} held", gaps(ours), "950…1050 ms" if count == many else "–", good if count == many else None, gaps(least))
        kept = ours["held_end"] == count and ours["silent_in_window"] == 0
        row(
            f"held at once in one worker, asked {count:,}", f"{ours['held_end']:,}", f"{count:,}", kept,
            f"{least['held_end']:,}")
        noise(ours)


def noise(result):
    window = result.get("window_s") or result.get("elapsed_s")
    if result["other_cpu_s"] > 0.25 * window:
        print(f"    (other processes used {result['other_cpu_s']:.1f} CPU-s meanwhile: measure again on a quiet machine)")


def measure_accept():
    count = 10_000 // scale
    results = {}
    for name, start in (("bare", bare), ("ours", lambda: tarpit("class=black", "stutter-ms=1000", "max=19500", BANNER))):
        with start() as server:
            result = hold(server, count, rate=10_000_000, settle=0, seconds=1)
            results[name] = result["got_byte"] / result["connect_phase_s"]
    row(f"accepted and first byte, {count:,} at once", f"{results['ours']:,.0f} /s", "–", None, f"{results['bare']:,.0f} /s")


def dialogues(server, address, port, count, prefix=(), source="127.2.0.1"):
    command = [
        *prefix, f"{tools}/smtp_load", "smtp", "-a", address, "-p", str(port), "-n", str(count), "-c", "64", "-s", source, "-S", "60000",
        "-t", "15", "-w", server.pids,
    ]
    process = subprocess.run(command, capture_output=True, text=True, timeout=600)
    return json.loads(process.stdout.strip().splitlines()[-1])


def measure_dialogues():
    count = 20_000 // scale
    with tarpit("class=grey", "stutter-ms=0") as server:
        result = dialogues(server, "127.0.0.1", PORT, count)
    row("grey dialogues, tarpit alone, 64 at a time", f"{result['per_s']:,.0f} /s", "–", None)
    row("  CPU-s per 1000 of them, tarpit alone", f"{result['server']['cpu_s_per_1000']:.3f}", "–", None)
    row("  lost of them", f"{count - result['codes'].get('451', 0)}", "0", result["codes"].get("451", 0) == count)
    noise(result)


def measure_hundred():
    total, clients, workers = 100_000 // scale, 6, 7
    each = -(-total // clients)
    total = each * clients
    # With room to spare: stutter stops when the slots are nearly all taken.
    with tarpit("class=black", "stutter-ms=1000", f"max={total * 21 // 20}", f"workers={workers}", BANNER) as server:
        processes = []
        for number in range(clients):
            command = [
                f"{tools}/smtp_load", "hold", "-a", "127.0.0.1", "-p", str(PORT), "-n", str(each), "-s", f"127.{10 + number}.0.1", "-S",
                "4000", "-r", "1000", "-T", "150", "-W", "5", "-d", str(window),
            ]
            if number == 0:
                command += ["-w", server.pids]
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        results = [json.loads(process.communicate()[0].strip().splitlines()[-1]) for process in processes]
    held = sum(result["held_end"] for result in results)
    closed = sum(result["closed_by_peer"] + result["refused"] + result["open_errors"] for result in results)
    silent = sum(result["silent_in_window"] for result in results)
    row(f"held at once over {workers} workers, asked {total:,}", f"{held:,}", f"{total:,}", held == total)
    row("  dropped", f"{closed}", "0", closed == 0)
    row("  silent in the window", f"{silent}", "0", silent == 0)
    row("  CPU of all workers", f"{busy(results[0]):.1f} %", "–", None)
    worst = max(result["gap_ms"]["p99"] for result in results)
    row("  gap p99 (worst client)", f"{worst:.0f} ms", "–", None)
    row("  user memory of all workers", f"{results[0]['server']['pss_end_kb'] / 1024:.1f} MB", "–", None)


def measure_tls():
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = f"{directory}/certificate.pem", f"{directory}/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=mx.example.org",
             "-days", "2", "-out", certificate, "-keyout", key], check=True, capture_output=True)
        settings = (f"certificate={certificate}", f"key={key}", "max=5000", "per-source=5000", "max-tls=4000")
        few, many = 500 // scale, 1900 // (1 if scale == 1 else 3)
        # White hosts are not stuttered, so the handshakes are quick.
        results = {}
        for count in (few, many):
            with tarpit("class=white", *settings) as server:
                results[count] = load("tls_load", "hold", "-a", "127.0.0.1", "-p", PORT, "-n", count, "-d", 3, "-w", server.pids)
        complete = results[many]["complete"]
        kb = (results[many]["rss_end_kb"] - results[few]["rss_end_kb"]) / max(1, complete - results[few]["complete"])
        row(f"memory a TLS connection (P-256, slope {few}→{many:,})", f"{kb:.1f} KB", "≤ 18 KB", kb <= 18 and complete == many)
        # Grey ones that spring a trap inside TLS are stuttered from then on.
        with tarpit("class=trap", "stutter-ms=1000", "grey-stutter-s=0", *settings) as server:
            result = load("tls_load", "hold", "-t", "-a", "127.0.0.1", "-p", PORT, "-n", many, "-d", window, "-w", server.pids)
        percent = 100 * result["cpu_s"] / result["window_s"]
        row(f"CPU, {many:,} TLS connections at 1 byte/s", f"{percent:.1f} %", "–", None)
        punctual = 100 * (1 - (result["early"] + result["late"]) / max(1, result["gaps"]))
        row("  gaps within 950…1050 ms", f"{punctual:.1f} %", "≥ 98 %", punctual >= 98)
        row("  bytes a connection and second", f"{result['bytes'] / result['window_s'] / many:.2f}", "–", None)
        with tarpit("class=white", *settings) as server:
            count = 4000 // scale
            result = load("tls_load", "shake", "-a", "127.0.0.1", "-p", PORT, "-n", count, "-c", 64, "-w", server.pids)
        row("TLS handshakes, 64 at a time, client on the same machine", f"{result['per_s']:,.0f} /s", "–", None)
        row("  of a core's time alone", f"{result['complete'] / max(result['cpu_s'], 0.01):,.0f} /s", "–", None)
        row("  failed", f"{result['failed']}", "0", result["failed"] == 0)


def measure_stack():
    import stack

    count = 20_000 // scale
    with stack.Stack(binaries) as server:
        result = dialogues(server, server.address, 25, count, server.client, server.source)
        stored = server.stored()
    kept = result["codes"].get("451", 0)
    row("grey dialogues, all roles, netfilter on, 64 at a time", f"{result['per_s']:,.0f} /s", "≥ 5,000 /s", result["per_s"] >= 5000)
    cpu = result["server"]["cpu_s_per_1000"]
    row("  CPU-s per 1000 of them, all roles", f"{cpu:.3f}", "≤ 0.15", cpu <= 0.15)
    row("  acknowledged and not stored", f"{kept - stored}", "0", kept == stored and kept == count)
    noise(result)


print(f"{'':<58} {'required':>16} {'bare C':>16} {'ours':>16}")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for name, measure in (
    ("hold", measure_hold), ("accept", measure_accept), ("dialogues", measure_dialogues), ("stack", measure_stack),
    ("hundred", measure_hundred), ("tls", measure_tls),
):
    if name in wanted:
        measure()
sys.exit(any(passed is False for *_, passed in rows))
