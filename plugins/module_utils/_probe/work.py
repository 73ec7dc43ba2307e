# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a list of requests from inside one namespace, all at once, and return the observations.

Private to swarmlab.overlay. Standard library only. A request is plain data:

    {"id": ..., "kind": "dns",  "name": ..., "expected": [addresses] or None, "patience": seconds}
    {"id": ..., "kind": "dns",  "name": ..., "within": [subnets]: exactly one address inside them, "patience": seconds}
    {"id": ..., "kind": "dns",  "name": ..., "includes": an address that must be among the answers, "patience": seconds}
    {"id": ..., "kind": "icmp", "address": ..., "patience": seconds}
    {"id": ..., "kind": "tcp" | "udp", "address": ..., "network": ..., "node": who must answer, "patience": seconds}
    {"id": ..., "kind": "tcp", "size": bytes of the question and of the answer, the same
    {"id": ..., "kind": "tcp" | "closed", "port": ..., the same at another port; closed: nobody of ours may answer}
    {"id": ..., "kind": "burst", "size": bytes of each packet, three of them unfragmented, else as udp; "count": more,
        "least": of so many must be answered}
    {"id": ..., "kind": "connect", "address": ..., "port": ..., "count": connections at once, "patience": seconds}
        "refusal": true: a refusal is an answer too, since it comes from there
    {"id": ..., "kind": "port-tcp" | "port-udp" | "port-esp", "address": ..., "port": ..., "patience": seconds}
    {"id": ..., "kind": "inject", "address": ..., "port": ..., "vni": ..., ... as ``inject.py`` reads it}
    {"id": ..., "kind": "vip",  "address": ..., "network": ..., "nodes": [who must answer], "count": connections at once, else
        two for each of them, "patience": seconds}
    {"id": ..., "kind": "stranger",  "address": ..., "port": ..., "patience": seconds}

Each request is repeated until it is met or its patience in seconds, counted from the common start, has run out.
"""

from __future__ import annotations

import contextlib
import ipaddress
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from . import dns, grpc, inject, ports, shapes, sockets

THREADS = 96
BURST = 3
SLOW_TRIES = 3
UNASKABLE = "unaskable"


class Setting(t.NamedTuple):
    """The settings shared by all requests of one namespace."""

    run: str
    name: str
    once: float


def perform(requests: list[shapes.Request], setting: Setting, threads: int = THREADS) -> shapes.Observations:
    """The observations by request id."""
    if not requests:
        return {}
    start = time.monotonic()
    with ThreadPoolExecutor(max_workers=min(threads, len(requests))) as pool:
        done = list(pool.map(lambda request: _until(request, setting, start), requests))
    return {request["id"]: seen for request, seen in zip(requests, done)}


def _until(request: shapes.Request, setting: Setting, start: float) -> shapes.Observation:
    if request["kind"] not in TALKS:
        return _repeated(request, setting, start, lambda: KINDS[request["kind"]](request, setting))
    with contextlib.closing(TALKS[request["kind"]](request, setting)) as talk:
        return _repeated(request, setting, start, lambda: _answered(request, talk.ask(setting.once)))


def _repeated(
    request: shapes.Request, setting: Setting, start: float, look: t.Callable[[], shapes.Observation]
) -> shapes.Observation:
    deadline = start + request.get("patience", 0)
    tries, pause = 0, 0.25
    while True:
        tries += 1
        began = time.monotonic()
        seen = look()
        now = time.monotonic()
        # A try that took far longer than one may take says more of this node's processor than of the path.
        slow = now - began > 2 * setting.once and tries < SLOW_TRIES
        if seen["ok"] or seen.get("kind") == UNASKABLE or (now + pause > deadline and not slow):
            return {**seen, "seconds": round(now - start, 2), "tries": tries}
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)


def _dns(request: shapes.Request, setting: Setting) -> shapes.Observation:
    reason = dns.unaskable(request["name"])
    if reason:
        return {"ok": False, "kind": UNASKABLE, "addresses": [], "error": reason}
    answer = dns.ask(request["name"], seconds=setting.once)
    expected = request.get("expected")
    if request.get("within"):
        met = len(answer.addresses) == 1 and _inside(answer.addresses[0], request["within"])
    elif request.get("includes"):
        met = request["includes"] in answer.addresses
    else:
        met = expected is None or (
            set(answer.addresses) == set(expected) and (bool(expected) or answer.kind != "unreachable")
        )
    return {"ok": met, "kind": answer.kind, "addresses": list(answer.addresses)}


def _inside(address: str, subnets: list[str]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in subnets)


def _icmp(request: shapes.Request, setting: Setting) -> shapes.Observation:
    seen = sockets.icmp(setting.run, request["address"], setting.once)
    return {**seen, "ok": "node" in seen}


def _tcp(request: shapes.Request, setting: Setting) -> shapes.Observation:
    port = request.get("port", sockets.PORT)
    size = request.get("size", 0)
    seen = sockets.tcp(setting.run, setting.name, request["network"], request["address"], setting.once, port, size)
    return {**seen, "ok": seen.get("node") == request["node"]}


def _closed(request: shapes.Request, setting: Setting) -> shapes.Observation:
    seen = sockets.tcp(setting.run, setting.name, request["network"], request["address"], 1.0, request["port"])
    return {**seen, "ok": "node" not in seen}


def _answered(request: shapes.Request, seen: shapes.Reached) -> shapes.Observation:
    """An answer, which must be that of the node that the request names, if it names one."""
    return {**seen, "ok": "node" in seen and seen["node"] == request.get("node", seen["node"])}


def _udp(request: shapes.Request, setting: Setting) -> sockets.Talk:
    return sockets.udp(setting.run, setting.name, request["network"], request["address"])


def _burst(request: shapes.Request, setting: Setting) -> shapes.Observation:
    """Send three packets at once: a single oversized one may arrive in fragments of the outer packet."""

    count = request.get("count", BURST)
    answers = sockets.several(
        setting.run, setting.name, request["network"], request["address"], setting.once, request["size"], count
    )
    wrong = [answer for answer in answers if answer.get("node") != request["node"]]
    answered = count - len(wrong)
    ok = answered >= request.get("least", count)
    return {**(wrong[0] if wrong and not ok else answers[0]), "ok": ok, "answered": answered}


def _connect(request: shapes.Request, setting: Setting) -> shapes.Observation:
    """Open connections at once and close them, without a word: the program behind the port is not ours."""
    count = request.get("count", 1)
    with ThreadPoolExecutor(max_workers=count) as pool:
        errors = list(
            pool.map(lambda _number: sockets.connect(request["address"], request["port"], setting.once), range(count))
        )
    failed = [error for error in errors if error and not (request.get("refusal") and error == sockets.REFUSED)]
    seen: shapes.Observation = {"ok": not failed, "count": count, "answered": count - len(failed)}
    if failed:
        seen["error"] = failed[0]
    return seen


def _port_tcp(request: shapes.Request, setting: Setting) -> shapes.Observation:
    return _told(lambda: ports.tcp(request["address"], request["port"], setting.once))


def _port_udp(request: shapes.Request, setting: Setting) -> sockets.Talk:
    return ports.udp(setting.run, setting.name, request["address"], request["port"])


def _port_esp(request: shapes.Request, setting: Setting) -> sockets.Talk:
    return ports.esp(setting.run, setting.name, request["address"])


def _inject(request: shapes.Request, setting: Setting) -> shapes.Observation:
    return _told(lambda: inject.inject(setting.run, "clear@" + setting.name, request))


def _told(look: t.Callable[[], shapes.Reached]) -> shapes.Observation:
    try:
        seen = look()
    except OSError as error:
        seen = {"error": sockets.reason(error)}
    return {**seen, "ok": "node" in seen}


def _vip(request: shapes.Request, setting: Setting) -> shapes.Observation:
    """Open several connections at once: the balancer rotates, so each backend must answer one."""
    wanted = set(request["nodes"])
    count = request.get("count", 2 * len(wanted))

    def once(_number: int) -> shapes.Reached:
        return sockets.tcp(setting.run, setting.name, request["network"], request["address"], setting.once)

    with ThreadPoolExecutor(max_workers=min(32, count)) as pool:
        answers = list(pool.map(once, range(count)))
    answered = [answer["node"] for answer in answers if "node" in answer]
    nodes = sorted(set(answered))
    errors = sorted({answer["error"] for answer in answers if "error" in answer})
    refusal = {sockets.REFUSED} if request.get("refusal") else set()  # by backends that nobody serves
    return {
        "ok": set(nodes) >= wanted and set(errors) <= refusal,
        "nodes": nodes,
        "errors": errors,
        "count": count,
        "shares": {node: answered.count(node) for node in nodes},
    }


def _stranger(request: shapes.Request, setting: Setting) -> shapes.Observation:
    seen = grpc.stranger(request["address"], request["port"], setting.once)
    return {**seen, "ok": seen["outcome"] == "refused"}


KINDS: dict[str, t.Callable[[shapes.Request, Setting], shapes.Observation]] = {
    "dns": _dns,
    "icmp": _icmp,
    "tcp": _tcp,
    "closed": _closed,
    "connect": _connect,
    "burst": _burst,
    "vip": _vip,
    "stranger": _stranger,
    "port-tcp": _port_tcp,
    "inject": _inject,
}
# Kinds whose questions are repeated on one socket, so that a late answer counts.
TALKS: dict[str, t.Callable[[shapes.Request, Setting], sockets.Talk]] = {
    "udp": _udp,
    "port-udp": _port_udp,
    "port-esp": _port_esp,
}
