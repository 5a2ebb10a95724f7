#!/usr/bin/env python3
"""Holds 2,000 connections and offers 200 mails a second for half an hour, and watches that no process grows and the sets stay in step.
Called by scripts/long/soak in a network namespace of its own."""
import argparse
import json
import os
import subprocess
import sys
import time

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{root}/Tests/Bench")
import stack  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--binaries", required=True)
parser.add_argument("--tools", required=True)
parser.add_argument("--seconds", type=int, default=1800)
options = parser.parse_args()
binaries = os.path.abspath(options.binaries)

HELD = 2000
RATE = 200  # dialogues a second
TUPLES = 60_000  # five minutes' worth: after that the same ones come again, and the database has its size
SETTLED = min(300, options.seconds / 3)  # seconds after which nothing grows
TOLERANCE = 0.02
SMALL = 256  # kilobytes: a page or two more of the C library's heap is no growth

# Run in the strangers' host: connections from trapped addresses, one byte a second each way of the dialogue, made anew when they end.
HOLDER = """
import errno, selectors, socket, sys, time
target, count = (sys.argv[1], 25), int(sys.argv[2])
poll = selectors.DefaultSelector()
waiting, ended, received, told = list(range(count)), 0, 0, time.monotonic()
def begin(number):
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    connection.bind((f"10.78.{240 + number // 250}.{number % 250 + 1}", 0))
    if connection.connect_ex(target) not in (0, errno.EINPROGRESS):
        return waiting.append(number)
    poll.register(connection, selectors.EVENT_READ, number)
while True:
    for _ in range(min(len(waiting), 20)):
        begin(waiting.pop())
    for key, _ in poll.select(0.05):
        try:
            data = key.fileobj.recv(4096)
            received += len(data)
            if data.endswith(b"\\n"):
                key.fileobj.send(b"HELP\\r\\n")
        except OSError:
            data = b""
        if not data:
            poll.unregister(key.fileobj)
            key.fileobj.close()
            waiting.append(key.data)
            ended += 1
    if time.monotonic() - told > 1:
        told = time.monotonic()
        print(len(poll.get_map()), ended, received, flush=True)
"""


def sizes(whole):
    """Resident kilobytes and open files of each process."""
    found = {}
    for number, pid in enumerate(whole.pids.split(",")):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            name = os.path.basename(file.read().split(b"\0")[0].decode())
        with open(f"/proc/{pid}/status") as file:
            resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        found[f"{name} {number}"] = (resident, len(os.listdir(f"/proc/{pid}/fd")))
    return found


def main(whole):
    with open(f"{whole.directory}/trapped", "w") as file:
        until = int(time.time()) + 2 * options.seconds + 3600
        file.writelines(f"TRAPPED|10.78.{240 + number // 250}.{number % 250 + 1}|{until}\n" for number in range(HELD))
    whole.greymoat("import", f"{whole.directory}/trapped")
    holder = subprocess.Popen(
        [*whole.client, "python3", "-c", HOLDER, whole.address, str(HELD)], stdout=open(f"{whole.directory}/held", "w"))
    begun = time.monotonic()
    second = answered = 0
    first = None
    highest, lowest = {}, {}
    next_look = SETTLED
    running = []
    longest = 0
    while (passed := time.monotonic() - begun) < options.seconds:
        if passed < second:
            time.sleep(second - passed)
            continue
        second += 1
        running.append(
            subprocess.Popen(
                [*whole.client, f"{options.tools}/smtp_load", "smtp", "-a", whole.address, "-p", "25", "-n", str(RATE), "-c", "8", "-s",
                 whole.source, "-S", "60000", "-t", "30", "-k", str(second * RATE % TUPLES)],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        while running and running[0].poll() is not None:
            outcome = json.loads(running.pop(0).communicate()[0].strip().splitlines()[-1])
            answered += outcome["codes"].get("451", 0)
            longest = max(longest, outcome["latency_ms"]["max"])
        if passed >= next_look:
            now = sizes(whole)
            # Held connections move from one worker to the other: files are counted by role.
            by_role = {}
            for name, (_, files) in now.items():
                by_role[name.split()[0]] = by_role.get(name.split()[0], 0) + files
            now = {name: (resident, by_role[name.split()[0]]) for name, (resident, _) in now.items()}
            first = first or now
            for name, (resident, files) in now.items():
                for extreme, pick in ((highest, max), (lowest, min)):
                    old = extreme.get(name, (resident, files))
                    extreme[name] = (pick(old[0], resident), pick(old[1], files))
            with open(f"{whole.directory}/held") as file:
                held = file.read().splitlines()[-1]
            print(f"{passed:6.0f} s  held, ended, bytes: {held}  451s: {answered}  " + "  ".join(
                f"{name}: {resident} KB {files} fds" for name, (resident, files) in now.items()), flush=True)
            next_look += 60
    for process in running:
        process.wait()
    status = whole.status()
    holder.terminate()
    holder.wait()
    failed = False
    print(f"{'process':<22} {'KB after ' + str(int(SETTLED)) + ' s':>14} {'lowest':>9} {'highest':>9} {'files':>9}")
    for name, (resident, files) in first.items():
        room = max(resident * TOLERANCE, SMALL)
        flat = highest[name][0] - resident <= room
        # Held connections come and go; nothing else moves.
        steady = highest[name][1] - lowest[name][1] <= max(4, HELD * TOLERANCE)
        failed = failed or not flat or not steady
        print(f"{name:<22} {resident:>14} {lowest[name][0]:>9} {highest[name][0]:>9} {lowest[name][1]:>4}–{highest[name][1]:<4}"
              f"  {'pass' if flat and steady else 'FAIL'}")
    in_step = status["firewall"]["state"] == "in-step" and status["firewall"]["behind"] == 0
    unkept = status["counters"]["unkept"]
    print(f"dialogues answered 451: {answered} of {second * RATE}, the longest took {longest} ms; unkept {unkept}; sets in step: {in_step}")
    return failed or not in_step or unkept > 0 or answered < 0.98 * (second - 5) * RATE


with stack.Stack(
    binaries, stutter='"1s"\ngrey-stutter = "0s"', settings='[greylist]\npasstime = "3h"\ngreyexp = "6h"\n',
) as whole:
    sys.exit(main(whole))
