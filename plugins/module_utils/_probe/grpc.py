# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Call a swarm manager's port without a client certificate, and read how it refuses.

Private to swarmlab.overlay. Standard library only. The port completes a TLS handshake with any client, since a
joining node has no certificate yet, but it must refuse every call of such a client. So one harmless call (list nodes)
is made over HTTP/2 with the minimum of frames, and the status of the answer is read.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import time

from . import shapes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
METHOD = b"/docker.swarmkit.v1.Control/ListNodes"
PERMISSION_DENIED, UNAUTHENTICATED = 7, 16
# "grpc-status" in HPACK: the Huffman code of the name, or the name itself.
STATUS_NAMES = (bytes.fromhex("889acac8b21234da8f"), b"\x0bgrpc-status")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One HTTP/2 frame."""
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def call(authority: str) -> bytes:
    """All bytes that a client sends to call METHOD with an empty message."""
    fields = b"\x83\x87"  # :method POST, :scheme https
    fields += b"\x04" + _text(METHOD) + b"\x01" + _text(authority.encode())  # :path, :authority
    fields += b"\x0f\x10" + _text(b"application/grpc")  # content-type
    fields += b"\x00" + _text(b"te") + _text(b"trailers")
    message = frame(DATA, END_STREAM, 1, bytes(5))
    return PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, fields) + message


def _text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def status(data: bytes) -> int | None:
    """The gRPC status in the server's bytes, None when there is none yet."""
    for name in STATUS_NAMES:
        found = re.search(re.escape(name) + rb"([\x01\x02])(\d{1,2})", data)
        if found and len(found.group(2)) >= found.group(1)[0]:
            return int(found.group(2)[: found.group(1)[0]])
    return None


def outcome(code: int) -> str:
    """The meaning of a status for a client without a certificate."""
    return "refused" if code in (PERMISSION_DENIED, UNAUTHENTICATED) else "accepted"


def stranger(address: str, port: int, seconds: float) -> shapes.Stranger:
    """A manager's reaction within ``seconds`` to a client without a certificate: refused, accepted or unreachable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        plain = socket.create_connection((address, port), timeout=seconds)
    except OSError as error:
        return {"outcome": "unreachable", "detail": str(error)}
    with plain:
        try:
            with context.wrap_socket(plain) as channel:
                channel.sendall(call(("[%s]:%d" if ":" in address else "%s:%d") % (address, port)))
                code = _read_status(channel, time.monotonic() + seconds)
        except ssl.SSLError as error:
            return {"outcome": "refused", "detail": error.reason or "TLS handshake refused"}
        except OSError as error:
            return {"outcome": "unreachable", "detail": str(error)}
    if code is None:
        return {"outcome": "unreachable", "detail": "TLS without an answer to the call"}
    return {"outcome": outcome(code), "detail": f"gRPC status {code}"}


def _read_status(channel: ssl.SSLSocket, deadline: float) -> int | None:
    data = b""
    while status(data) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        channel.settimeout(left)
        chunk = channel.recv(4096)
        if not chunk:
            return None
        data += chunk
    return status(data)
