#!/usr/bin/env python3
"""Strangers in dialogue and one white host, until SIGTERM and a few seconds more: what scripts/long/supervised upgrades under.

Each stranger offers one mail with a recipient of its own, a command a second, and comes back with another when the connection ends.
Prints a line of figures, and writes the recipient of each mail that was answered 451 to the file named."""
import argparse
import asyncio
import collections
import random
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--strangers", type=int, default=1000)
parser.add_argument("--server", default="192.0.2.25")
parser.add_argument("--white", default="192.0.2.50")
parser.add_argument("--begun", help="made when nine of ten strangers are in dialogue")
parser.add_argument("answered")
options = parser.parse_args()

SOURCES = [f"192.0.2.{number}" for number in range(101, 121)]
counts = collections.Counter()
answered = []
in_dialogue = 0
most_in_dialogue = 0
ending = asyncio.Event()


async def reply(reader):
    while True:
        line = await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)
        if line[3:4] != b"-":
            return line


async def offer(number, source):
    """One mail; adds its recipient to `answered` when it was told to come back."""
    global in_dialogue, most_in_dialogue
    reader, writer = await asyncio.open_connection(options.server, 25, local_addr=(source, 0))
    in_dialogue += 1
    most_in_dialogue = max(most_in_dialogue, in_dialogue)
    try:
        recipient = f"<load{number}@example.org>"
        await reply(reader)
        for command in ("EHLO load.example", "MAIL FROM:<load@stranger.example>", f"RCPT TO:{recipient}", "DATA"):
            await asyncio.sleep(random.uniform(0.5, 1.5))
            writer.write(command.encode() + b"\r\n")
            last = await reply(reader)
        if last.startswith(b"451"):
            answered.append(f"{source}|load.example|<load@stranger.example>|{recipient}")
        else:
            counts["other answers"] += 1
    finally:
        in_dialogue -= 1
        writer.close()


async def stranger(first):
    number = first
    while not ending.is_set():
        try:
            await offer(number, SOURCES[number % len(SOURCES)])
        except ConnectionRefusedError:
            counts["refused"] += 1
            await asyncio.sleep(0.1)
        except (ConnectionError, asyncio.IncompleteReadError):
            # The tarpit it talked to is gone: a real sender comes back, and so does this one.
            counts["cut off"] += 1
        number += options.strangers


async def white_host():
    """Must meet the real server, always."""
    while not ending.is_set():
        try:
            reader, writer = await asyncio.open_connection(options.server, 25, local_addr=(options.white, 0))
            counts["white" if await reply(reader) == b"220 the real server\r\n" else "white misrouted"] += 1
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            counts["white misrouted"] += 1
        await asyncio.sleep(0.01)


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asyncio.get_running_loop().call_later(4, ending.set))
    tasks = [asyncio.create_task(stranger(number)) for number in range(options.strangers)] + [asyncio.create_task(white_host())]
    while in_dialogue < options.strangers * 9 // 10 and not ending.is_set():
        await asyncio.sleep(0.1)
    open(options.begun, "w").close()
    await asyncio.gather(*tasks)
    with open(options.answered, "w") as file:
        file.writelines(line + "\n" for line in answered)
    print(most_in_dialogue, len(answered), counts["refused"], counts["white"], counts["white misrouted"], counts["cut off"], counts["other answers"])


asyncio.run(main())
