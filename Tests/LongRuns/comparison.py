"""Compares the kernel's sets with the database, element by element: for long runs."""
import ipaddress
import json
import subprocess
import sys
import time

TOLERANCE = 2  # seconds between an element's remaining life and its row's


class Comparison:
    """`greymoat`: runs a command of an administrator's and returns what subprocess.run does."""

    def __init__(self, greymoat):
        self.greymoat = greymoat
        self.compared = self.checks = 0
        self.worst = 0.0

    def settle(self):
        end = time.monotonic() + 60
        while True:
            result = self.greymoat("status", "--json")
            if result.returncode == 0:
                firewall = json.loads(result.stdout)["firewall"]
                if firewall["state"] == "in-step" and firewall["behind"] == 0:
                    return
            if time.monotonic() > end:
                sys.exit(f"not in step after 60 s: {result.stdout}{result.stderr}")
            time.sleep(0.1)

    def listed(self, name):
        command = ["nft", "-j", "list", "set", "inet", "greymoat", name]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            return None
        found = next(item["set"] for item in json.loads(result.stdout)["nftables"] if "set" in item)
        return found.get("elem", [])

    def differences(self):
        rows = {}
        begun = time.time()
        for line in self.greymoat("list", "white", "trapped").stdout.split("\n"):
            fields = line.split("\t")
            if fields[0] == "WHITE":
                rows["white", fields[1]] = int(fields[6])
            elif fields[0] == "TRAPPED":
                rows["greytrap", fields[1]] = int(fields[2])
        different = []
        present = {}
        for name in ("white", "white6", "greytrap", "greytrap6"):
            at = time.time()
            elements = self.listed(name)
            if elements is None:
                return [f"set {name} is not there"], 0, 0
            for element in elements:
                present[name.rstrip("6"), element["elem"]["val"]] = at + element["elem"]["expires"]
        ended = time.time()
        worst = 0.0
        for key, expire in rows.items():
            if key in present:
                # nft tells whole seconds, rounded down.
                deviation = max(0.0, abs(present[key] + 0.5 - expire) - 0.5)
                worst = max(worst, deviation)
                if deviation > TOLERANCE:
                    different.append(f"{key}: the element ends at {present[key]:.0f}, its row at {expire}")
            elif expire > ended + TOLERANCE:
                different.append(f"{key}: the row lives for another {expire - ended:.0f} s and the kernel has no element")
        for key, expire in present.items():
            if key not in rows and expire > begun + TOLERANCE:
                different.append(f"{key}: an element without a row, for another {expire - begun:.0f} s")
        return different + self.different_blocks(), len(rows), worst

    def different_blocks(self):
        listed = self.greymoat("list", "allow").stdout.split("\n")
        wanted = self.collapsed(ipaddress.ip_network(line.split("\t")[1]) for line in listed if "\t" in line)
        held = []
        for element in (self.listed("allow") or []) + (self.listed("allow6") or []):
            if isinstance(element, str):
                held.append(ipaddress.ip_network(element))
            elif "prefix" in element:
                held.append(ipaddress.ip_network(f"{element['prefix']['addr']}/{element['prefix']['len']}"))
            else:
                first, last = (ipaddress.ip_address(end) for end in element["range"])
                held.extend(ipaddress.summarize_address_range(first, last))
        held = self.collapsed(held)
        return [f"allow: {block} is missing" for block in wanted - held] + [f"allow: {block} is too much" for block in held - wanted]

    @staticmethod
    def collapsed(blocks):
        blocks = list(blocks)
        return {block for version in (4, 6) for block in ipaddress.collapse_addresses(block for block in blocks if block.version == version)}

    def check(self):
        """Compares when all is in step; returns what differs, one sentence each."""
        for _ in range(5):
            self.settle()
            different, count, worst = self.differences()
            if not different:
                break
            time.sleep(1)  # a listing misses elements while the kernel grows a set's hash table
        else:
            return different
        self.checks += 1
        self.compared += count
        self.worst = max(self.worst, worst)
        return []
