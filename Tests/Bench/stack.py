"""The whole of Greymoat in a network namespace, with a client in another: for benches."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time


class Stack:
    """greymoatd with all its roles behind its ruleset. The client's namespace answers for 10.78.0.0/16."""

    address = "10.77.0.1"
    source = "10.78.0.1"

    def __init__(self, binaries, settings="", white=0, parent=None, stutter='"0s"'):
        """`settings`: more TOML. `stutter`: that key's value, and more of its section. `white`: so many white hosts, 10.0.0.0
        and up, are in the database from the beginning. `parent`: where its directory is made."""
        self.binaries = binaries
        self.directory = tempfile.mkdtemp(prefix="greymoat-bench-", dir=parent)
        os.chmod(self.directory, 0o755)
        # `cat` holds the client's namespace until its standard input ends.
        self.holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.client = ["nsenter", "-t", str(self.holder.pid), "-n"]
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        here, there = f"gmb{os.getpid() % 100000}a", f"gmb{os.getpid() % 100000}b"
        self.link = here
        self.run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", str(self.holder.pid))
        self.run("ip", "address", "add", "10.77.0.1/30", "dev", here)
        self.run("ip", "link", "set", here, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "route", "add", "10.78.0.0/16", "via", "10.77.0.2")
        self.run(*self.client, "ip", "address", "add", "10.77.0.2/30", "dev", there)
        self.run(*self.client, "ip", "link", "set", there, "up")
        self.run(*self.client, "ip", "link", "set", "lo", "up")
        self.run(*self.client, "ip", "route", "add", "local", "10.78.0.0/16", "dev", "lo")
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(f"{self.directory}/greymoat.toml", "w") as file:
            file.write(
                'config-version = 1\nhostname = "mx.example.org"\n[tarpit]\nstutter = ' + stutter + '\nmax-per-source = 20000\n'
                f'[firewall]\nruleset = "{root}/nft/greymoat.nft"\n[log]\nverbose = false\nlevel = "warning"\n' + settings)
        self.log = open(f"{self.directory}/log", "w")
        if white:
            self.start()
            self.stop()
            self.fill(white)
        self.start()

    def start(self):
        self.launch()
        self.wait()

    def launch(self):
        self.daemon = subprocess.Popen(
            [f"{self.binaries}/greymoatd", "--config", f"{self.directory}/greymoat.toml", "--state-dir", f"{self.directory}/state",
             "--runtime-dir", f"{self.directory}/run"], stdout=self.log, stderr=self.log)

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True)

    def wait(self):
        """Until a stranger in the client's namespace is greeted on port 25."""
        end = time.monotonic() + 60  # a million rows come before the first redirection
        probe = "import socket; s = socket.create_connection(('10.77.0.1', 25), 2); print(s.recv(3).decode())"
        while time.monotonic() < end:
            if self.daemon.poll() is not None:
                break
            result = subprocess.run([*self.client, "python3", "-c", probe], capture_output=True, text=True)
            if result.stdout.startswith("220"):
                break
            time.sleep(0.1)
        else:
            self.fail()
        if self.daemon.poll() is not None:
            self.fail()
        children = subprocess.run(["pgrep", "-P", str(self.daemon.pid)], capture_output=True, text=True).stdout.split()
        self.pids = ",".join([str(self.daemon.pid), *children])

    def fail(self):
        with open(f"{self.directory}/log") as file:
            raise SystemExit(f"bench: greymoatd did not come up:\n{file.read()}")

    def stop(self):
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()

    def fill(self, count):
        """White rows straight into the database, which nobody has open."""
        import sqlite3

        connection = sqlite3.connect(f"{self.directory}/state/greymoat.db")
        offset = connection.execute("select value from meta where name = 'clock_offset'").fetchone()[0]
        now = int(time.time()) - offset
        connection.executemany(
            "insert into host values (?, 1, ?, ?, ?, 1, 0)",
            (((0x0A000000 + index).to_bytes(4, "big"), now, now, now + 864 * 3600 + index % 31000) for index in range(count)))
        connection.commit()
        connection.close()

    def greymoat(self, *arguments):
        """What an administrator's command says."""
        result = subprocess.run(
            [f"{self.binaries}/greymoat", *arguments], env={**os.environ, "GREYMOAT_SOCKET": f"{self.directory}/run/control.sock"},
            capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit(f"bench: greymoat {' '.join(arguments)}: {result.stderr}")
        return result.stdout

    def status(self):
        return json.loads(self.greymoat("status", "--json"))

    def pid(self, role):
        """The process of this name among the daemon's roles."""
        for pid in self.pids.split(","):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().split(b"\0")[0].endswith(role.encode()):
                    return int(pid)
        raise SystemExit(f"bench: no {role} runs")

    def stored(self):
        """Rows in the database, GREY ones."""
        import sqlite3

        connection = sqlite3.connect(f"file:{self.directory}/state/greymoat.db?mode=ro", uri=True)
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        table = next(name for name in tables if "grey" in name.lower() or "tuple" in name.lower())
        return connection.execute(f"select count(*) from {table}").fetchone()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        subprocess.run(["ip", "link", "delete", self.link], capture_output=True)  # gone already when the other end is
        self.holder.stdin.close()
        self.holder.wait()
