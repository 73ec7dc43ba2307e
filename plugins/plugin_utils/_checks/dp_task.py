# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DP-TASK: people's own tasks and containers reach from inside what the probe beside them reaches."""

from __future__ import annotations

import sys
import typing as t

from ...module_utils._probe import standstill
from .._facts.model import Facts, Network, Requests, Result
from . import _blame, _gossip, _paths, _requests, _workloads, mtu_fit
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, each_network, listed, result

ID = "DP-TASK"
TITLE = "People's own tasks reach what the probe beside them reaches"
HINT = (
    "The node and its network are sound, this container alone is not: look at what was changed inside it "
    "('nsenter --net=$(docker inspect -f {{.NetworkSettings.SandboxKey}} CONTAINER) ...'), or let the task start anew "
    "('docker service update --force SERVICE')."
)
RESOLVER_HINT = (
    "The engine's resolver alone knows names of services: find what changed /etc/resolv.conf inside the container, or let the "
    "task start anew ('docker service update --force SERVICE')."
)
STILL_HINT = (
    "Continue it ('kill -CONT PID', 'docker unpause CONTAINER', or the freezer of its control group) and find who stopped it; if it hangs in the "
    "kernel, look at its disk or share ('cat /proc/PID/wchan', 'dmesg'); or let the task start anew ('docker service update --force SERVICE')."
)
ORDER = 61
NEEDS = ("probe", "workloads")
TAGS = ("P1", "dataplane", "services")
CHECK = sys.modules[__name__]
LIMIT = 16  # containers of a node that ask
PATIENCE = 8  # seconds for what no other node takes part in
NO_ROUTE = "no default route"
BURST, LEAST, SIZE = 12, 11, 200  # packets, how many of them must be answered, and the bytes of each
LONG = 8192  # bytes of a question over TCP and of its answer, so that segments of full size go both ways
NAME, NEAR, FAR, TRAIN, FULL, TWOWAY = "name", "near", "far", "train", "full", "twoway"
MTU, OUT, HARDWARE = "mtu", "out", "hardware"  # read, not asked
BY_SIZE = (FULL, TWOWAY, MTU)  # what is wrong with large packets alone
WORDS = {
    NAME: "does not resolve the probe's name",
    NEAR: "does not reach the probe on its own node",
    FAR: "does not reach the probe on another node",
    TRAIN: "loses packets to the probe on its own node",
    FULL: "sends no packets of full size to the probe on its own node",
    TWOWAY: "exchanges no segments of full size with the probe on its own node",
    MTU: "has another MTU than the probe",
    OUT: "has no way out of the overlay networks",
    HARDWARE: "has a wrong hardware address for others of the network",
}
# State of a container's processes at both looks -> what that is in words.
STILL = {
    standstill.STOPPED: "is stopped: its process got a signal (SIGSTOP), or is traced",
    standstill.FROZEN: "is frozen: paused, or by its control group",
    standstill.DEAD: "is dead: its process has ended, and nobody collected it",
    standstill.STUCK: "hangs in the kernel: it waits for a device, and did not run once meanwhile",
}


def plan(facts: Facts) -> Requests:
    """Each container asks for the probe's name, connects to the probe beside it and to one far away, and sends a few packets.

    The probe beside it does the same as the control, as far as that makes sense.
    """
    requests: Requests = {}
    for network in facts.networks:
        for host in _paths.asking(facts, network["id"]):
            rows = _asking(facts, network, host)
            far = _far(facts, network, host)
            for place in [*(row["id"] for row in rows), *([_workloads.PROBE] if rows else [])]:
                requests.setdefault(host, []).extend(_asked(facts, network, host, far, place))
    return requests


def _asking(facts: Facts, network: Network, host: str) -> list[dict[str, t.Any]]:
    """The containers of the host on the network that ask. Of too many it is the first, which differ in every run."""
    return [row for row in _workloads.of(facts, host)[:LIMIT] if network["id"] in row["networks"]]


def _far(facts: Facts, network: Network, host: str) -> str | None:
    """Another host with a probe: the next one in this run's order."""
    order = _blame.ring(_paths.probed(facts, network["id"]), facts.run)
    return order[(order.index(host) + 1) % len(order)] if len(order) > 1 else None


def _asked(facts: Facts, network: Network, host: str, far: str | None, place: str) -> list[dict[str, t.Any]]:
    patience, vip = facts.settings["convergence"], facts.vips.get(network["id"])
    where = {} if place == _workloads.PROBE else {"where": _workloads.INSIDE + place}

    def row(what: str, **more: t.Any) -> dict[str, t.Any]:
        return {"id": ident(network, place, what), "patience": patience, **more, **where}

    found = [row(NAME, kind="dns", name=f"{facts.probe_name}.{network['name']}", expected=[vip])] if vip else []
    if far:
        useless = _workloads.helpless(facts, network, (host, far))
        address = facts.probes[far][network["id"]]
        there = {"network": network["name"], "node": far, "address": address}
        found.append(row(FAR, kind="tcp", **there, **({"patience": 0} if useless else {})))
        if not where:
            full = {"kind": "burst", "size": mtu_fit.declared(network), "patience": 0 if useless else PATIENCE}
            found.append(row(FULL, **{**there, **full}))
    if where:
        near = facts.probes[host][network["id"]]
        here = {"address": near, "network": network["name"], "node": host, "patience": min(PATIENCE, patience)}
        found.append(row(NEAR, kind="tcp", **here))
        found.append(row(TRAIN, kind="burst", size=SIZE, count=BURST, least=LEAST, **here))
        found.append(row(FULL, kind="burst", size=mtu_fit.declared(network), **here))
        found.append(row(TWOWAY, kind="tcp", size=LONG, **here))
    return found


def ident(network: Network, place: str, kind: str) -> str:
    """The id of a request from a container, or from the probe."""
    return f"{ID}/{_requests.short(network)}/{place}/{kind}"


def judge(facts: Facts) -> list[Result]:
    """One result a network, one more where containers ask another name server, and one for those that stand still."""
    return [
        *each_network(CHECK, facts, _judge, "probe"),
        *(found for network in facts.networks for found in _asking_elsewhere(facts, network)),
        *_standing_still(facts),
    ]


def _standing_still(facts: Facts) -> list[Result]:
    """Containers whose processes did not run at either look: before everything was asked, and after."""
    rows = [
        {
            "task": _workloads.named(row),
            "service": row["service"],
            "node": host,
            "state": state,
            "inside": [STILL[state]],
        }
        for host in facts.hosts
        for row in _workloads.of(facts, host)
        for state in [_state(row, _workloads.again(facts, host, row["id"]))]
        if state in STILL
    ]
    if not rows:
        return []
    return [
        result(
            CHECK,
            FAIL,
            "task-stopped",
            listed([f"{row['task']} on {row['node']} {row['inside'][0]}" for row in rows], 2),
            nodes=sorted({row["node"] for row in rows}),
            hint=STILL_HINT,
            details={"still": rows},
        )
    ]


def _state(first: dict[str, t.Any], second: dict[str, t.Any] | None) -> str | None:
    """The state that a container's processes had at both looks; None if it changed, or if one look saw nothing.

    A busy program often waits for a device too. One that hangs did not get to run in between.
    """
    before, after = first.get("life"), (second or {}).get("life")
    if not before or not after or before["state"] != after["state"]:
        return None
    if before["state"] == standstill.STUCK and before["switches"] != after["switches"]:
        return None
    return str(before["state"])


def _asking_elsewhere(facts: Facts, network: Network) -> list[Result]:
    """Containers whose file has not the engine's resolver, which alone knows the names. One on loopback is their own, and meant."""
    rows = [
        {"task": _workloads.named(row), "node": host, "asks": row["resolvers"]}
        for host in _paths.asking(facts, network["id"])
        for row in _workloads.of(facts, host)
        if network["id"] in row["networks"]
        and row.get("resolvers") is not None
        and not any(address.startswith("127.") or address == "::1" for address in row["resolvers"])
    ]
    if not rows:
        return []
    texts = [f"{row['task']} on {row['node']} asks {listed(row['asks']) or 'nobody'}" for row in rows]
    return [
        result(
            CHECK,
            FAIL,
            "resolver-replaced",
            f"{listed(texts, 2)}, not 127.0.0.11",
            network=network["name"],
            nodes=sorted({row["node"] for row in rows}),
            hint=RESOLVER_HINT,
            details={"asking": rows},
        )
    ]


def _judge(facts: Facts, network: Network) -> Result:
    name, hosts = network["name"], _paths.asking(facts, network["id"])
    places = [(host, row) for host in hosts for row in _asking(facts, network, host)]
    if not hosts:
        return result(CHECK, INCONCLUSIVE, "no-probe", "no probe runs on this network", network=name)
    if not places:
        silent = [host for host in hosts if host not in _workloads.told(facts)]
        if silent:
            return result(
                CHECK, INCONCLUSIVE, "not-told", f"nothing told on {listed(silent)}", network=name, nodes=silent
            )
        return result(CHECK, SKIP, "no-workload", "no task or container of people's is on it", network=name)
    broken, gone, silent_at = [], 0, set()
    for host, row in places:
        if _workloads.again(facts, host, row["id"]) is None:
            # It ended meanwhile. A host that told nothing at all is another matter.
            gone += 1
            silent_at |= set() if facts.probed.get(host, {}).get("workloads") is not None else {host}
            continue
        if not any(_paths.seen(facts, host, ident(network, row["id"], kind)) for kind in WORDS):
            silent_at.add(host)
            continue
        found = _broken(facts, network, host, row)
        if found:
            broken.append(found)
    left = _left_out(facts, network)
    if broken:
        rows = [f"{item['task']} on {item['node']} {_symptoms(item)}" for item in broken]
        return result(
            CHECK,
            FAIL,
            "task-cut",
            f"{listed(rows, 2)}; the probe beside {'it' if len(broken) == 1 else 'them'} does",
            network=name,
            nodes=sorted({item["node"] for item in broken}),
            details={"tasks": broken, **left},
        )
    if silent_at:
        nodes = sorted(silent_at)
        return result(
            CHECK, INCONCLUSIVE, "no-observation", f"no observation from {listed(nodes)}", network=name, nodes=nodes
        )
    if gone == len(places):
        return result(CHECK, SKIP, "names-moved", "every container ended while the run looked", network=name)
    text = (
        f"{count(len(places) - gone, 'container')} of people's on {count(len({host for host, _row in places}), 'node')}"
    )
    text += " as the probe beside them" + (f"; {left['not_asked']} more were not asked" if left else "")
    return result(CHECK, PASS, "ok", text, network=name, nodes=sorted({host for host, _row in places}), details=left)


def _left_out(facts: Facts, network: Network) -> dict[str, t.Any]:
    here = sum(
        len([row for row in _workloads.of(facts, host) if network["id"] in row["networks"]])
        - len(_asking(facts, network, host))
        for host in _paths.asking(facts, network["id"])
    )
    number = here + _workloads.left_out(facts)
    return {"not_asked": number} if number else {}


def _symptoms(item: dict[str, t.Any]) -> str:
    return " and ".join(WORDS[kind] for kind in item["fails"]) + (
        f" ({listed(item['inside'], 2)})" if item["inside"] else ""
    )


def _broken(facts: Facts, network: Network, host: str, row: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """What fails from inside a container and not from the probe beside it, with what is odd inside; None if nothing does."""
    seen = {kind: _paths.seen(facts, host, ident(network, row["id"], kind)) for kind in WORDS}
    control = {kind: _paths.seen(facts, host, ident(network, _workloads.PROBE, kind)) for kind in (NAME, FAR, FULL)}
    failed = [kind for kind, found in seen.items() if found and not found["ok"]]
    path = control[FAR]
    sound = {NAME: bool((control[NAME] or {}).get("ok")), FAR: bool((path or {}).get("ok"))}
    # Without another node the probe has no path of its own to be held against; then nothing else carries the packets either.
    sound[NEAR] = sound[TRAIN] = sound[FAR] if path else sound[NAME]
    # Large packets that the probe itself does not get to another node may fail for a reason of the node's.
    sound[FULL] = sound[TWOWAY] = sound[NEAR] and bool((control[FULL] or {"ok": True})["ok"])
    alone = [kind for kind in failed if sound[kind]]
    if NEAR in alone:
        alone = [kind for kind in alone if kind not in (TRAIN, FULL, TWOWAY)]
    if _sizes(facts, network, host, row):
        alone.append(MTU)
    if _shut_in(facts, host, row):
        alone.append(OUT)
    if _misled(facts, network, host, row):
        alone.append(HARDWARE)
    if not alone:
        return None
    problems = {
        kind: _paths.problem(t.cast("dict[str, t.Any]", seen[kind]))
        for kind in alone
        if kind not in (NAME, OUT, MTU, HARDWARE)
    }
    if NAME in alone:
        problems[NAME] = str((seen[NAME] or {}).get("kind"))
    if TRAIN in alone:
        problems[TRAIN] = f"{(seen[TRAIN] or {}).get('answered')} of {BURST} answered"
    if OUT in alone:
        problems[OUT] = NO_ROUTE
    inside, far = odd(facts, network, host, row), _far(facts, network, host)
    found = {
        "task": _workloads.named(row),
        "service": row["service"],
        "node": host,
        "address": row["networks"][network["id"]],
        "fails": alone,
        "problems": problems,
        "inside": inside,
    }
    # The other node may lack the way back to this container alone; what is odd inside it is a reason of its own.
    return {**found, "far": far} if alone == [FAR] and far and not inside else found


def _sizes(facts: Facts, network: Network, host: str, row: dict[str, t.Any]) -> str:
    """The MTU of a container's interface on the network and that of the probe's, where they differ; else nothing."""
    own = _interface(_workloads.again(facts, host, row["id"]), row["networks"][network["id"]])
    beside = _interface(_workloads.again(facts, host, _workloads.PROBE), facts.probes[host].get(network["id"]))
    if not own or not beside or own["mtu"] == beside["mtu"]:
        return ""
    return f"interface {own['name']} has an MTU of {own['mtu']}, the probe's {beside['mtu']}"


def _interface(seen: dict[str, t.Any] | None, address: str | None) -> dict[str, t.Any] | None:
    """The interface inside a container that has the address."""
    links = seen["interior"]["links"] if seen else []
    return next((link for link in links if address in link.get("addresses", ())), None)


def _shut_in(facts: Facts, host: str, row: dict[str, t.Any]) -> bool:
    """Whether a container that the engine gave a way out through docker_gwbridge, as it gave the probe, has it no more."""
    seen, beside = _workloads.again(facts, host, row["id"]), _workloads.again(facts, host, _workloads.PROBE)
    if not seen or not beside or seen["interior"].get("leads_out", True) or not beside["interior"].get("leads_out"):
        return False
    bridge = (facts.opened[host].get("gateway") or {}).get("subnets") or []
    return any(_paths.within(address, subnet) for address in seen["interior"]["addresses"] for subnet in bridge)


def _misled(facts: Facts, network: Network, host: str, row: dict[str, t.Any]) -> bool:
    """Whether somebody gave a container the wrong hardware address of another endpoint, for good. Whoever has that address is not reached."""
    seen = _workloads.again(facts, host, row["id"])
    known = {end.address: end.mac for held in facts.held.values() for end in _gossip.endpoints(held.get(network["id"]))}
    pinned = [entry.split(" ")[:2] for entry in (seen["interior"]["pinned"] if seen else [])]
    return any(known.get(address, mac) != mac for address, mac in pinned)


def odd(facts: Facts, network: Network, host: str, row: dict[str, t.Any]) -> list[str]:
    """What a container has inside that the probe beside it has not, or lacks."""
    seen, beside = _workloads.again(facts, host, row["id"]), _workloads.again(facts, host, _workloads.PROBE)
    if not seen:
        return []
    own, address = seen["interior"], row["networks"].get(network["id"])
    found = [f"interface {link['name']} is down" for link in own["links"] if not link["up"]]
    if address and address not in own["addresses"]:
        found.append(f"no interface has {address}, its address for the engine")
    queues = {link["queue"] for link in (beside or {"interior": {"links": []}})["interior"]["links"]}
    found += [
        f"interface {link['name']} has queueing discipline {link['queue']}"
        for link in own["links"]
        if beside and link["queue"] and link["queue"] not in queues
    ]
    usual = _gateways(own) if beside is None else _gateways(beside["interior"])
    found += [f"route {route}" for route in own["routes"] if _strange(route, own, usual)]
    found += [
        f"no route into {subnet}"
        for subnet in network["subnets"]
        if ":" not in subnet and address and not any(route.partition(" ")[0] == subnet for route in own["routes"])
    ]
    found += [NO_ROUTE] if _shut_in(facts, host, row) else []
    found += [text for text in [_sizes(facts, network, host, row)] if text]
    usually = (beside or {"interior": {}})["interior"].get("settings") or {}
    found += [
        f"setting {name} is {value}, the probe's {usually[name]}"
        for name, value in (own.get("settings") or {}).items()
        if usually.get(name, value) != value
    ]
    found += [
        f"a neighbour is pinned: {entry}"
        for entry in own["pinned"]
        if not beside or entry not in beside["interior"]["pinned"]
    ]
    closely, control = seen.get("closely") or {}, (beside or {}).get("closely") or {}
    # Behind the routing mesh the engine itself has rules for the task's address on ingress.
    engines = {f"{own}/32" for ident, own in row["networks"].items() if ident != network["id"]}
    found += [
        f"rule {rule}"
        for rule in closely.get("rules") or []
        if rule not in (control.get("rules") or []) and not engines & set(rule.split())
    ]
    if closely.get("redirected") is False and control.get("redirected"):
        found.append("the engine's rules for DNS (127.0.0.11) are gone")
    return found


def _gateways(interior: dict[str, t.Any]) -> set[str]:
    return {route.partition(" ")[0] for route in interior["routes"]}


def _strange(route: str, own: dict[str, t.Any], usual: set[str]) -> bool:
    """Whether a route is not of one of the container's own networks, nor one that the probe has too."""
    target, dummy, device = route.partition(" ")
    return device == "*" or (
        target not in usual and not any(_paths.within(address, target) for address in own["addresses"])
    )
