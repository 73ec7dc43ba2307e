# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The segment of a lab's virtual machines: a learning switch in one small process, with faults on its links.

Private to the collection swarmlab.overlay. It runs as its own process (started by ``segment``) in the lab's folder
``segment``, as the user who created the lab, with the standard library only. Every fault has a time limit and ends
with this process at the latest.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
import itertools
import json
import os
import random
import re
import selectors
import signal
import socket
import time
import typing as t

DATA = "switch"
CONTROL = "control"
PORT_NAME = re.compile(r"vm[0-9]+$")
FRAME_BYTES = 65536
QUEUE_FRAMES = 2000  # frames in a link's queue; further ones are lost, as in any switch
BUFFER_BYTES = 4 << 20
BATCH = 64
REQUEST_BYTES = 1 << 20
MONITOR_SECONDS = 2.0
LIST_LIMIT = 4096  # number of MAC addresses to remember
PORTS_AT = {6: 0, 17: 0}  # TCP and UDP: both start with the source and the destination port


@dataclasses.dataclass(frozen=True)
class Link:
    """A direction of traffic, from nodes to nodes; None stands for every node."""

    source: frozenset[str] | None
    target: frozenset[str] | None

    def carries(self, source: str, target: str) -> bool:
        return (self.source is None or source in self.source) and (self.target is None or target in self.target)


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault of links, or frozen machines, and its end (time.monotonic)."""

    name: str
    until: float
    links: tuple[Link, ...] = ()
    loss: float = 0.0  # share of lost frames
    delay: float = 0.0  # seconds
    jitter: float = 0.0  # seconds, random, in addition to the delay
    protocol: int | None = None  # IP protocol; None: every frame
    port: int | None = None  # UDP or TCP port, source or destination
    frozen: tuple[str, ...] = ()

    def affects(self, source: str, target: str, packet: tuple[int, tuple[int, ...]] | None) -> bool:
        if self.protocol is not None:
            if packet is None or packet[0] != self.protocol:
                return False
            if self.port is not None and self.port not in packet[1]:
                return False
        return any(link.carries(source, target) for link in self.links)


def parse_fault(content: t.Mapping[str, t.Any], now: float) -> Fault:
    """Parse a fault from the controller (see ``faults``).

    Raises ValueError, TypeError or KeyError when it is invalid.
    """
    links = [Link(*(None if side is None else frozenset(side) for side in link)) for link in content.get("links", [])]
    return Fault(
        name=str(content["name"]),
        until=now + float(content["seconds"]),
        links=tuple(links),
        loss=float(content.get("loss", 0)),
        delay=float(content.get("delay", 0)),
        jitter=float(content.get("jitter", 0)),
        protocol=content.get("protocol"),
        port=content.get("port"),
        frozen=tuple(name for name in content.get("frozen", []) if PORT_NAME.match(name)),
    )


def look_into(frame: bytes) -> tuple[int, tuple[int, ...]] | None:
    """Protocol and ports of an IP packet in an Ethernet frame; None for any other frame."""
    if len(frame) >= 54 and frame[12:14] == b"\x86\xdd":
        return _ports(frame[20], frame, 54)
    if len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return None
    protocol = frame[23]
    start = 14 + 4 * (frame[14] & 15)
    fragment = int.from_bytes(frame[20:22], "big") & 0x1FFF
    return (protocol, ()) if fragment else _ports(protocol, frame, start)


def _ports(protocol: int, frame: bytes, start: int) -> tuple[int, tuple[int, ...]]:
    """The protocol with the ports that follow the IP header, which ends at ``start``."""
    if protocol not in PORTS_AT or len(frame) < start + 4:
        return protocol, ()
    return protocol, (
        int.from_bytes(frame[start : start + 2], "big"),
        int.from_bytes(frame[start + 2 : start + 4], "big"),
    )


def impairment(
    faults: t.Iterable[Fault], source: str, target: str, frame: bytes, chance: t.Callable[[], float]
) -> float | None:
    """The delay in seconds of a frame on this link; None when it is lost. ``chance`` gives numbers from 0 up to 1."""
    faults = list(faults)
    packet = look_into(frame) if any(fault.protocol is not None for fault in faults) else None
    late = 0.0
    for fault in faults:
        if fault.affects(source, target, packet):
            if fault.loss and chance() < fault.loss:
                return None
            late += fault.delay + (fault.jitter * chance() if fault.jitter else 0)
    return late


@dataclasses.dataclass
class Port:
    """A node's port of the switch."""

    name: str
    out: socket.socket | None = None
    queue: collections.deque[bytes] = dataclasses.field(default_factory=collections.deque)
    received: int = 0
    sent: int = 0
    lost: int = 0


def tell_monitor(node: str, command: str) -> bool:
    """Send one command to a machine's monitor (QMP). Returns whether it was carried out."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as monitor:
        monitor.settimeout(MONITOR_SECONDS)
        try:
            monitor.connect(f"../nodes/{node}/qmp.sock")
            stream = monitor.makefile("rw", encoding="utf-8")
            stream.readline()
            for execute in ("qmp_capabilities", command):
                stream.write(json.dumps({"execute": execute}) + "\n")
                stream.flush()
                answer: dict[str, t.Any] = {}
                while not {"return", "error"} & set(answer):  # events arrive in between
                    answer = json.loads(stream.readline())
            return "return" in answer
        except (OSError, ValueError):
            return False


class Switch:
    """Learns the port of each MAC address, and sends every frame to its port, or to all others."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.ports: dict[str, Port] = {}
        self.places: dict[bytes, str] = {}
        self.faults: dict[str, Fault] = {}
        self.late: list[tuple[float, int, str, bytes]] = []
        self.order = itertools.count()
        self.data = self._bind(DATA, socket.SOCK_DGRAM)
        # The control socket gets its final name only when it listens: clients connect as soon as they find it.
        self.control = self._bind(CONTROL + ".new", socket.SOCK_STREAM)
        self.control.listen(16)
        os.replace(CONTROL + ".new", CONTROL)
        self.selector.register(self.data, selectors.EVENT_READ, self._receive)
        self.selector.register(self.control, selectors.EVENT_READ, self._answer)

    @staticmethod
    def _bind(name: str, kind: int) -> socket.socket:
        if os.path.exists(name):
            os.unlink(name)
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(name)
        listener.setblocking(False)
        return listener

    def run(self) -> None:
        while True:
            for key, dummy in self.selector.select(self._patience()):
                key.data()
            now = time.monotonic()
            while self.late and self.late[0][0] <= now:
                target, frame = heapq.heappop(self.late)[2:]
                self._transmit(self.ports[target], frame)
            for fault in [fault for fault in self.faults.values() if fault.until <= now]:
                self.clear(fault.name)

    def _patience(self) -> float | None:
        """Seconds until the next event is due."""
        times = [fault.until for fault in self.faults.values()] + [entry[0] for entry in self.late[:1]]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _receive(self) -> None:
        for dummy in range(BATCH):
            try:
                frame, sender = self.data.recvfrom(FRAME_BYTES)
            except BlockingIOError:
                return
            name = os.path.basename(sender or "")
            if PORT_NAME.match(name) and len(frame) >= 14:
                self._switch(name, frame)

    def _switch(self, source: str, frame: bytes) -> None:
        self.ports.setdefault(source, Port(source)).received += 1
        target, sender = frame[:6], frame[6:12]
        if not sender[0] & 1:
            if len(self.places) >= LIST_LIMIT:
                self.places.clear()
            self.places[sender] = source
        known = None if target[0] & 1 else self.places.get(target)
        for name in [known] if known else self._plugged_in():
            if name != source:
                self._forward(source, name, frame)

    def _plugged_in(self) -> list[str]:
        """All nodes, also those that have sent nothing yet, since a silent node must receive broadcasts too."""
        for name in os.listdir("."):
            if PORT_NAME.match(name):
                self.ports.setdefault(name, Port(name))
        return list(self.ports)

    def _forward(self, source: str, target: str, frame: bytes) -> None:
        late = impairment(self.faults.values(), source, target, frame, random.random) if self.faults else 0.0
        if late is None:
            self.ports[target].lost += 1
        elif late:
            heapq.heappush(self.late, (time.monotonic() + late, next(self.order), target, frame))
        else:
            self._transmit(self.ports[target], frame)

    def _transmit(self, port: Port, frame: bytes) -> None:
        if len(port.queue) >= QUEUE_FRAMES:
            port.lost += 1
            return
        port.queue.append(frame)
        if len(port.queue) == 1:
            self._flush(port)

    def _flush(self, port: Port) -> None:
        """Send the frames that the port accepts, and the rest when it accepts more."""
        try:
            if port.out is None:
                port.out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                port.out.setblocking(False)
                port.out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
                port.out.connect(port.name)
            while port.queue:
                port.out.send(port.queue[0])
                port.queue.popleft()
                port.sent += 1
        except BlockingIOError:
            if port.out is not None and port.out not in self.selector.get_map():
                self.selector.register(port.out, selectors.EVENT_WRITE, lambda: self._flush(port))
            return
        except OSError:  # the machine is gone, or was restarted
            port.lost += len(port.queue)
            port.queue.clear()
        else:
            if port.out in self.selector.get_map():
                self.selector.unregister(port.out)
            return
        if port.out is not None:
            if port.out in self.selector.get_map():
                self.selector.unregister(port.out)
            port.out.close()
            port.out = None

    def _answer(self) -> None:
        connection = self.control.accept()[0]
        with connection:
            connection.settimeout(MONITOR_SECONDS)
            try:
                request = json.loads(connection.makefile("rb").readline(REQUEST_BYTES))
                answer = self.act(request)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            except OSError:
                return
            try:
                connection.sendall(json.dumps(answer).encode() + b"\n")
            except OSError:
                return

    def act(self, request: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Set the faults in ``set``, end those named in ``clear``, and return the active ones."""
        for name in request.get("clear", []):
            self.clear(name)
        failed = []
        for content in request.get("set", []):
            fault = parse_fault(content, time.monotonic())
            gone = set(self.faults.pop(fault.name, fault).frozen) - set(fault.frozen)
            self.faults[fault.name] = fault
            failed += [node for node in gone if not tell_monitor(node, "cont")]
            failed += [node for node in fault.frozen if not tell_monitor(node, "stop")]
        now = time.monotonic()
        ports = {
            port.name: {"received": port.received, "sent": port.sent, "lost": port.lost} for port in self.ports.values()
        }
        return {
            "faults": {name: fault.until - now for name, fault in self.faults.items()},
            "ports": ports,
            "failed": failed,
        }

    def clear(self, name: str) -> None:
        fault = self.faults.pop(name, None)
        still = {node for other in self.faults.values() for node in other.frozen}
        for node in set(fault.frozen if fault else ()) - still:
            tell_monitor(node, "cont")


def main() -> None:
    switch = Switch()

    def end(number: int, frame: t.Any) -> t.NoReturn:
        for name in list(switch.faults):
            switch.clear(name)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    switch.run()


if __name__ == "__main__":
    main()
