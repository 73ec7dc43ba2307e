# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NODE-STATE: no node has a full table or disk, a setting, a device or a process of its engine that breaks overlays."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Requests, Result
from . import _witness
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = "NODE-STATE"
TITLE = "The nodes have room, forward packets, and their parts run"
HINTS = {
    "table-full": "Raise the limit ('sysctl -w'), and look at what fills it ('conntrack -S', 'ip -s neigh').",
    "disk-full": "Make room: 'docker system df' and 'docker system prune' show and remove what is not used.",
    "disk-read-only": "Mount it writable again ('mount -o remount,rw'), and look in the kernel's log for why it was not.",
    "memory-short": "Give the node more memory, or its tasks limits.",
    "not-forwarding": "Set it to 1 ('sysctl -w'), and find what sets it at boot (/etc/sysctl.d, a hardening role).",
    "setting-wrong": "Set it back to the kernel's default ('sysctl -w'; rp_filter to 2 or 0), and find what sets it at boot.",
    "not-apart": "Set it back to 1 ('sysctl -w'), as the engine does when it starts, and find what sets it to 0 (/etc/sysctl.d, a hardening role).",
    "device-down": "Restart the node's engine, which sets its devices up; find what takes them down or blocks them ('bridge -d link').",
    "carrier-lost": "Look for a cable, a transceiver, a bond or a switch that goes and comes ('ip -s link', the kernel's log).",
    "engine-part-stopped": "Continue it ('kill -CONT PID'), or restart containerd and the engine; find who stopped it.",
}
HINT = "The evidence names what is wrong on which node."
ORDER = 26
NEEDS: tuple[str, ...] = ()
TAGS = ("P0", "preflight")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node tells of itself."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for each kind of thing that is wrong, or one for the swarm."""
    wrongs = _witness.wrongs(facts)
    results = []
    for kind in HINTS:
        rows = [wrong for wrong in wrongs if wrong.kind == kind]
        if rows:
            results.append(_failed(kind, rows))
    silent = [host for host in facts.hosts if host in facts.opened and host not in facts.witnessed]
    if silent:
        text = f"{listed(silent)} told nothing of itself"
        results.append(result(CHECK, INCONCLUSIVE, "not-told", text, nodes=silent))
    if not facts.witnessed:
        return results or [result(CHECK, SKIP, "not-told", "no node was open")]
    remarks = _witness.remarks(facts)
    if not results:
        text = f"{count(len(facts.witnessed), 'node')}: no limit reached, forwarding is on, devices and processes run"
        text += f"; {listed(remarks, 3)}" if remarks else ""
        results.append(result(CHECK, PASS, "ok", text, nodes=list(facts.witnessed)))
    if remarks:
        results[0]["evidence"]["remarks"] = remarks
    return results


def _failed(kind: str, rows: list[_witness.Wrong]) -> Result:
    networks = {row.network for row in rows}
    return result(
        CHECK,
        FAIL,
        kind,
        listed([f"{row.host}: {row.text}" for row in rows], 4),
        nodes=list(dict.fromkeys(row.host for row in rows)),
        network=rows[0].network if len(networks) == 1 else None,
        hint=HINTS[kind],
        details={"found": [{"node": row.host, "what": row.text} for row in rows]},
    )
