"""The administrator's figures, on a whole Greymoat with a million rows: how long lists, exports, blocklists and `status` take, and
what they hold in memory. Run by scripts/bench-admin, in a network of its own."""

import argparse
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("--binaries", required=True)
arguments.add_argument("--rows", type=int, default=1_000_000)
arguments.add_argument("--rulesets", required=True)
arguments = arguments.parse_args()

directory = tempfile.mkdtemp(prefix="greymoat-bench-", dir="/var/tmp")
os.chmod(directory, 0o755)
socket_path = directory + "/run/control.sock"
environment = dict(os.environ, GREYMOAT_SOCKET=socket_path)
greymoat = arguments.binaries + "/greymoat"
failed = False


def row(name, figure, bound, good):
    global failed
    failed = failed or not good
    print(f"  {name:<46}{figure:>28}   {bound:<18}{'ok' if good else 'NOT REACHED'}", flush=True)


def run(*command, output=subprocess.DEVNULL):
    """Seconds, kilobytes of the process at most, exit status."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, env=environment)
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {complaint.decode()}")
    return elapsed, usage.ru_maxrss


def role(name):
    children = open(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read().split()
    for pid in children:
        if open(f"/proc/{pid}/cmdline").read().split("\0")[0].endswith(name):
            return int(pid)
    sys.exit(f"no {name} runs")


def kilobytes(pid, name):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1])


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def dialogue(number):
    """Seconds of one whole grey dialogue."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", 8025), timeout=10) as connection:
        replies = connection.makefile("rb")
        replies.readline()
        for command in ("HELO bench.example", f"MAIL FROM:<{number}@bench.example>", "RCPT TO:<joe@example.org>", "DATA", "QUIT"):
            connection.sendall(command.encode() + b"\r\n")
            replies.readline()
    return time.monotonic() - begun


class Dialogues(threading.Thread):
    """One dialogue after the other, and the slowest of them, until it is told to end."""

    def __init__(self):
        super().__init__()
        self.durations = []
        self.over = False

    def run(self):
        while not self.over:
            self.durations.append(dialogue(len(self.durations)))
            time.sleep(0.002)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


def make_rows(path):
    chance = random.Random(1)
    now = int(time.time())
    white = arguments.rows // 10
    with open(path, "w") as file:
        for index in range(arguments.rows - white):
            address = f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
            file.write(
                f"GREY|{address}|mx{index}.example.net|<sender{index}@example.net>|<joe@example.org>|{now}|{now + 14400}|{now + 14400}|1|0\n")
        for index in range(white):
            address = f"100.{64 + (index >> 16)}.{index >> 8 & 255}.{index & 255}"
            file.write(f"WHITE|{address}|||{now - 9000}|{now - 8000}|{now + 3000000 + index}|2|13\n")


def make_list(path, count, seed):
    chance = random.Random(seed)
    with open(path, "w") as file:
        for _ in range(count):
            file.write(f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}\n")


with open(directory + "/greymoat.toml", "w") as file:
    file.write(
        f'[tarpit]\ngrey-stutter = "0s"\n[greylist]\nalloweddomains = ""\n[blocklists]\nconfig = "{directory}/spamd.conf"\n'
        f'[firewall]\nruleset = "{arguments.rulesets}/greymoat.nft"\n[log]\nverbose = false\nlevel = "warning"\n')
with open(directory + "/spamd.conf", "w") as file:
    file.write("all:\\\n\t::\n")

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
log = open(directory + "/log", "w")
daemon = subprocess.Popen(
    [arguments.binaries + "/greymoatd", "--config", directory + "/greymoat.toml", "--state-dir", directory + "/state", "--runtime-dir",
     directory + "/run"], stderr=log)
try:
    for _ in range(400):
        if daemon.poll() is not None:
            sys.exit(open(directory + "/log").read())
        try:
            dialogue(0)
            if subprocess.run([greymoat, "status"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
                break
        except OSError:
            pass
        time.sleep(0.05)
    engine, tarpit = role("greymoat-engine"), role("greymoat-tarpit")

    print(f"  {'what':<46}{'measured':>28}   {'must be':<18}")
    durations = [run(greymoat, "status")[0] for _ in range(50)]
    middle, late = statistics.median(durations) * 1000, sorted(durations)[47] * 1000
    row("greymoat status, from the shell", f"{middle:.1f} ms, p95 {late:.1f} ms", "≤ 20 ms", middle <= 20)

    make_rows(directory + "/rows")
    before = kilobytes(engine, "VmRSS")
    forget_peak(engine)
    elapsed, size = run(greymoat, "import", directory + "/rows")
    growth = (kilobytes(engine, "VmHWM") - before) // 1024
    million = f"{arguments.rows:,}"
    row(f"import of {million} rows", f"{elapsed:.1f} s", "", True)
    row("  memory of the command; the engine's growth", f"{size // 1024} MB; {growth} MB", "≤ 64 MB; ≤ 256 MB", size <= 65536 and growth <= 256)

    for words in (["spamdb"], ["list"], ["list", "--json"], ["list", "--csv"], ["export"]):
        program = directory + "/spamdb" if words == ["spamdb"] else greymoat
        if words == ["spamdb"]:
            os.symlink(os.path.realpath(greymoat), program)
        command = [program] + (words if words != ["spamdb"] else [])
        before = kilobytes(engine, "VmRSS")
        forget_peak(engine)
        best, size = min(run(*command) for _ in range(2))
        growth = (kilobytes(engine, "VmHWM") - before) // 1024
        name = " ".join(words if words == ["spamdb"] else ["greymoat"] + words)
        row(f"{name}, {million} rows", f"{best:.2f} s", "≤ 3 s", best <= 3)
        row("  memory of the command; the engine's growth", f"{size // 1024} MB; {growth} MB", "≤ 64 MB; ≤ 32 MB", size <= 65536 and growth <= 32)

    with Dialogues() as quiet:
        time.sleep(2)
    usual = statistics.median(quiet.durations)
    row("grey dialogues while nothing else is done", f"{usual * 1000:.1f} ms, worst {max(quiet.durations) * 1000:.1f} ms", "", True)
    for number in range(4):
        make_list(f"{directory}/list{number}", 1_000_000, number)
    with open(directory + "/spamd.conf", "w") as file:
        file.write(
            "all:\\\n\t:bench:\n\nbench:\\\n\t:black:\\\n\t:msg=\"%A is on a list\":\\\n\t:method=file:\\\n\t:file=" + directory + "/list:\n")
    before = kilobytes(engine, "VmRSS")
    os.rename(f"{directory}/list0", directory + "/list")
    run(greymoat, "reload")
    run(greymoat, "blocklist", "load")
    growth = kilobytes(engine, "VmRSS") - before
    loads, delays = [], []
    for number in range(1, 4):
        # A list that has not changed is not loaded again.
        os.rename(f"{directory}/list{number}", directory + "/list")
        with Dialogues() as busy:
            loads.append(run(greymoat, "blocklist", "load")[0])
        delays.append(max(busy.durations) - usual)
        shown = subprocess.run([greymoat, "blocklist", "show"], env=environment, stdout=subprocess.PIPE).stdout.decode()
        if int((shown.split("\t") + ["0"] * 3)[2]) < 990_000:
            sys.exit(f"the blocklist was not loaded: {shown}")
    row("blocklist of 1,000,000, fetched and loaded", f"{min(loads):.2f} s", "≤ 2 s", min(loads) <= 2)
    row("  delay of the slowest dialogue meanwhile", f"{min(delays) * 1000:.1f} ms", "≤ 20 ms", min(delays) <= 0.02)
    row("  the engine's growth with the first of them", f"{growth // 1024} MB", "", True)
finally:
    daemon.terminate()
    daemon.wait()
    shutil.rmtree(directory, ignore_errors=True)
sys.exit(1 if failed else 0)
