# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer the other probes inside a probe's namespace, and count the senders.

Private to swarmlab.overlay. Standard library only.
"""

from __future__ import annotations

import selectors
import socket
import typing as t

from . import shapes, sockets, train


def serve(run: str, name: str, ready: shapes.Ready, stopped: shapes.Stopped) -> shapes.Heard:
    """Answer over TCP and UDP until told to stop. Returns how often each sender was heard: protocol/network/sender."""
    heard: shapes.Heard = {}
    trains = train.Answerer(run, name)
    with selectors.DefaultSelector() as selector, _tcp_listener() as tcp, _udp_listener() as udp:
        selector.register(tcp, selectors.EVENT_READ, "accept")
        selector.register(udp, selectors.EVENT_READ, "udp")
        ready()
        while not stopped():
            for key, _unused in selector.select(0.2):
                _handle(selector, key, run, name, heard, trains)
    return heard


def _tcp_listener() -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    channel.bind(("0.0.0.0", sockets.PORT))
    channel.listen(256)
    return channel


def _udp_listener() -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sockets.with_room(channel)
    train.stamped(channel)
    channel.bind(("0.0.0.0", sockets.PORT))
    return channel


def _handle(
    selector: selectors.BaseSelector,
    key: t.Any,
    run: str,
    name: str,
    heard: shapes.Heard,
    trains: train.Answerer,
) -> None:
    try:
        if key.data == "accept":
            selector.register(key.fileobj.accept()[0], selectors.EVENT_READ, bytearray())  # what it has said so far
        elif key.data == "udp":
            line, received, source = train.receive(key.fileobj)
            answer = trains.answer(line, received) or _answer(run, name, "udp", line, heard)
            if answer:
                key.fileobj.sendto(answer, source)
        else:
            _answer_connection(selector, key, run, name, heard)
    except OSError:
        # The peer went away before the answer; the peer reports it.
        _drop(selector, key)


def _drop(selector: selectors.BaseSelector, key: t.Any) -> None:
    if isinstance(key.data, bytearray) and key.fileobj.fileno() in selector.get_map():
        selector.unregister(key.fileobj)
        key.fileobj.close()


def _answer_connection(selector: selectors.BaseSelector, key: t.Any, run: str, name: str, heard: shapes.Heard) -> None:
    """Answer a whole line; a long one gets an answer as long as itself."""
    channel, said = key.fileobj, key.data
    chunk = channel.recv(sockets.MOST)
    said += chunk
    if chunk and not said.endswith(b"\n") and len(said) < sockets.MOST:
        return
    answer = _answer(run, name, "tcp", bytes(said), heard)
    if answer:
        channel.sendall(answer.rjust(len(said)) if len(said) > sockets.LINE else answer)
    selector.unregister(channel)
    channel.close()


def _answer(run: str, name: str, protocol: str, line: bytes, heard: shapes.Heard) -> bytes | None:
    asked = sockets.parse_question(run, line)
    if asked is None:
        return None
    sender, network, nonce = asked
    key = f"{protocol}/{network}/{sender}"
    heard[key] = heard.get(key, 0) + 1
    return sockets.reply(run, name, nonce)
