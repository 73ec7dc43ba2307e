# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact another probe over TCP, UDP and ICMP, and identify the node that answers.

Private to swarmlab.overlay. Standard library only. A question is one line, ``CANARY from network nonce``; the answer
``CANARY name nonce`` identifies the node. The canary marks the traffic for a capture.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
import typing as t

from . import shapes

PORT = 19747
LINE = 512  # bytes of a usual line, at most
MOST = 16384  # bytes of a line that is meant to fill packets
UDP_HEADERS = 28
MTU_DISCOVER = 10
MTU_PROBE = 3  # set the don't-fragment bit, whatever the assumed path MTU is
STRANGE = "something else answered"
REFUSED = os.strerror(errno.ECONNREFUSED).lower()
ICMP_ECHO = 8
ICMP_REPLY = 0
ROOM = 4 << 20  # bytes of a receive buffer; the usual one (net.core.rmem_default) holds about a hundred packets
RCVBUFFORCE = 33  # SO_RCVBUFFORCE, asm-generic/socket.h


def with_room(channel: socket.socket) -> None:
    """Let what arrives wait while this process has no processor, so that nothing of it is lost on this node.

    Without root it is as much as net.core.rmem_max allows.
    """
    try:
        channel.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, ROOM)
    except PermissionError:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)


def family_of(address: str) -> int:
    """The family of an address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def canary(run: str) -> bytes:
    """The word that marks every payload of this run."""
    return b"swarmlab-canary-" + run.encode()


def question(run: str, sender: str, network: str, nonce: str) -> bytes:
    """The bytes of a question."""
    return b" ".join([canary(run), sender.encode(), network.encode(), nonce.encode()]) + b"\n"


def reply(run: str, name: str, nonce: str) -> bytes:
    """The answer of the responder ``name``."""
    return b" ".join([canary(run), name.encode(), nonce.encode()]) + b"\n"


def parse_question(run: str, line: bytes) -> tuple[str, str, str] | None:
    """(sender, network, nonce) of a question of this run; None for anything else."""
    parts = line.strip().split(b" ")
    if len(parts) != 4 or parts[0] != canary(run):
        return None
    return parts[1].decode("ascii", "replace"), parts[2].decode("ascii", "replace"), parts[3].decode("ascii", "replace")


def parse_reply(run: str, line: bytes) -> tuple[str, str] | None:
    """(name, nonce) of an answer of this run; None for anything else."""
    parts = line.strip().split(b" ")
    if len(parts) != 3 or parts[0] != canary(run):
        return None
    return parts[1].decode("ascii", "replace"), parts[2].decode("ascii", "replace")


def new_nonce() -> str:
    """A random value that no earlier answer can contain."""
    return os.urandom(8).hex()


def tcp(
    run: str, sender: str, network: str, address: str, seconds: float, port: int = PORT, size: int = 0
) -> shapes.Reached:
    """The node that answers at ``address`` over TCP within ``seconds``. With a ``size`` both lines have that many bytes."""
    nonce = new_nonce()
    try:
        with socket.create_connection((address, port), timeout=seconds) as channel:
            channel.sendall(question(run, sender, network, nonce).rjust(size))
            return _identified(run, read_line(channel, max(LINE, size)), nonce)
    except OSError as error:
        return {"error": reason(error)}


def connect(address: str, port: int, seconds: float) -> str | None:
    """Why a TCP connection to somebody else's program does not open within ``seconds``; None if it does.

    It is closed at once, and nothing is sent.
    """
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return None
    except OSError as error:
        return reason(error)


class Talk:
    """Questions to one address over a protocol without connections. The answer to an earlier one counts as well: a helper that is
    short of a processor gives it when that try is long over.

    ``opened`` makes the socket. ``build`` makes the question with a nonce. ``parse`` reads who answered which nonce.
    """

    def __init__(
        self,
        address: tuple[str, int],
        opened: t.Callable[[], socket.socket],
        build: t.Callable[[str], bytes],
        parse: t.Callable[[bytes], tuple[str, str] | None],
    ) -> None:
        self._address, self._open, self._build, self._parse = address, opened, build, parse
        self._channel: socket.socket | None = None
        self._nonces: set[str] = set()

    def ask(self, seconds: float) -> shapes.Reached:
        """Ask once more: the node that answers within ``seconds``, or the reason why none does."""
        nonce = new_nonce()
        self._nonces.add(nonce)
        try:
            if self._channel is None:
                self._channel = self._open()
            self._channel.sendto(self._build(nonce), self._address)
            return self._wait(self._channel, time.monotonic() + seconds)
        except OSError as error:
            return {"error": reason(error)}

    def _wait(self, channel: socket.socket, deadline: float) -> shapes.Reached:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return {"error": "no answer"}
            channel.settimeout(left)
            told = self._parse(channel.recv(MOST))
            if told and told[1] in self._nonces:
                return {"node": told[0]}

    def close(self) -> None:
        """Close the socket."""
        if self._channel is not None:
            self._channel.close()


def connected(address: str, port: int) -> socket.socket:
    """A socket for UDP to this port alone, so that the kernel tells it of ICMP errors."""
    channel = socket.socket(family_of(address), socket.SOCK_DGRAM)
    try:
        channel.connect((address, port))
    except OSError:
        channel.close()
        raise
    return channel


def udp(run: str, sender: str, network: str, address: str) -> Talk:
    """Questions to the probe at ``address`` over UDP."""
    return Talk(
        (address, PORT),
        lambda: connected(address, PORT),
        lambda nonce: question(run, sender, network, nonce),
        lambda line: parse_reply(run, line),
    )


def several(
    run: str, sender: str, network: str, address: str, seconds: float, size: int, count: int
) -> list[shapes.Reached]:
    """Who answers each of several packets of this ``size`` in bytes that are sent at once over UDP, and that routers must not fragment."""
    nonces = [new_nonce() for _number in range(count)]
    found: dict[str, shapes.Reached] = {}
    problem = "no answer"
    deadline = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.connect((address, PORT))
            channel.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, MTU_PROBE)
            for nonce in nonces:
                channel.send(question(run, sender, network, nonce).rjust(size - UDP_HEADERS))
            while len(found) < count:
                channel.settimeout(max(0.001, deadline - time.monotonic()))
                line = channel.recv(LINE)
                told = parse_reply(run, line)
                if told is None or told[1] not in nonces:
                    problem = STRANGE
                    break
                found[told[1]] = {"node": told[0]}
    except OSError as error:
        problem = reason(error)
    return [found.get(nonce, {"error": problem}) for nonce in nonces]


def read_line(channel: socket.socket, most: int = LINE) -> bytes:
    """The bytes up to the end of a line, or up to ``most`` bytes."""
    data = b""
    while not data.endswith(b"\n") and len(data) < most:
        chunk = channel.recv(most - len(data))
        if not chunk:
            break
        data += chunk
    return data


def _identified(run: str, line: bytes, nonce: str) -> shapes.Reached:
    told = parse_reply(run, line)
    return {"node": told[0]} if told and told[1] == nonce else {"error": STRANGE}


def reason(error: OSError) -> str:
    """The reason of a socket's failure, in a few words."""
    if isinstance(error, socket.timeout):
        return "no answer"
    return os.strerror(error.errno).lower() if error.errno else str(error)


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(ident: int, sequence: int, payload: bytes) -> bytes:
    """An ICMP echo request."""
    header = struct.pack("!BBHHH", ICMP_ECHO, 0, 0, ident, sequence)
    return struct.pack("!BBHHH", ICMP_ECHO, 0, checksum(header + payload), ident, sequence) + payload


def is_echo_reply(packet: bytes, ident: int, sequence: int, payload: bytes) -> bool:
    """Whether this IPv4 packet answers that request."""
    start = (packet[0] & 0xF) * 4 if packet else 0
    if len(packet) < start + 8:
        return False
    kind, code, _sum, its_ident, its_sequence = struct.unpack("!BBHHH", packet[start : start + 8])
    return (kind, code, its_ident, its_sequence) == (ICMP_REPLY, 0, ident, sequence) and packet[start + 8 :] == payload


def icmp(run: str, address: str, seconds: float) -> shapes.Reached:
    """Whether ``address`` answers an echo request with the canary within ``seconds``."""
    ident, sequence = struct.unpack("!HH", os.urandom(4))
    payload = canary(run) + b" " + new_nonce().encode()
    deadline = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as channel:
            channel.sendto(echo_request(ident, sequence, payload), (address, 0))
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    return {"error": "no answer"}
                channel.settimeout(left)
                packet, source = channel.recvfrom(2048)
                if source[0] == address and is_echo_reply(packet, ident, sequence, payload):
                    return {"node": address}
    except OSError as error:
        return {"error": reason(error)}
