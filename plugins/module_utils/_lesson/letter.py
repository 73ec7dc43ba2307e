# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A letter from every node to every other: over an open overlay and over a sealed one, while the node's own wire is watched.

Private to swarmlab.overlay. Standard library only. Only frames that leave are kept, because decrypted ones come by once more inbound.
What is kept of them are frames with the letter's own words, and the beginning of encrypted ones.
"""

from __future__ import annotations

import socket
import struct
import time

from .._engine.client import Engine
from .._probe import netns, wire, work
from .._probe import shapes as probed
from .._terms import LESSON_LABEL
from . import look, shapes

PORT = 9  # discard: nobody needs to answer
TIMES, EVERY = 5, 0.25
AFTER = 0.75  # seconds that the wire is watched after the last word
SENDING = 30.0  # seconds at most until everything is sent: a busy node starts a process late
# Seconds that an answer may take. A lost record comes again within two exchanges: memberlist's of who is in a network, then networkdb's of
# what each has there, each every 30 s (memberlist PushPullInterval, networkdb bulkSyncInterval).
ANSWER = 75.0
CLEAR_BYTES = 144


def words(run: str, network: str) -> str:
    """What the letter says on a network, to be found again on the wire. Pure."""
    return f"[swarmlab {run} {network}] o que esta escrito aqui qualquer um le / anyone can read what is written here"


def write(engine: Engine, run: str, name: str, post: shapes.Post) -> shapes.Letter | None:
    """Write to the others, and keep what left. None where no task of the service runs."""
    namespace = next(
        (
            row["NetworkSettings"]["SandboxKey"]
            for row in (engine.inspect_container(found["Id"]) for found in engine.containers({"label": LESSON_LABEL}))
            if row["Config"]["Labels"].get(look.SERVICE_NAME) == post["service"]
        ),
        None,
    )
    if not namespace:
        return None
    # Gossip may still be on its way to a task that has just started: who answers has been told of.
    answered = netns.call(namespace, lambda: _answered(run, name, post), 2 * ANSWER + 5)
    with wire.listener(post["port"]) as channel:
        channel.settimeout(0.1)
        sending = netns.begin(namespace, lambda: _send(run, post))
        seen = _Seen(run, post)
        _watch(channel, sending, seen)
        dummy, lost = struct.unpack("II", channel.getsockopt(wire.SOL_PACKET, wire.PACKET_STATISTICS, 8))
    return {**seen.letter, "answered": answered, "lost": lost}


def _watch(channel: socket.socket, sending: netns.Call[None], seen: _Seen) -> None:
    """Take what leaves while the words are sent, however late their process begins, and a little longer."""
    deadline = time.monotonic() + SENDING
    while not netns.ended(sending) and time.monotonic() < deadline:
        seen.take(channel)
    netns.finish(sending, EVERY)
    last = time.monotonic() + AFTER
    while time.monotonic() < last:
        seen.take(channel)


def _send(run: str, post: shapes.Post) -> None:
    """Send the words."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        for dummy in range(TIMES):
            for network in post["networks"]:
                for addresses in post["to"].values():
                    _post(channel, words(run, network), addresses.get(network))
            time.sleep(EVERY)


def _answered(run: str, name: str, post: shapes.Post) -> dict[str, list[str]]:
    """Who answers on the open network."""
    opened = next(iter(post["networks"]))
    requests: list[probed.Request] = [
        {"id": node, "kind": "icmp", "address": addresses[opened], "network": opened, "node": node, "patience": ANSWER}
        for node, addresses in post["to"].items()
        if opened in addresses
    ]
    seen = work.perform(requests, work.Setting(run, name, 1.0))
    return {opened: sorted(node for node, answer in seen.items() if answer["ok"])}


def _post(channel: socket.socket, text: str, address: str | None) -> None:
    if address:
        try:
            channel.sendto(text.encode("ascii"), (address, PORT))
        except OSError:
            return  # no way there: the wire shows that nothing left


class _Seen:
    """What has left so far."""

    def __init__(self, run: str, post: shapes.Post) -> None:
        self.port = post["port"]
        self.words = {network: words(run, network).encode("ascii") for network in post["networks"]}
        self.letter: shapes.Letter = {
            "words": words(run, next(iter(post["networks"]))),
            "clear": dict.fromkeys(post["networks"], 0),
            "esp": {},
            "answered": {},
            "frames": [],
            "lost": 0,
        }

    def take(self, channel: socket.socket) -> None:
        """Take one frame, if one comes."""
        try:
            packet, address = channel.recvfrom(2048)
        except socket.timeout:
            return
        if address[2] == wire.PACKET_OUTGOING:
            self.add(packet)

    def add(self, packet: bytes) -> None:
        """Count a frame, and keep the first of each kind."""
        facts = wire.parse(packet, self.port)
        if isinstance(facts, wire.Esp):
            self.letter["esp"][facts.target] = self.letter["esp"].get(facts.target, 0) + 1
            self._keep("esp", facts, packet[: wire.ESP_BYTES])
        elif isinstance(facts, wire.Inner):
            for network, text in self.words.items():
                if text in facts.content:
                    self.letter["clear"][network] += 1
                    self._keep(network, facts, packet[:CLEAR_BYTES])

    def _keep(self, kind: str, facts: wire.Esp | wire.Inner, packet: bytes) -> None:
        if not any(frame["kind"] == kind for frame in self.letter["frames"]):
            self.letter["frames"].append(
                {"source": facts.source, "target": facts.target, "kind": kind, "bytes": packet.hex()}
            )
