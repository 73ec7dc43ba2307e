# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose local TCP ports.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import contextlib
import socket
import typing as t

LOOPBACK = "127.0.0.1"


def choose(wanted: t.Mapping[str, int | None]) -> dict[str, int]:
    """A free port for every name: the wanted one if it is free, else another.

    All listeners stay open until every port is chosen, so no port is given twice.
    """
    chosen: dict[str, int] = {}
    with contextlib.ExitStack() as stack:
        for name, port in wanted.items():  # the wanted ports first, so that no other name gets one by chance
            if port and _listen(stack, port):
                chosen[name] = port
        for name in wanted:
            if name not in chosen:
                chosen[name] = _listen(stack, 0)
    return {name: chosen[name] for name in wanted}


def _listen(stack: contextlib.ExitStack, port: int) -> int:
    """Listen until ``stack`` ends. Returns the port, or 0 when it is taken."""
    listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    # As QEMU does: connections in TIME_WAIT do not block a port, listeners do.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1)
    except OSError:
        return 0
    return int(listener.getsockname()[1])
