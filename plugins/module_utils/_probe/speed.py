# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a path over TCP: throughput, counted by the receiver, and round-trip times.

Private to swarmlab.overlay. Standard library only. A client sends ``CANARY mode``; the server answers ``CANARY
name``, which identifies the measured node behind a virtual IP too. Measurements run one at a time, because they would
share the wire.
"""

from __future__ import annotations

import json
import socket
import statistics
import time

from . import shapes, sockets

PORT = sockets.PORT + 1
STREAM, ECHO = b"stream", b"echo"
BLOCK = 65536
MESSAGE = 64
ROUNDS = 2000
ROUNDS_SECONDS = 0.5  # maximum
PATIENCE = 5.0  # seconds of silence after which either side ends


def serve(run: str, name: str, address: str, ready: shapes.Ready, stopped: shapes.Stopped) -> None:
    """Serve measurements of this run at the address until told to stop."""
    with socket.socket(sockets.family_of(address), socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        listener.listen(16)
        listener.settimeout(0.2)
        ready()
        while not stopped():
            try:
                channel = listener.accept()[0]
            except socket.timeout:
                continue
            with channel:
                try:
                    _serve(run, name, channel, stopped)
                except OSError:
                    # The client went away or fell silent; the client reports it.
                    continue


def _serve(run: str, name: str, channel: socket.socket, stopped: shapes.Stopped) -> None:
    channel.settimeout(PATIENCE)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    words = sockets.read_line(channel).split()
    if len(words) != 2 or words[0] != sockets.canary(run):
        return
    channel.sendall(b"%s %s\n" % (sockets.canary(run), name.encode()))
    if words[1] == ECHO:
        while not stopped():
            message = channel.recv(MESSAGE)
            if not message:
                return
            channel.sendall(message)
    elif words[1] == STREAM:
        channel.sendall(json.dumps(_count(channel, stopped)).encode() + b"\n")


def _count(channel: socket.socket, stopped: shapes.Stopped) -> tuple[int, float]:
    """(bytes, seconds) from the first to the last bytes."""
    buffer = bytearray(4 * BLOCK)
    total, first, last = 0, 0.0, 0.0
    while not stopped():
        got = channel.recv_into(buffer)
        if not got:
            break
        last = time.monotonic()
        first = first or last
        total += got
    return total, last - first


def measure(run: str, target: str, addresses: list[str], seconds: float, once: float) -> shapes.Speed | shapes.Unread:
    """``mbit`` and ``latency_ms`` to the target, at the first address where it answers; else ``error``.

    ``seconds`` is the length of a stream, ``once`` the limit for one connection.
    """
    try:
        with _connect(run, ECHO, target, addresses, once) as channel:
            trips = _round_trips(channel, min(seconds, ROUNDS_SECONDS))
        with _connect(run, STREAM, target, addresses, once) as channel:
            total, took = _stream(channel, seconds)
    except OSError as error:
        return {"error": sockets.reason(error)}
    if not trips or took <= 0:
        return {"error": "too little arrived to be measured"}
    return {"mbit": round(total * 8 / took / 1e6, 1), "latency_ms": round(statistics.median(trips) * 1000, 3)}


def _connect(run: str, mode: bytes, target: str, addresses: list[str], once: float) -> socket.socket:
    """A connection that the target itself answered."""
    problem = OSError(f"no address is known for {target}")
    for address in addresses:
        try:
            channel = socket.create_connection((address, PORT), timeout=once)
        except OSError as error:
            problem = error
            continue
        try:
            channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel.sendall(b"%s %s\n" % (sockets.canary(run), mode))
            words = sockets.read_line(channel).split()
        except OSError as error:
            channel.close()
            problem = error
            continue
        if words == [sockets.canary(run), target.encode()]:
            channel.settimeout(PATIENCE)
            return channel
        channel.close()
        problem = OSError(f"{target} does not answer there")
    raise problem


def _round_trips(channel: socket.socket, seconds: float) -> list[float]:
    message = bytes(MESSAGE)
    trips: list[float] = []
    end = time.monotonic() + seconds
    while len(trips) < ROUNDS and time.monotonic() < end:
        began = time.monotonic()
        channel.sendall(message)
        left = MESSAGE
        while left:
            got = len(channel.recv(left))
            if not got:
                return trips
            left -= got
        trips.append(time.monotonic() - began)
    return trips


def _stream(channel: socket.socket, seconds: float) -> tuple[int, float]:
    """(bytes, seconds) as counted by the receiver."""
    block = bytes(BLOCK)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        channel.sendall(block)
    channel.shutdown(socket.SHUT_WR)
    try:
        total, took = json.loads(sockets.read_line(channel).decode("ascii", "replace"))
    except ValueError:
        return 0, 0.0
    return total, took
