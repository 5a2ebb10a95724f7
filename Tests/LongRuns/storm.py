#!/usr/bin/env python3
"""Everything at once: hostile and polite strangers, careless administrators, and junk on every socket, against the whole daemon, in which no
process may end and after which the kernel's sets hold what the database says. Called by scripts/long/storm in a network namespace."""
import argparse
import collections
import json
import os
import random
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{root}/Tests/Bench")
import comparison  # noqa: E402
import stack  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--binaries", default="")
parser.add_argument("--seconds", type=int, required=True)
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--strangers", help="be the strangers, who connect to this address")
options = parser.parse_args()

STRANGERS = 48  # threads, a connection each
ADMINISTRATORS = 6
METRICS = "127.0.0.1:9225"
# A word, and the piece of a dialogue it stands in: each is sent whole, cut, doubled, with bytes flipped, or after junk.
LINES = [
    b"HELO c", b"EHLO c.example", b"EHLO [IPv6:2001:db8::1]", b"HELO " + b"h" * 600, b"MAIL FROM:<a@b>", b"MAIL FROM:<>", b"mail from: x",
    b"MAIL FROM:<a@b> SIZE=99999999999999999999 BODY=8BITMIME", b"RCPT TO:<c@d.example>", b"RCPT TO:<trap@d.example>", b"RCPT TO:<@r,@s:x@y>",
    b"RCPT TO:<postmaster>", b'RCPT TO:"a b>"@[::1]', b"RCPT TO:<\xff\xfe@\xc3\xa9>", b"DATA", b"Subject: x\r\nFrom: y\r\n\r\nbody\r\n.",
    b"QUIT", b"RSET", b"NOOP", b"VRFY x", b"EXPN x", b"HELP", b"AUTH LOGIN", b"BDAT 5 LAST", b"STARTTLS", b"", b".", b"..", b"\0", b"\r",
    b"x" * 5000, b"GET / HTTP/1.0\r\nHost: x\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


# Strangers.

def mutated(chance):
    line = bytearray(chance.choice(LINES))
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        if line:
            place = chance.randrange(len(line))
            line[place:place + chance.choice((0, 1))] = bytes(chance.randrange(256) for _ in range(chance.choice((0, 1, 1, 4))))
    if chance.random() < 0.05:
        line *= 3
    return bytes(line) + chance.choice((b"\r\n",) * 12 + (b"\n", b"\r", b"", b"\r\n\r\n", b"\n.\r\n"))


def sender(chance, deed):
    """Few addresses are polite, come again and pass; many are not."""
    return f"10.78.{chance.randrange(4 if deed is polite else 256)}.{chance.randrange(1, 255)}"


def reply(connection):
    text = b""
    while not re.search(rb"(^|\n)\d\d\d [^\n]*\n$", text):
        more = connection.recv(4096)
        if not more:
            raise OSError("closed")
        text += more
    return text


def polite(chance, connection, source):
    """One attempt, the same each time for this host. Few of them are to a trap."""
    reply(connection)
    recipient = "trap" if chance.random() < 0.03 else "joe"
    for line in ("HELO c", f"MAIL FROM:<a@{source}>", f"RCPT TO:<{recipient}@d.example>", "DATA", "QUIT"):
        connection.sendall(line.encode() + b"\r\n")
        if reply(connection).startswith(b"354"):
            connection.sendall(b"Subject: x\r\n\r\nbody\r\n.\r\n")
            reply(connection)


def hostile(chance, connection, _):
    if chance.random() < 0.5:
        reply(connection)
    for _ in range(chance.choice((1, 5, 20, 200))):
        data = mutated(chance)
        while data:
            cut = chance.choice((len(data), len(data), chance.randrange(1, len(data) + 1)))
            connection.sendall(data[:cut])
            data = data[cut:]
        if chance.random() < 0.4:
            connection.settimeout(0.05)
            try:
                if not connection.recv(4096):
                    return
            except TimeoutError:
                pass
            connection.settimeout(5)


def junk(chance, connection, _):
    for _ in range(chance.choice((1, 10, 100))):
        connection.sendall(chance.randbytes(chance.randrange(1, 4000)))


def encrypted(chance, connection, source):
    reply(connection)
    connection.sendall(b"EHLO c\r\n" if chance.random() < 0.8 else b"EHLO c\r\nSTARTTLS\r\nRSET\r\n")
    reply(connection)
    connection.sendall(b"STARTTLS\r\n")
    reply(connection)
    if chance.random() < 0.3:
        return junk(chance, connection, source)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(connection) as secured:
        if chance.random() < 0.5:
            return hostile(chance, secured, source)
        for line in ("EHLO c", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "QUIT"):
            secured.sendall(line.encode() + b"\r\n")
            reply(secured)


def idle(chance, connection, _):
    time.sleep(chance.choice((0, 0.1, 3)))


def strangers():
    end = time.monotonic() + options.seconds
    outcomes = collections.Counter()

    def one(number):
        chance = random.Random(options.seed * 1000 + number)
        while time.monotonic() < end:
            deed = chance.choices((polite, hostile, junk, encrypted, idle), (8, 8, 2, 3, 1))[0]
            source = sender(chance, deed)
            outcome = "done"
            try:
                with socket.socket() as connection:
                    connection.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                    connection.bind((source, 0))
                    connection.settimeout(5)
                    connection.connect((options.strangers, 25))
                    deed(chance, connection, source)
                    if chance.random() < 0.3:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
                    elif chance.random() < 0.3:
                        connection.shutdown(socket.SHUT_WR)
                        connection.recv(100)
            except OSError as error:
                outcome = type(error).__name__
            outcomes[deed.__name__, outcome] += 1

    threads = [threading.Thread(target=one, args=(number,)) for number in range(STRANGERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({f"{deed} {outcome}": count for (deed, outcome), count in sorted(outcomes.items())}))


# Administrators.

class Administrator:
    def __init__(self, whole, number, counts):
        self.whole, self.counts = whole, counts
        self.chance = random.Random(options.seed * 1000 + 500 + number)

    def greymoat(self, *arguments, text=None, program="greymoat"):
        """`program`: one of the names it has. No command may end by a signal, whatever it is given."""
        result = subprocess.run(
            [program, *arguments], executable=f"{binaries}/greymoat", input=text, capture_output=True, errors="replace", timeout=120,
            env={**os.environ, "GREYMOAT_SOCKET": f"{self.whole.directory}/run/control.sock"})
        if result.returncode not in (0, 1, 2, 64):
            raise SystemExit(f"{program} {' '.join(arguments)[:200]}: status {result.returncode}: {result.stderr[-2000:]}")
        return result

    def address(self):
        chance = self.chance
        return chance.choice((
            f"10.78.0.{chance.randrange(256)}", f"192.0.2.{chance.randrange(256)}", f"2001:db8::{chance.randrange(65536):x}",
            "0.0.0.0", "255.255.255.255", "::", "::1", "::ffff:192.0.2.1", "1.2.3", "fe80::1%eth0", "é", "", "-"))

    def block(self):
        if self.chance.random() < 0.3:
            return self.address()
        if self.chance.random() < 0.5:
            return f"100.{self.chance.randrange(64, 128)}.{self.chance.randrange(256)}.0/{self.chance.randrange(10, 34)}"
        return f"2001:db8:{self.chance.randrange(65536):x}::/{self.chance.choice((33, 48, 64, 65, 127, 128, 129))}"

    def rows(self):
        now = int(time.time())
        for _ in range(self.chance.choice((1, 30, 3000))):
            expire = now + self.chance.choice((-5, 1, 3, 60, 5000, 1 << 31, 1 << 63, -1 << 63))
            yield self.chance.choice((
                f"WHITE|{self.address()}|||{now}|{now}|{expire}|1|0", f"TRAPPED|{self.address()}|{expire}", f"SPAMTRAP|{self.address()}@d",
                f"GREY|{self.address()}|helo|<a@b>|<c@d>|{now}|{now + 60}|{expire}|1|0", f"ALLOW|{self.block()}", "DOMAIN|@d.example", "||||", "\0",
                f"WHITE|{self.address()}|||{now}|{now}|{expire}|99999999999999999999|0"))

    # What they say.

    def keys(self):
        kind = self.chance.choice(("white", "white", "trapped", "spamtrap", "domain", "allow"))
        verb = self.chance.choice(("add", "add", "remove"))
        key = self.block if kind == "allow" else self.address if kind in ("white", "trapped") else lambda: f"{self.address()}@d.example"
        self.greymoat(kind, verb, *(["--yes"] if kind == "domain" and verb == "add" else []), "--", *(key() for _ in range(self.chance.choice((1, 20)))))
        if kind == "domain":
            self.greymoat("domain", "add", "--yes", "@d.example")

    def imported(self):
        self.greymoat("import", "-", text="\n".join(self.rows()))

    def looks(self):
        self.greymoat(*self.chance.choice((
            ["status"], ["status", "--json"], ["list"], ["list", "--json"], ["list", "grey", "--csv"], ["explain", self.address() or "x"],
            ["export"], ["export", "--traplist"], ["blocklist", "show"], ["firewall", "show"], ["firewall", "check"], ["list", "--match", "%"])))

    def pipes(self):
        """Reads a little of a long output, and goes."""
        process = subprocess.Popen(
            [f"{binaries}/greymoat", self.chance.choice(("list", "export"))], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "GREYMOAT_SOCKET": f"{self.whole.directory}/run/control.sock"})
        process.stdout.read(10)
        process.stdout.close()
        process.stderr.read()
        process.wait()

    def spamdb(self):
        kind = self.chance.choice(([], ["-t"], ["-T"]))
        self.greymoat(*kind, self.chance.choice(("-a", "-d")), self.address() or "x", program="spamdb")

    def lists(self):
        with open(f"{self.whole.directory}/list.txt.new", "w") as file:
            file.writelines(f"10.78.{self.chance.randrange(200, 256)}.{self.chance.randrange(256)}\n" for _ in range(self.chance.choice((0, 1, 300))))
        os.replace(f"{self.whole.directory}/list.txt.new", f"{self.whole.directory}/list.txt")
        self.greymoat("blocklist", "load")

    def reload(self):
        settings(self.whole.directory, self.chance)
        if self.chance.random() < 0.5:
            self.greymoat("reload")
        else:
            self.whole.daemon.send_signal(signal.SIGHUP)

    def apply(self):
        self.greymoat("firewall", "apply")

    # What is said by mistake, on sockets that are open to them.

    def control_junk(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{self.whole.directory}/run/control.sock")
            for _ in range(self.chance.choice((0, 1, 10))):
                connection.sendall(self.chance.randbytes(self.chance.randrange(1, 9000)))

    def control_flips(self):
        """A real import with bytes flipped, through a socket in between."""
        lines = "\n".join(self.rows()).encode()
        frame = bytearray(self.chance.randbytes(8) + lines)
        frame[0:4] = len(lines).to_bytes(4, "big") if self.chance.random() < 0.5 else len(lines).to_bytes(4, "little")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{self.whole.directory}/run/control.sock")
            connection.sendall(bytes(frame))

    def metrics(self):
        if self.chance.random() < 0.5:
            urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=10).read()
        else:
            with socket.create_connection(("127.0.0.1", 9225), 5) as connection:
                connection.sendall(self.chance.choice((b"GET /metrics HTTP/1.1\r\n\r\n", b"GET " + b"x" * 9000, self.chance.randbytes(500))))
                connection.settimeout(0.2)
                connection.recv(100)

    def work(self, end):
        deeds = (self.keys, self.imported, self.looks, self.pipes, self.spamdb, self.lists, self.reload, self.apply, self.control_junk,
                 self.control_flips, self.metrics)
        while time.monotonic() < end:
            deed = self.chance.choices(deeds, (10, 6, 10, 3, 6, 3, 3, 1, 4, 3, 6))[0]
            self.counts[deed.__name__] += 1
            try:
                deed()
            except (OSError, urllib.error.URLError):
                self.counts[deed.__name__ + ", broken off"] += 1
            time.sleep(self.chance.choice((0, 0, 0.1)))


def settings(directory, chance):
    """A configuration of theirs: good, or not; what was good before goes on then."""
    with open(f"{directory}/greymoat.toml") as file:
        old = file.read()
    good = old[:old.index("# the storm's\n")] if "# the storm's\n" in old else old
    fresh = chance.choice((
        "", "[greylist]\npasstime = \"1s\"\nwhiteexp = \"20s\"\n", "[greylist]\npasstime = \"2s\"\ntrapexp = \"5s\"\n", "[greylist]\npasstime = \"9999h\"\n",
        "[=", "[tarpit\n", "x = 1\n", "\0", "[greylist]\ngroup-ipv4 = 24\npasstime = \"1s\"\n"))
    with open(f"{directory}/greymoat.toml.new", "w") as file:
        file.write(good + "# the storm's\n" + fresh)
    os.replace(f"{directory}/greymoat.toml.new", f"{directory}/greymoat.toml")


# The end.

def ends(text):
    """Lines that tell of a process that ended, or was made to."""
    bad = re.compile(r"started again|was killed|exited with|Fatal error|is a defect|does not read|cannot be used")
    return [line for line in text.split("\n") if bad.search(line)]


def administrate(whole):
    end = time.monotonic() + options.seconds
    counts = collections.Counter()
    faults = []

    def one(number):
        try:
            Administrator(whole, number, counts).work(end)
        except (Exception, SystemExit) as error:  # told at the end, with the rest
            faults.append(f"{type(error).__name__}: {error}")

    whole.greymoat("spamtrap", "add", "trap@d.example")
    roles = {(role["name"], role["worker"]): role["pid"] for role in whole.status()["roles"]}
    outside = subprocess.Popen(
        [*whole.client, sys.executable, os.path.abspath(__file__), "--seconds", str(options.seconds), "--seed", str(options.seed), "--strangers",
         whole.address], stdout=subprocess.PIPE, text=True)
    threads = [threading.Thread(target=one, args=(number,)) for number in range(ADMINISTRATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = outside.communicate(timeout=120)[0]
    print(f"strangers: {said.strip()}\nadministrators: {json.dumps(dict(sorted(counts.items())))}")
    if whole.daemon.poll() is not None:
        faults.append(f"greymoatd has ended with {whole.daemon.returncode}")
    else:
        caretaker = Administrator(whole, ADMINISTRATORS, counts)
        compared = comparison.Comparison(caretaker.greymoat)
        faults += compared.check()
        print(f"in step: {compared.compared:,} elements, {compared.worst:.1f} s off at most")
        status = whole.status()
        now = {(role["name"], role["worker"]): role["pid"] for role in status["roles"]}
        faults += [f"{name}: process {pid} is {now.get(name)} now" for name, pid in roles.items() if now.get(name) != pid]
        print(f"counters: {json.dumps({name: count for name, count in status['counters'].items() if count})}")
    whole.stop()
    if whole.daemon.returncode != 0:
        faults.append(f"greymoatd ended with status {whole.daemon.returncode}")
    with open(f"{whole.directory}/log", errors="replace") as file:
        faults += ends(file.read())
    for row in sqlite3.connect(f"{whole.directory}/state/greymoat.db").execute("pragma integrity_check"):
        if row != ("ok",):
            faults.append(f"database: {row[0]}")
    print(f"storm: seed {options.seed}: {len(faults)} faults", *faults[:30], sep="\n  ")
    return len(faults) > 0


if options.strangers:
    strangers()
else:
    binaries = os.path.abspath(options.binaries)
    print(f"storm: seed {options.seed}, {options.seconds} s", flush=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    place = os.environ.get("TMPDIR", "/tmp")
    pem, conf, text = (f"{place}/storm-{os.getpid()}.{end}" for end in ("pem", "conf", "txt"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=mx.example.org", "-days", "2",
         "-keyout", pem, "-out", f"{pem}.crt"], check=True, capture_output=True)
    more = (f'[tls]\ncertificate = "{pem}.crt"\nkey = "{pem}"\n[metrics]\nlisten = "{METRICS}"\n[listen]\nworkers = 2\n')
    with stack.Stack(binaries, settings=more) as whole:
        with open(f"{whole.directory}/spamd.conf", "w") as file:
            file.write(f'all:\\\n\t:storm:\nstorm:\\\n\t:black:\\\n\t:msg="Listed %A":\\\n\t:method=file:\\\n\t:file={whole.directory}/list.txt:\n')
        open(f"{whole.directory}/list.txt", "w").close()
        with open(f"{whole.directory}/greymoat.toml", "a") as file:
            file.write(f'[blocklists]\nconfig = "{whole.directory}/spamd.conf"\n# the storm\'s\n[greylist]\npasstime = "1s"\nwhiteexp = "20s"\n')
        whole.greymoat("reload")
        sys.exit(administrate(whole))
