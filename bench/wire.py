# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bad link between container nodes, where the kernel has no netem: runs outside of the nodes, as a switch would.

Usage: wire.py '{"links": [["10.0.0.1", "10.0.0.2"]], "loss": 0.3}', in the network namespace of the engine whose containers are nodes.

The kernel hands the packets of these links (from, to; null: everybody) to this program, which drops, holds back, repeats, swaps, damages
or paces them. Ends with SIGTERM, or after "seconds"; rules that are left behind by a kill let everything pass. Standard library only.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

NETFILTER = 12  # NETLINK_NETFILTER
QUEUE = 3 << 8  # NFNL_SUBSYS_QUEUE
PACKET, VERDICT, CONFIG = 0, 1, 2
NUMBER = 4789  # of the queue
LONGEST = 2.0  # seconds that a packet waits before a narrow link drops it
REJECTED, PASSED = 0, 1  # NF_DROP, NF_ACCEPT
HEADERS = 42  # IP, UDP, VXLAN and the inner addresses: what is damaged comes later, as far as a packet reaches


def attribute(kind: int, value: bytes) -> bytes:
    """One netlink attribute."""
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(kind: int, *attributes: bytes) -> bytes:
    """One message about the queue."""
    body = struct.pack(">BBH", socket.AF_INET, 0, NUMBER) + b"".join(attributes)
    return struct.pack("=LHHLL", 16 + len(body), QUEUE | kind, 1, 0, 0) + body


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes of a message by their kind."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += length + (-length % 4)
    return found


def messages(data: bytes):
    """(packet's number, packet) of everything that was handed over."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=LH", data, at)
        if length < 16:
            break
        if kind == QUEUE | PACKET:
            told = attributes(data[at + 20 : at + length])
            yield struct.unpack(">L", told[1][:4])[0], told.get(10, b"")
        at += length + (-length % 4)


def rule(link: list) -> list[str]:
    """Words of iptables for one link."""
    source, target = link
    return [*(["-s", source] if source else []), *(["-d", target] if target else []), "-j", "NFQUEUE",
            "--queue-num", str(NUMBER), "--queue-bypass"]  # fmt: skip


def rules(action: str, links: list) -> None:
    for link in links:
        subprocess.run(["iptables", "-w", "-t", "mangle", action, "FORWARD", *rule(link)], check=True)


def damaged(packet: bytes, chance: random.Random) -> bytes:
    """The packet with one wrong bit, behind the headers where it is long enough."""
    place = chance.randrange(min(HEADERS, len(packet) - 1), len(packet))
    return packet[:place] + bytes([packet[place] ^ 1 << chance.randrange(8)]) + packet[place + 1 :]


class Link:
    """What becomes of a packet. All shares are between 0 and 1, all times in seconds, the rate in bits a second."""

    def __init__(self, told: dict) -> None:
        self.told = told
        self.chance = random.Random(told.get("seed", 0))
        self.began = time.monotonic()
        self.free = self.began  # when a narrow link has sent what it holds

    def hit(self, name: str) -> bool:
        return self.chance.random() < self.told.get(name, 0)

    def lost(self, packet: bytes, now: float) -> bool:
        up, down = self.told.get("flap", (1, 0))
        wanted = self.told.get("protocol")
        if wanted and (packet[9] != wanted[0] or (len(wanted) > 1 and wanted[1] not in ports(packet))):
            return False
        if wanted:
            return True
        return (
            (now - self.began) % (up + down) >= up
            or len(packet) > self.told.get("largest", len(packet))
            or self.hit("loss")
        )

    def until(self, packet: bytes, now: float) -> float | None:
        """When the packet goes on; None: the link is too narrow for it."""
        rate = self.told.get("rate")
        if rate:
            start = max(now, self.free)
            if start - now > LONGEST:
                return None
            self.free = start + len(packet) * 8 / rate
            now = self.free
        if self.told.get("reorder") and not self.hit("reorder"):
            return now + self.told.get("gap", 0)
        spread = self.told.get("jitter", 0)
        return now + max(0.0, self.told.get("delay", 0) + self.chance.uniform(-spread, spread))


def ports(packet: bytes) -> tuple[int, ...]:
    """Source and target port of an IPv4 packet of TCP or UDP."""
    start = (packet[0] & 15) * 4
    return struct.unpack_from(">HH", packet, start) if len(packet) >= start + 4 else ()


def main() -> None:
    told = json.loads(sys.argv[1])
    end = time.monotonic() + told.get("seconds", 900)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *dummy: sys.exit(0))
    queue = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
    queue.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    queue.bind((0, 0))
    queue.send(message(CONFIG, attribute(1, struct.pack(">BBH", 1, 0, socket.AF_INET))))
    queue.send(message(CONFIG, attribute(2, struct.pack(">LB", 65535, 2)), attribute(3, struct.pack(">L", 8192))))
    again = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    link, waiting, order = Link(told), [], itertools.count()
    rules("-I", told["links"])
    try:
        print("ready", flush=True)
        while time.monotonic() < end:
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.5
            if select.select([queue], [], [], min(pause, 0.5))[0]:
                try:
                    data = queue.recv(1 << 20)
                except OSError:  # the queue overflowed: what did not fit is lost
                    continue
                for number, packet in messages(data):
                    now = time.monotonic()
                    when = None if link.lost(packet, now) else link.until(packet, now)
                    if when is None:
                        answer(queue, number, REJECTED)
                        continue
                    heapq.heappush(waiting, (when, next(order), number, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                dummy, dummy, number, packet = heapq.heappop(waiting)
                changed = damaged(packet, link.chance) if link.hit("corrupt") else None
                answer(queue, number, PASSED, changed)
                if link.hit("duplicate"):
                    target = socket.inet_ntoa(packet[16:20])
                    again.sendto(packet, (target, 0))
    finally:
        rules("-D", told["links"])


def answer(queue: socket.socket, number: int, verdict: int, packet: bytes | None = None) -> None:
    """Let a packet go on, changed or not, or drop it."""
    changed = [attribute(10, packet)] if packet is not None else []
    queue.send(message(VERDICT, attribute(2, struct.pack(">LL", verdict, number)), *changed))


if __name__ == "__main__":
    main()
