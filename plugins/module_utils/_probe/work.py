# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a list of requests from inside one namespace, all at once, and say what was seen.

Private to swarmlab.overlay. Standard library only. A request is plain data:

    {"id": ..., "kind": "dns",  "name": ..., "expected": [addresses] or None, "patience": seconds}
    {"id": ..., "kind": "icmp", "address": ..., "patience": seconds}
    {"id": ..., "kind": "tcp" | "udp", "address": ..., "network": ..., "node": who must answer, "patience": seconds}
    {"id": ..., "kind": "vip",  "address": ..., "network": ..., "nodes": [who must answer], "patience": seconds}
    {"id": ..., "kind": "stranger",  "address": ..., "port": ..., "patience": seconds}

It is repeated until it is met or its patience, counted from the common start, has run out.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from . import dns, grpc, sockets

THREADS = 96


class Setting(NamedTuple):
    """What all requests of one namespace share."""

    run: str
    name: str
    once: float


def perform(requests: list[dict], setting: Setting, threads: int = THREADS) -> dict:
    """Observation by request id."""
    if not requests:
        return {}
    start = time.monotonic()
    with ThreadPoolExecutor(max_workers=min(threads, len(requests))) as pool:
        done = list(pool.map(lambda request: _until(request, setting, start), requests))
    return {request["id"]: seen for request, seen in zip(requests, done)}


def _until(request: dict, setting: Setting, start: float) -> dict:
    deadline = start + request.get("patience", 0)
    tries, pause = 0, 0.25
    while True:
        tries += 1
        seen = KINDS[request["kind"]](request, setting)
        now = time.monotonic()
        if seen["ok"] or now + pause > deadline:
            seen.update(seconds=round(now - start, 2), tries=tries)
            return seen
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


def _dns(request: dict, setting: Setting) -> dict:
    answer = dns.ask(request["name"], seconds=setting.once)
    expected = request.get("expected")
    met = expected is None or set(answer.addresses) == set(expected) and (bool(expected) or answer.kind != "unreachable")
    return {"ok": met, "kind": answer.kind, "addresses": list(answer.addresses)}


def _icmp(request: dict, setting: Setting) -> dict:
    seen: dict[str, Any] = sockets.icmp(setting.run, request["address"], setting.once)
    return dict(seen, ok="node" in seen)


def _tcp(request: dict, setting: Setting) -> dict:
    seen = sockets.tcp(setting.run, setting.name, request["network"], request["address"], setting.once)
    return dict(seen, ok=seen.get("node") == request["node"])


def _udp(request: dict, setting: Setting) -> dict:
    seen = sockets.udp(setting.run, setting.name, request["network"], request["address"], setting.once)
    return dict(seen, ok=seen.get("node") == request["node"])


def _vip(request: dict, setting: Setting) -> dict:
    """Several fresh connections at once: the balancer goes round, so each backend must turn up."""
    wanted = set(request["nodes"])
    count = 2 * len(wanted)

    def once(_number: int) -> dict:
        return sockets.tcp(setting.run, setting.name, request["network"], request["address"], setting.once)

    with ThreadPoolExecutor(max_workers=min(32, count)) as pool:
        answers = list(pool.map(once, range(count)))
    nodes = sorted({answer["node"] for answer in answers if "node" in answer})
    errors = sorted({answer["error"] for answer in answers if "error" in answer})
    return {"ok": set(nodes) >= wanted and not errors, "nodes": nodes, "errors": errors, "count": count}


def _stranger(request: dict, setting: Setting) -> dict:
    seen = grpc.stranger(request["address"], request["port"], setting.once)
    return dict(seen, ok=seen["outcome"] == "refused")


KINDS = {"dns": _dns, "icmp": _icmp, "tcp": _tcp, "udp": _udp, "vip": _vip, "stranger": _stranger}
