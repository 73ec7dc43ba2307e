# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper that carries out orders between two tasks.

Private to swarmlab.overlay. Standard library only. To start a module takes seconds on a slow machine; a process that is there answers
at once. An order is one line, sent over a socket in the run's folder, which only root may enter. The controller sends it with CLIENT, a
Python program without imports that cost time. It sends the order to a helper that greets: one that is frozen never gets it, and carries
nothing out when it thaws.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import typing as t
import zlib

from . import background, shapes

NAME = "orders"
SOCKET = "orders.sock"
POLL = 0.25  # seconds
LONGEST = 120_000  # bytes of an order: the kernel takes no argument of 128 KiB (MAX_ARG_STRLEN)
GREETING = b"\n"
NOBODY = 75  # exit code of the client where nobody listens or greets: nothing was done
SILENT = 76  # and where the order was taken, and no answer came in time
# Its arguments: the socket's path, the seconds to wait for the greeting, those to wait for the answer, the order.
CLIENT = f"""import socket, sys
path, greeting, answer, order = sys.argv[1:]
door = socket.socket(socket.AF_UNIX)
door.settimeout(float(greeting))
try:
    door.connect(path)
    greeted = door.recv({len(GREETING)})
except OSError:
    greeted = b""
if not greeted:
    sys.exit({NOBODY})
door.settimeout(float(answer))
door.sendall(order.encode() + b"\\n")
try:
    sys.stdout.buffer.write(b"".join(iter(lambda: door.recv(65536), b"")))
except socket.timeout:
    sys.exit({SILENT})
"""

Answer = t.Callable[[t.Any], t.Any]  # both are JSON data


class Door(t.TypedDict):
    """Where a helper takes orders, and the Python that its client can use."""

    python: str
    path: str


def packed(order: t.Any) -> str:
    """An order as a line. Pure."""
    return base64.b64encode(zlib.compress(json.dumps(order).encode())).decode("ascii")


def unpacked(line: bytes) -> t.Any:
    """The order of a line. Pure."""
    return json.loads(zlib.decompress(base64.b64decode(line)))


def begin(lease: background.Lease, answer: Answer) -> Door | None:
    """Start the helper. None where it could not start.

    ``answer`` turns an order into its answer, in a process of its own, which goes on when the lease ends meanwhile. Each order renews the lease.
    """
    path = os.path.join(background.folder(lease.run), SOCKET)
    lease.renew()
    problem = background.start(lease, NAME, lambda ready, stopped: _serve(lease, path, answer, ready, stopped))
    return None if problem else {"python": sys.executable, "path": path}


def end(run: str) -> None:
    """Stop the helper of this run, if there is one, and remove the run's folder."""
    background.stop(run, [NAME])
    background.forget(run)


def _serve(
    lease: background.Lease, path: str, answer: Answer, ready: shapes.Ready, stopped: shapes.Stopped
) -> dict[str, int]:
    orders = 0
    at_work: set[int] = set()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(4)
        door.settimeout(POLL)
        ready()
        while not stopped():
            try:
                caller, _address = door.accept()
            except socket.timeout:
                pass
            else:
                lease.renew()
                with caller:
                    at_work.add(_attend(door, caller, answer))
                orders += 1
            at_work = {child for child in at_work if os.waitpid(child, os.WNOHANG) == (0, 0)}
    return {"orders": orders}


def _attend(door: socket.socket, caller: socket.socket, answer: Answer) -> int:
    """Answer one order in a child process. Returns its pid.

    Helpers that the order starts outlive it and have its sockets too. Therefore the door is closed first, so that nobody knocks at it when
    this helper is gone, and the answer ends with a shutdown, which counts for all.
    """
    child = os.fork()
    if child:
        return child
    try:
        door.close()
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_DFL)
        caller.settimeout(None)
        caller.sendall(GREETING)
        with caller.makefile("rb") as talk:
            order = unpacked(talk.readline(LONGEST + 1))
        caller.sendall(json.dumps(answer(order)).encode("ascii"))
        caller.shutdown(socket.SHUT_RDWR)
    finally:
        os._exit(0)
