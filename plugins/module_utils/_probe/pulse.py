# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pulse to every other node for as long as a run takes: a small packet now and then, so that a link that goes and comes is seen.

Private to swarmlab.overlay. Standard library only. The helpers at the swarm's ports answer (``ports.py``), as they answer
trains, which take a second or two and go while such a link is up. A pause counts only between two answers: before the
first one the other helper may not be there yet, and after the last one it has ended.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import socket
import time
import typing as t

from . import shapes, sockets, train

INTERVAL = 0.1  # seconds between two packets to a node
SHARE = 0.04  # seconds between two packets to any node: many nodes get fewer each
MOST = 10  # nodes
SIZE = 72  # bytes of a packet with UDP's part
NUMBERS = 1 << 16  # a packet's number has as many values
FEW = 3  # packets: a shorter pause is a loss as any other
PAUSES = 20  # that are told at most


class Beat:
    """The pulse to one node: when each packet was sent, and which were answered."""

    def __init__(self, run: str, address: str, port: int) -> None:
        self.run = run
        self.address = address
        self.name = os.urandom(8)
        self.sent: list[float] = []  # by the monotonic clock
        self.posted: list[float] = []  # by the clock that stamps what arrives
        self.trips: dict[int, float] = {}  # number of a packet -> its round trip in seconds
        self.late = self.dwell = 0.0
        self.channel = socket.socket(sockets.family_of(address), socket.SOCK_DGRAM)
        self.channel.setblocking(False)
        sockets.with_room(self.channel)
        train.stamped(self.channel)
        self.channel.connect((address, port))

    def send(self, moment: float) -> None:
        """Send the next packet, which was due at this moment."""
        number, now = len(self.sent), time.monotonic()
        if number >= NUMBERS:
            return
        self.sent.append(now)
        self.posted.append(time.time())
        self.late = max(self.late, now - moment)
        try:
            self.channel.send(train.build(self.run, train.ASK, self.name, number, b"", SIZE - 8))
        except OSError:
            return  # it counts as lost: the kernel has no way there, or tells of an earlier one that was refused

    def take(self) -> None:
        """Read what has come back."""
        while True:
            try:
                data, when, _sender = train.receive(self.channel)
            except BlockingIOError:
                return
            except OSError:
                continue  # of an ICMP error, which belongs to an earlier packet
            packet = train.parse(self.run, data)
            if packet and packet.whole and packet.train == self.name and packet.sign == train.ANSWER:
                spent = 0.0
                if len(packet.rest) >= train.BODY.size:
                    received, answered = train.BODY.unpack_from(packet.rest)[:2]
                    spent = answered - received
                    self.dwell = max(self.dwell, spent)
                if packet.number < len(self.posted):
                    self.trips.setdefault(packet.number, max(0.0, when - self.posted[packet.number] - spent))

    def told(self) -> shapes.Pulse:
        """The result, between the first answer and the last."""
        first, last = (min(self.trips), max(self.trips)) if self.trips else (0, -1)
        found = pauses(self.sent, self.trips)
        return {
            "address": self.address,
            "packets": len(self.sent),
            "bytes": len(self.sent) * (SIZE + train.HEADERS - 8),
            "sent": last + 1 - first,
            "answered": len(self.trips),
            "seconds": round(self.sent[last] - self.sent[first], 1) if self.trips else 0.0,
            "pauses": sorted(found, key=lambda row: -row[0])[:PAUSES],
            "delay_ms": train.spread(self.trips.values()),
            "late_ms": round(self.late * 1000),
            "dwell_ms": round(self.dwell * 1000),
        }


def pauses(sent: t.Sequence[float], answered: t.Collection[int]) -> list[list[float]]:
    """The pauses between two answers, as [seconds, packets that were lost in it]. ``sent``: when each packet was. Pure."""
    found: list[list[float]] = []
    rows = sorted(answered)
    for before, after in zip(rows, rows[1:]):
        if after - before > FEW:
            found.append([round(sent[after] - sent[before], 2), after - before - 1])
    return found


def serve(
    run: str, port: int, addresses: t.Sequence[str], ready: shapes.Ready, stopped: shapes.Stopped
) -> list[shapes.Pulse]:
    """Send pulses to these addresses until told to stop."""
    beats = _beats(run, port, addresses)
    ready()
    with selectors.DefaultSelector() as selector:
        for beat in beats:
            selector.register(beat.channel, selectors.EVENT_READ, beat)
        interval = max(INTERVAL, SHARE * len(beats))
        due = time.monotonic()
        while not stopped():
            now = time.monotonic()
            if now >= due:
                for beat in beats:
                    beat.send(due)
                due = max(due + interval, now)
            _read(selector, due)
    for beat in beats:
        beat.channel.close()
    return [beat.told() for beat in beats]


def chosen(addresses: t.Iterable[str], own: str, run: str) -> list[str]:
    """At most so many of the addresses: others from every node, and in every run. Pure."""
    return sorted(addresses, key=lambda one: hashlib.sha256(f"{run}/{own}/{one}".encode()).digest())[:MOST]


def _beats(run: str, port: int, addresses: t.Sequence[str]) -> list[Beat]:
    """A beat for each address to which this kernel has a way."""
    found = []
    for address in addresses:
        try:
            found.append(Beat(run, address, port))
        except OSError:
            continue  # the trains tell why
    return found


def _read(selector: selectors.BaseSelector, moment: float) -> None:
    """Read what comes back until this moment."""
    left = max(0.0, moment - time.monotonic())
    if not selector.get_map():
        time.sleep(left)
        return
    for key, _unused in selector.select(left):
        key.data.take()
