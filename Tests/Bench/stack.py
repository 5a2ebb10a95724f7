"""The whole of Greymoat in a network namespace, with a client in another: for benches."""
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

    def __init__(self, binaries, settings=""):
        self.binaries = binaries
        self.directory = tempfile.mkdtemp(prefix="greymoat-bench-")
        os.chmod(self.directory, 0o755)
        # `cat` holds the client's namespace until its standard input ends.
        self.holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.client = ["nsenter", "-t", str(self.holder.pid), "-n"]
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        here, there = f"gmb{os.getpid() % 100000}a", f"gmb{os.getpid() % 100000}b"
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
                'config-version = 1\nhostname = "mx.example.org"\n[tarpit]\nstutter = "0s"\nmax-per-source = 20000\n'
                f'[firewall]\nruleset = "{root}/nft/greymoat.nft"\n[log]\nverbose = false\nlevel = "warning"\n' + settings)
        self.log = open(f"{self.directory}/log", "w")
        self.daemon = subprocess.Popen(
            [f"{binaries}/greymoatd", "--config", f"{self.directory}/greymoat.toml", "--state-dir", f"{self.directory}/state",
             "--runtime-dir", f"{self.directory}/run"], stdout=self.log, stderr=self.log)
        self.wait()

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True)

    def wait(self):
        """Until a stranger in the client's namespace is greeted on port 25."""
        end = time.monotonic() + 15
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
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
        self.holder.stdin.close()
        self.holder.wait()
