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

from . import shapes

PORT = 19747
LINE = 512  # bytes of a usual line, at most
MOST = 16384  # bytes of a line that is meant to fill packets
UDP_HEADERS = 28
MTU_DISCOVER = 10
MTU_PROBE = 3  # set the don't-fragment bit, whatever the assumed path MTU is
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


def parse_reply(run: str, line: bytes, nonce: str) -> str | None:
    """The name of the node that answered this nonce; None for anything else."""
    parts = line.strip().split(b" ")
    if len(parts) != 3 or parts[0] != canary(run) or parts[2] != nonce.encode():
        return None
    return parts[1].decode("ascii", "replace")


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


def udp(run: str, sender: str, network: str, address: str, seconds: float, size: int = 0) -> shapes.Reached:
    """The node that answers at ``address`` over UDP within ``seconds``.

    With a ``size`` the packet has that many bytes, and routers must not fragment it.
    """
    return several(run, sender, network, address, seconds, size, 1)[0]


def several(
    run: str, sender: str, network: str, address: str, seconds: float, size: int, count: int
) -> list[shapes.Reached]:
    """Who answers each of several packets that are sent at once, as ``udp`` sends one."""
    nonces = [new_nonce() for _number in range(count)]
    found: dict[str, shapes.Reached] = {}
    problem = "no answer"
    deadline = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.connect((address, PORT))
            if size:
                channel.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, MTU_PROBE)
            for nonce in nonces:
                channel.send(question(run, sender, network, nonce).rjust(size - UDP_HEADERS))
            while len(found) < count:
                channel.settimeout(max(0.001, deadline - time.monotonic()))
                line = channel.recv(LINE)
                whose = next((one for one in nonces if parse_reply(run, line, one)), None)
                if whose is None:
                    problem = "something else answered"
                    break
                found[whose] = _identified(run, line, whose)
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
    name = parse_reply(run, line, nonce)
    return {"node": name} if name else {"error": "something else answered"}


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
