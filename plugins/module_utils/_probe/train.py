# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the quality of paths: trains of numbered UDP or ICMP packets of several sizes, all paths at once.

Private to swarmlab.overlay. Standard library only. A helper on the other node answers each packet (``Answerer``). The
kernels stamp what arrives, and the answer carries the time that it spent there. So a round trip is the network's own,
however late the two processes are; how late they were is told beside it.

A request is {"id", "kind": "udp" | "icmp", "address", "port" (UDP only), "packets": number, "plain": no bursts,
"most": bytes, "patience": seconds}. The packets of the train have a random id and a checksum of their own, because raw
sockets receive packets whose UDP checksum is wrong.
"""

from __future__ import annotations

import heapq
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
BODY = struct.Struct("!ddIHHH")  # received, answered, who answers, then the counts of ``Seen``; in answers only
INTERVAL = 0.02  # seconds between two packets of a train, on average
CLOSE = 0.008  # seconds between two packets of a group, one of each size: what is late by as little is overtaken
SIZES = (100, 600, 0)  # bytes of a packet with its IP header; 0: the path's MTU
SMALL = 100  # bytes of an ICMP packet
LARGEST = 9000  # bytes: jumbo frames; a larger MTU is that of a device without a wire
WINDOW = 10  # packets of a train that may lack an answer; a slow helper slows its askers down
OVERDUE = 1.0  # seconds after which a packet without an answer counts as lost, and holds up none that follow
LONGEST = 6.0  # seconds for the packets of all trains; a slow node sends fewer
BURSTS, IN_BURST = 2, 10  # packets sent at once tell how many bits a path carries in a second
BURST_PAUSE = 0.02  # seconds between two bursts
STRETCHED = 3  # times as far apart as they were sent: then it is the path that sets the pace of a burst
LATE = 1000  # milliseconds: a process that was so late proves no loss
STALL = 250  # milliseconds: a process that was later did not run for a while
TRIES, AGAIN = 3, 20.0  # times that a train without such a proof is sent, begun within so many seconds
SETTLED = 0.005  # seconds between two packets, at both ends, from which on one that overtakes the other is out of order
TIMESTAMP = 35  # SO_TIMESTAMPNS, asm-generic/socket.h
STAMP = struct.Struct("@ll")
MTU_DISCOVER, MTU, MTU_PROBE, MTU_DONT = 10, 14, 3, 0  # IP_MTU_DISCOVER, IP_MTU, IP_PMTUDISC_PROBE, IP_PMTUDISC_DONT
MTU_DISCOVER6, MTU6 = 23, 24
HEADERS, HEADERS6 = 28, 48  # bytes of IP and UDP
RECEIVED = 65535
KNOCK = 0.25  # seconds between two questions whether a way is set up, at most
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


def mark(name: str) -> int:
    """A node's name as answers carry it."""
    return zlib.crc32(name.encode())


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
        self.repeated = self.broken = 0

    def add(self, packet: Packet) -> None:
        """Count a packet."""
        if not packet.whole:
            self.broken += 1
            return
        if packet.number in self.numbers:
            self.repeated += 1
        self.numbers.add(packet.number)


class Answerer:
    """Answers the trains of a run for the node ``name``, and counts what arrives of each."""

    def __init__(self, run: str, name: str) -> None:
        self.run = run
        self.mark = mark(name)
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
        body = BODY.pack(received, time.time(), self.mark, len(seen.numbers), seen.repeated, seen.broken)
        return build(self.run, ANSWER, packet.train, packet.number, body, len(data) if packet.sign == ASK else 0)


class _Train:
    """One train at its sender."""

    def __init__(self, run: str, request: shapes.TrainRequest) -> None:
        self.run = run
        self.icmp = request["kind"] == "icmp"
        self.in_bursts = not self.icmp and not request.get("plain", False)
        self.name, self.knocker = os.urandom(8), os.urandom(8)
        self.patience = request.get("patience", 0.0)
        self.knocks, self.is_open = 0, False
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
        self.places: dict[int, int] = {}  # number -> how many of the train the peer had by then
        self.there = Seen()  # answers that came back
        self.counts = [0, 0, 0]  # arrived, repeated, broken at the peer
        self.late = self.dwell = 0.0
        self.error = self.source = ""
        self.mtu = 0
        self.who: int | None = None
        self.channel = self._open(request)

    def _open(self, request: shapes.TrainRequest) -> socket.socket | None:
        kind, protocol = (socket.SOCK_RAW, socket.IPPROTO_ICMP) if self.icmp else (socket.SOCK_DGRAM, 0)
        channel = socket.socket(self.family, kind, protocol)
        try:
            channel.setblocking(False)
            sockets.with_room(channel)
            stamped(channel)
            channel.connect((self.address, request.get("port", 0)))
            self.source = channel.getsockname()[0]
            if self.family == socket.AF_INET6:
                channel.setsockopt(socket.IPPROTO_IPV6, MTU_DISCOVER6, MTU_PROBE)
                self.mtu = channel.getsockopt(socket.IPPROTO_IPV6, MTU6)
            else:
                # An error "fragmentation needed" would be about the way behind a published port, and this kernel would use what it
                # learned for the tunnel to the same node too: nothing of full size would pass there for ten minutes.
                way = MTU_DONT if "most" in request else MTU_PROBE
                channel.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, way)
                self.mtu = channel.getsockopt(socket.IPPROTO_IP, MTU)
        except OSError as error:
            channel.close()
            self.error = sockets.reason(error)
            return None
        self.mtu = min(self.mtu, request.get("most", LARGEST))
        return channel

    @property
    def paced(self) -> list[int]:
        """The size in bytes of each packet that is sent at the train's pace."""
        if self.icmp:
            return [SMALL] * (self.packets // len(SIZES))
        return [SIZES[number % len(SIZES)] or self.mtu for number in range(self.packets)]

    @property
    def pace(self) -> float:
        """Seconds between two of them, on average."""
        return INTERVAL * len(SIZES) if self.icmp else INTERVAL

    def pause(self, number: int) -> float:
        """Seconds between a packet and the next one: little within a group, more between two groups."""
        if self.icmp:
            return self.pace
        return CLOSE if (number + 1) % len(SIZES) else len(SIZES) * INTERVAL - (len(SIZES) - 1) * CLOSE

    def is_full(self, now: float) -> bool:
        """Whether so many packets wait for their answers that the next one waits too."""
        young = [number for number, when in self.sent.items() if now - when < OVERDUE]
        return len([number for number in young if number not in self.trips]) >= WINDOW

    def send(self, number: int, size: int, burst: int = -1) -> None:
        """Send a packet; its size includes the headers. ``burst``: -1 for a packet at the train's pace."""
        if self.channel is None:
            return
        now = time.time()
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
        self._put(data)

    def knock(self) -> None:
        """Ask whether the way is set up; not a packet of the train."""
        self._put(build(self.run, ASK, self.knocker, self.knocks, b"", SMALL - self.headers))
        self.knocks += 1

    def _put(self, data: bytes) -> None:
        if self.channel is None:
            return
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
            if packet is None or packet.sign == BURST:
                continue
            if packet.train == self.name:
                self._answered(packet, when)
            elif packet.train == self.knocker:
                self.is_open = True

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
            received, answered, self.who, *counts = BODY.unpack_from(packet.rest)
            spent = answered - received
            self.dwell = max(self.dwell, spent)
            self.arrivals[packet.number] = received
            self.places[packet.number] = counts[0]
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
        arrived, repeated, broken = self.counts
        told: shapes.Train = {
            "sent": len(paced),
            "bytes": sum(self.sizes.values()) + len(self.bursts) * self.mtu + self.knocks * SMALL,
            "packets": len(self.sent) + self.knocks,
            "answered": len(back),
            "arrived": len(back) if self.icmp else arrived,
            "repeated": repeated + self.there.repeated,
            "reordered": _overtaken(
                [
                    (self.sent[number], self.places[number], self.arrivals[number])
                    for number in paced
                    if number in self.places
                ]
            ),
            "corrupt": broken + self.there.broken,
            "gap": _longest_gap(paced, set(back)),
            "sizes": _by_size(self.sizes, set(back)),
            "mtu": self.mtu,
            "late_ms": round(self.late * 1000),
            "dwell_ms": round(self.dwell * 1000),
        }
        if back:
            told["delay_ms"] = spread(self.trips[number] for number in back)
        rates = [_rate(self, burst) for burst in range(BURSTS)]
        if None not in rates:
            told["mbit"] = round(max(rate for rate in rates if rate is not None), 2)
        if self.error and not back:
            told["error"] = self.error
        if self.source:
            told["source"] = self.source
        if self.who is not None:
            told["who"] = self.who
        return told


def spread(trips: t.Iterable[float]) -> list[float]:
    """Of round trips in seconds the least, the middle one, that of nine in ten, and the worst, in milliseconds; nothing without any."""
    rows = sorted(trips)
    return [round(rows[_place(len(rows), share)] * 1000, 2) for share in (0, 0.5, 0.9, 1)] if rows else []


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


def _overtaken(rows: list[tuple[float, int, float]]) -> int:
    """Packets that arrived well before one that had been sent well before them.

    A row is when a packet was sent, its place among those that the peer had, and when the peer's kernel had it. The
    clock alone tells no order, as it may be set meanwhile. The place alone does not either: what arrived while a
    machine had no processor is taken out of its queues at once, and in any order.
    """
    return sum(
        any(
            when - SETTLED > before and place < earlier and arrived < since - SETTLED
            for before, earlier, since in rows[:index]
        )
        for index, (when, place, arrived) in enumerate(rows)
    )


def _rate(train: _Train, burst: int) -> float | None:
    """The Mbit/s at which the packets of a burst arrived; None unless it is the path that set this pace.

    The usual gap between two packets counts. A process that loses its processor makes one long gap, and a slow one
    sends no faster than its packets arrive.
    """
    mine = sorted(number for number, of in train.bursts.items() if of == burst and number in train.arrivals)
    if len(mine) < IN_BURST // 2:
        return None
    sent, arrived = (_gap([times[number] for number in mine]) for times in (train.sent, train.arrivals))
    return train.mtu * 8 / arrived / 1e6 if arrived > STRETCHED * sent and arrived > 0 else None


def _gap(times: list[float]) -> float:
    """The usual gap between two moments, in seconds."""
    ordered = sorted(times)
    return statistics.median(later - sooner for sooner, later in zip(ordered, ordered[1:]))


def is_starved(told: t.Mapping[str, t.Any]) -> bool:
    """Whether answers lack, and a process at one of the ends was too late for that to prove a loss.

    What went in a row while a process stood still for as long may have been lost to that.
    """
    lost, late = told["sent"] - told["answered"], max(told["late_ms"], told["dwell_ms"])
    in_a_stall = late > STALL and 2 * told["gap"] >= lost and 1000 * INTERVAL * told["gap"] <= late
    return bool(lost > 0 and (late > LATE or in_a_stall))


def is_busy(found: t.Mapping[str, shapes.Train]) -> bool:
    """Whether a process at an end of one of these trains was so late that a question of the same time may have got no answer for it."""
    return any(max(told["late_ms"], told["dwell_ms"]) > LATE / 2 for told in found.values())


def perform(run: str, requests: list[shapes.TrainRequest], wait: float) -> dict[str, shapes.Train]:
    """Send all trains side by side from this namespace. Returns their results by the requests' ids.

    A machine that has no processor for a moment has one a moment later: what a late process leaves open is sent again,
    unless the kernel gave an error. ``wait``: seconds for the last answers.
    """
    found = _send(run, requests, wait)
    deadline = time.monotonic() + AGAIN
    for _more in range(TRIES - 1):
        left = [row for row in requests if is_starved(found[row["id"]]) and not found[row["id"]].get("error")]
        if not left or time.monotonic() > deadline:
            break
        for ident, told in _send(run, left, wait).items():
            if not is_starved(told) or told["answered"] > found[ident]["answered"]:
                found[ident] = told
    return found


def _send(run: str, requests: list[shapes.TrainRequest], wait: float) -> dict[str, shapes.Train]:
    """Send them once."""
    trains = [_Train(run, request) for request in requests]
    try:
        _drive(trains, wait)
    finally:
        for train in trains:
            if train.channel is not None:
                train.channel.close()
    return {request["id"]: train.told() for request, train in zip(requests, trains)}


def _drive(trains: list[_Train], wait: float) -> None:
    """Send what each train sends, and read answers in between."""
    with selectors.DefaultSelector() as selector:
        for train in trains:
            if train.channel is not None:
                selector.register(train.channel, selectors.EVENT_READ, train)
        _knock(trains, selector)
        _pace(trains, selector)
        for burst in range(BURSTS):
            for train in trains:
                if train.in_bursts:
                    _read_until(selector, time.time() + BURST_PAUSE)
                    first = train.packets + burst * IN_BURST
                    for place in range(IN_BURST):
                        train.send(first + place, train.mtu, burst)
        deadline = time.time() + wait
        while time.time() < deadline and not all(train.done for train in trains):
            _read_until(selector, min(deadline, time.time() + 0.05))
        _read_until(selector, time.time())  # what came while this process had no processor


def _knock(trains: list[_Train], selector: selectors.BaseSelector) -> None:
    """Wait until the ways are set up of which engines may still be setting up the last part: what they lose until then tells nothing."""
    start, pause = time.time(), INTERVAL
    while True:
        spent = time.time() - start
        waiting = [train for train in trains if train.channel and not train.is_open and spent < train.patience]
        if not waiting:
            return
        for train in waiting:
            train.knock()
        _read_until(selector, time.time() + pause)
        pause = min(KNOCK, 2 * pause)


def _pace(trains: list[_Train], selector: selectors.BaseSelector) -> None:
    """Send the packets of all trains side by side, each train at its pace or as fast as its helper answers."""
    start = time.time()
    turns = [(start + INTERVAL * place / len(trains), place, 0) for place in range(len(trains))]
    heapq.heapify(turns)
    while turns and time.time() - start < LONGEST:
        moment, place, number = heapq.heappop(turns)
        _read_until(selector, moment)
        train, now = trains[place], time.time()
        if train.is_full(now):
            heapq.heappush(turns, (now + train.pace, place, number))
            continue
        train.late = max(train.late, now - moment)
        train.send(number, train.paced[number])
        if number + 1 < len(train.paced):
            pause = train.pause(number)
            heapq.heappush(turns, (max(moment, now - pause) + pause, place, number + 1))


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
