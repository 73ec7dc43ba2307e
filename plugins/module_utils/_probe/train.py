# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the quality of paths: trains of numbered UDP or ICMP packets of several sizes, all paths at once.

Private to swarmlab.overlay. Standard library only. A helper on the other node answers each packet (``Answerer``). The
kernels stamp what arrives, and the answer carries the time that it spent there. So a round trip is the network's own,
however late the two processes are; how late they were is told beside it.

A request is {"id", "kind": "udp" | "icmp", "address", "port" (UDP only), "packets": number}. The packets of the train
have a random id and a checksum of their own, because raw sockets receive packets whose UDP checksum is wrong.
"""

from __future__ import annotations

import os
import selectors
import socket
import statistics
import struct
import time
import typing as t
import zlib

from . import shapes, sockets

EMPTY = bytes(8)  # VXLAN drops it: its id is invalid
ASK, BURST, ANSWER = b"?", b"B", b"!"
HEAD = struct.Struct("!c8sHI")  # sign, id of the train, number of the packet, checksum of the rest
BODY = struct.Struct("!ddHHHH")  # received, answered, then the counts of ``Seen``; in answers only
INTERVAL = 0.02  # seconds between two packets of a train
SIZES = (100, 600, 0)  # bytes of a packet with its IP header; 0: the path's MTU
SMALL = 100  # bytes of an ICMP packet
LARGEST = 9000  # bytes: jumbo frames; a larger MTU is that of a device without a wire
BURSTS, IN_BURST = 2, 12  # packets sent at once tell how many bits a path carries in a second
BURST_PAUSE = 0.01  # seconds between the bursts of two trains, and half the time between those of one
TIMESTAMP = 35  # SO_TIMESTAMPNS, asm-generic/socket.h
STAMP = struct.Struct("@ll")
MTU_DISCOVER, MTU, MTU_PROBE = 10, 14, 3  # IP_MTU_DISCOVER, IP_MTU, IP_PMTUDISC_PROBE
MTU_DISCOVER6, MTU6 = 23, 24
HEADERS, HEADERS6 = 28, 48  # bytes of IP and UDP
WANTED_ROOM = 1 << 20  # bytes of the receive buffer: answers wait there while this process has no processor
RECEIVED = 65535
TRAINS = 4096  # a helper forgets the counts of the oldest train beyond these


def magic(run: str) -> bytes:
    """The first bytes of a run's packets."""
    return EMPTY + b"swarmlab-train-" + run.encode() + b" "


def stamped(channel: socket.socket) -> None:
    """Let the kernel tell when each packet arrives."""
    channel.setsockopt(socket.SOL_SOCKET, TIMESTAMP, 1)


def receive(channel: socket.socket, size: int = RECEIVED) -> tuple[bytes, float, t.Any]:
    """(data, time of arrival in seconds since 1970, sender) of a packet on a stamped socket."""
    data, told, _flags, sender = channel.recvmsg(size, 64)
    for level, kind, content in told:
        if (level, kind) == (socket.SOL_SOCKET, TIMESTAMP) and len(content) == STAMP.size:
            seconds, nanoseconds = STAMP.unpack(content)
            return data, seconds + nanoseconds / 1e9, sender
    return data, time.time(), sender


class Packet(t.NamedTuple):
    """A packet of a train; ``rest`` is the body of an answer, or filling. ``whole``: its checksum is right."""

    sign: bytes
    train: bytes
    number: int
    rest: bytes
    whole: bool


def build(run: str, sign: bytes, train: bytes, number: int, rest: bytes, size: int) -> bytes:
    """A packet with ``size`` bytes of payload, or as many as it needs."""
    start = magic(run)
    rest = rest.ljust(size - len(start) - HEAD.size, b".")
    digest = zlib.crc32(sign + train + struct.pack("!H", number) + rest)
    return start + HEAD.pack(sign, train, number, digest) + rest


def parse(run: str, data: bytes) -> Packet | None:
    """The packet of this run in a payload; None for anything else."""
    start = magic(run)
    if not data.startswith(start) or len(data) < len(start) + HEAD.size:
        return None
    sign, train, number, digest = HEAD.unpack_from(data, len(start))
    rest = data[len(start) + HEAD.size :]
    return Packet(sign, train, number, rest, digest == zlib.crc32(sign + train + struct.pack("!H", number) + rest))


class Seen:
    """The packets of one train that arrived here."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.last = -1
        self.repeated = self.late = self.broken = 0

    def add(self, packet: Packet) -> None:
        """Count a packet."""
        if not packet.whole:
            self.broken += 1
            return
        if packet.number in self.numbers:
            self.repeated += 1
        elif packet.number < self.last:
            self.late += 1
        self.numbers.add(packet.number)
        self.last = max(self.last, packet.number)


class Answerer:
    """Answers the trains of a run, and counts what arrives of each."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.trains: dict[bytes, Seen] = {}

    def answer(self, data: bytes, received: float) -> bytes | None:
        """The answer to a packet that arrived at this time; None for anything else, and for a broken packet.

        The answer is as long as the question, so that both directions carry the same; to a burst it is short.
        """
        packet = parse(self.run, data)
        if packet is None or packet.sign not in (ASK, BURST):
            return None
        seen = self.trains.get(packet.train)
        if seen is None:
            if not packet.whole:
                return None
            if len(self.trains) >= TRAINS:
                del self.trains[next(iter(self.trains))]
            seen = self.trains[packet.train] = Seen()
        seen.add(packet)
        if not packet.whole:
            return None
        body = BODY.pack(received, time.time(), len(seen.numbers), seen.repeated, seen.late, seen.broken)
        return build(self.run, ANSWER, packet.train, packet.number, body, len(data) if packet.sign == ASK else 0)


class _Train:
    """One train at its sender."""

    def __init__(self, run: str, request: shapes.TrainRequest) -> None:
        self.run = run
        self.icmp = request["kind"] == "icmp"
        self.name = os.urandom(8)
        self.ident = struct.unpack("!H", self.name[:2])[0]
        self.address = request["address"]
        self.packets = request["packets"]
        self.family = sockets.family_of(self.address)
        self.headers = HEADERS6 if self.family == socket.AF_INET6 else HEADERS
        self.sizes: dict[int, int] = {}  # number of a packet -> its size
        self.sent: dict[int, float] = {}
        self.bursts: dict[int, int] = {}  # number of a packet -> its burst
        self.trips: dict[int, float] = {}  # number -> round trip in seconds
        self.arrivals: dict[int, float] = {}  # number -> when the peer received it, by the peer's clock
        self.there = Seen()  # answers that came back
        self.counts = [0, 0, 0, 0]  # arrived, repeated, late, broken at the peer
        self.late = self.dwell = 0.0
        self.error = self.source = ""
        self.mtu = 0
        self.channel = self._open(request)

    def _open(self, request: shapes.TrainRequest) -> socket.socket | None:
        kind, protocol = (socket.SOCK_RAW, socket.IPPROTO_ICMP) if self.icmp else (socket.SOCK_DGRAM, 0)
        channel = socket.socket(self.family, kind, protocol)
        try:
            channel.setblocking(False)
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WANTED_ROOM)
            stamped(channel)
            channel.connect((self.address, request.get("port", 0)))
            self.source = channel.getsockname()[0]
            if self.family == socket.AF_INET6:
                channel.setsockopt(socket.IPPROTO_IPV6, MTU_DISCOVER6, MTU_PROBE)
                self.mtu = channel.getsockopt(socket.IPPROTO_IPV6, MTU6)
            else:
                channel.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, MTU_PROBE)
                self.mtu = channel.getsockopt(socket.IPPROTO_IP, MTU)
        except OSError as error:
            channel.close()
            self.error = sockets.reason(error)
            return None
        self.mtu = min(self.mtu, LARGEST)
        return channel

    def times(self, position: int, trains: int) -> list[tuple[float, int, int, int]]:
        """(time in seconds, number, size in bytes, burst or -1) of each packet, for this train of all these."""
        first = INTERVAL * position / trains
        if self.icmp:
            step = INTERVAL * len(SIZES)
            return [(first + number * step, number, SMALL, -1) for number in range(self.packets // len(SIZES))]
        rows = [
            (first + number * INTERVAL, number, SIZES[number % len(SIZES)] or self.mtu, -1)
            for number in range(self.packets)
        ]
        for burst in range(BURSTS):
            start = INTERVAL * self.packets + (burst * trains + position) * BURST_PAUSE
            number = self.packets + burst * IN_BURST
            rows += [(start, number + place, self.mtu, burst) for place in range(IN_BURST)]
        return rows

    def send(self, number: int, size: int, burst: int, planned: float) -> None:
        """Send a packet; its size includes the headers."""
        if self.channel is None:
            return
        now = time.time()
        self.late = max(self.late, now - planned)
        if burst < 0:
            self.sizes[number] = size
        else:
            self.bursts[number] = burst
        self.sent[number] = now
        if self.icmp:
            payload = build(self.run, ASK, self.name, number, b"", size - self.headers)
            data = sockets.echo_request(self.ident, number, payload)
        else:
            data = build(self.run, ASK if burst < 0 else BURST, self.name, number, b"", size - self.headers)
        try:
            self.channel.send(data)
        except OSError as error:
            self.error = sockets.reason(error)

    def take(self) -> None:
        """Read what has come back."""
        while self.channel is not None:
            try:
                data, when, _sender = receive(self.channel)
            except BlockingIOError:
                return
            except OSError as error:
                self.error = sockets.reason(error)  # of an ICMP error, which belongs to an earlier packet
                continue
            if self.icmp:
                data = self._echoed(data)
            packet = parse(self.run, data)
            if packet is not None and packet.train == self.name and packet.sign != BURST:
                self._answered(packet, when)

    def _echoed(self, data: bytes) -> bytes:
        start = (data[0] & 0xF) * 4 if data else 0
        return data[start + 8 :] if data[start : start + 1] == bytes([sockets.ICMP_REPLY]) else b""

    def _answered(self, packet: Packet, when: float) -> None:
        known = packet.number in self.there.numbers
        self.there.add(packet)
        if known or not packet.whole or packet.number not in self.sent:
            return
        spent = 0.0
        if not self.icmp:
            if len(packet.rest) < BODY.size:
                return
            received, answered, *counts = BODY.unpack_from(packet.rest)
            spent = answered - received
            self.dwell = max(self.dwell, spent)
            self.arrivals[packet.number] = received
            if packet.number in self.sizes:  # bursts follow, and are counted apart
                self.counts = [max(pair) for pair in zip(self.counts, counts)]
        self.trips[packet.number] = max(0.0, when - self.sent[packet.number] - spent)

    @property
    def done(self) -> bool:
        """Whether every packet was answered."""
        return len(self.trips) >= len(self.sent)

    def told(self) -> shapes.Train:
        """The result."""
        paced = sorted(self.sizes)
        back = [number for number in paced if number in self.trips]
        arrived, repeated, late, broken = self.counts
        told: shapes.Train = {
            "sent": len(paced),
            "bytes": sum(self.sizes.values()) + len(self.bursts) * self.mtu,
            "packets": len(self.sent),
            "answered": len(back),
            "arrived": len(back) if self.icmp else arrived,
            "repeated": repeated + self.there.repeated,
            "reordered": late + self.there.late,
            "corrupt": broken + self.there.broken,
            "gap": _longest_gap(paced, set(back)),
            "sizes": _by_size(self.sizes, set(back)),
            "mtu": self.mtu,
            "late_ms": round(self.late * 1000),
            "dwell_ms": round(self.dwell * 1000),
        }
        trips = sorted(self.trips[number] for number in back)
        if trips:
            told["delay_ms"] = [round(trips[_place(len(trips), share)] * 1000, 2) for share in (0, 0.5, 0.9, 1)]
        rate = max((_rate(self.arrivals, self.bursts, burst, self.mtu) or 0.0 for burst in range(BURSTS)), default=0.0)
        if rate:
            told["mbit"] = round(rate, 1)
        if self.error and not back:
            told["error"] = self.error
        if self.source:
            told["source"] = self.source
        return told


def _place(length: int, share: float) -> int:
    return min(length - 1, int(length * share))


def _longest_gap(numbers: list[int], back: set[int]) -> int:
    """The most packets in a row that were not answered."""
    worst = now = 0
    for number in numbers:
        now = 0 if number in back else now + 1
        worst = max(worst, now)
    return worst


def _by_size(sizes: dict[int, int], back: set[int]) -> dict[str, list[int]]:
    """Size in bytes -> [sent, answered]."""
    found: dict[str, list[int]] = {}
    for number, size in sizes.items():
        row = found.setdefault(str(size), [0, 0])
        row[0] += 1
        row[1] += number in back
    return found


def _rate(arrivals: dict[int, float], bursts: dict[int, int], burst: int, size: int) -> float | None:
    """The Mbit/s at which the packets of a burst arrived; None when fewer than half of them did.

    The usual gap between two packets counts. A sender that lost its processor within the burst makes one long gap.
    """
    times = sorted(arrivals[number] for number, mine in bursts.items() if mine == burst and number in arrivals)
    if len(times) < IN_BURST // 2:
        return None
    gap = statistics.median(later - sooner for sooner, later in zip(times, times[1:]))
    return size * 8 / gap / 1e6 if gap > 0 else None


def perform(run: str, requests: list[shapes.TrainRequest], wait: float) -> dict[str, shapes.Train]:
    """Send all trains side by side from this namespace. Returns their results by the requests' ids.

    ``wait``: seconds for the last answers.
    """
    trains = [_Train(run, request) for request in requests]
    try:
        _drive(trains, wait)
    finally:
        for train in trains:
            if train.channel is not None:
                train.channel.close()
    return {request["id"]: train.told() for request, train in zip(requests, trains)}


def _drive(trains: list[_Train], wait: float) -> None:
    """Send each packet at its time, and read answers in between."""
    plan = sorted(
        (moment, position, number, size, burst)
        for position, train in enumerate(trains)
        for moment, number, size, burst in train.times(position, len(trains))
    )
    start = time.time()
    with selectors.DefaultSelector() as selector:
        for train in trains:
            if train.channel is not None:
                selector.register(train.channel, selectors.EVENT_READ, train)
        for moment, position, number, size, burst in plan:
            _read_until(selector, start + moment)
            trains[position].send(number, size, burst, start + moment)
        deadline = time.time() + wait
        while time.time() < deadline and not all(train.done for train in trains):
            _read_until(selector, min(deadline, time.time() + 0.05))


def _read_until(selector: selectors.BaseSelector, moment: float) -> None:
    """Read what comes back until this moment, at least what is there already."""
    while True:
        left = moment - time.time()
        if selector.get_map():
            for key, _unused in selector.select(max(0.0, left)):
                key.data.take()
        elif left > 0:
            time.sleep(left)
        if time.time() >= moment:
            return
