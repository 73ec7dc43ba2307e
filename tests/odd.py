# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd swarms: a sound one of which one thing that its nodes report is otherwise, one kind of question is not answered, or one way is lost.

They are made by rule, from the shape of the reports, so that no part of a report is left out.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _reasons
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links
from broken import (
    ALL,
    ALL_PAIRS,
    GROUPS,
    KINDS,
    PLAINS,
    PORTS,
    TUNNEL,
    Change,
    Swarm,
    across,
    cut,
    described,
    into,
    name_server,
    opened,
    out_of,
    route,
    silent,
    view,
    waiting,
)
from sound import ADDRESS, CHECKS, FIVE, HOSTS, LEADER, MODULES, PLAIN, SECRET, WORKER, around, probe_address, train

OTHER = "vm3"
Where = tuple[str | int, ...]


def leaves(value: t.Any, where: Where = ()) -> t.Iterator[tuple[Where, t.Any]]:
    """The parts of a report with their places: all keys of a dictionary, and of a list the first item."""
    if where:
        yield where, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*where, key))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*where, 0))


def otherwise(value: t.Any) -> dict[str, t.Any]:
    """What else a value could be, by a name."""
    if isinstance(value, bool):
        return {"turned": not value}
    if isinstance(value, (int, float)):
        return {"zero": 0, "high": value * 1000 + 1000}
    if isinstance(value, str):
        return {"empty": "", "other": f"other-{value}"}
    return {"empty": type(value)()} if value else {}


def put(report: dict[str, t.Any], where: Where, value: t.Any) -> None:
    for step in where[:-1]:
        report = report[step]
    report[where[-1]] = value


def drop(report: dict[str, t.Any], where: Where) -> None:
    for step in where[:-1]:
        report = report[step]
    del report[where[-1]]


def kinds() -> list[str]:
    """The kinds of questions: without the hosts and services that they name last."""
    asked = {ident for host in HOSTS for ident in Swarm().asked(host)}
    return sorted({re.sub(r"[^/]*$|/vm\d(?=/)", "", ident) for ident in asked} | {check + "/" for check in CHECKS})


def questions() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """Kinds of questions that are not answered, or were not asked, on one host or on all."""
    for kind in kinds():
        for name, hosts in (("everywhere", HOSTS), ("there", [OTHER]), ("here", [LEADER])):
            yield f"{kind} unmet {name}", lambda kind=kind, hosts=hosts: unmet(kind, hosts)
            yield f"{kind} unasked {name}", lambda kind=kind, hosts=hosts: unasked(kind, hosts)


def of_kind(swarm: Swarm, kind: str, host: str) -> list[str]:
    return [ident for ident in swarm.asked(host) if ident.startswith(kind)]


def unmet(kind: str, hosts: list[str]) -> Swarm:
    swarm = Swarm()
    for host in hosts:
        for ident in of_kind(swarm, kind, host):
            seen = swarm.of("probe", host)["observations"][ident]
            swarm.unmet(host, ident, **({"nodes": [], "errors": ["no answer"]} if "nodes" in seen else {}))
    return swarm


def unasked(kind: str, hosts: list[str]) -> Swarm:
    swarm = Swarm()
    for host in hosts:
        for ident in of_kind(swarm, kind, host):
            del swarm.of("probe", host)["observations"][ident]
    return swarm


def reports() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """Each part of what the leader and a worker report, gone or otherwise."""
    for phase in ("prepare", "probe", "close", "measure"):
        for host in (LEADER, WORKER):
            report = dict(Swarm().of(phase, host))
            report.pop("observations", None)
            for where, value in leaves(report):
                place = f"{phase} {host} {'.'.join(map(str, where))}"
                yield f"{place} gone", lambda phase=phase, host=host, where=where: changed(phase, host, where)
                for name, other in otherwise(value).items():
                    yield (
                        f"{place} {name}",
                        lambda phase=phase, host=host, where=where, other=other: changed(phase, host, where, other),
                    )


NOTHING = object()


def changed(phase: str, host: str, where: Where, other: t.Any = NOTHING) -> Swarm:
    def change(report: dict[str, t.Any]) -> None:
        if other is NOTHING:
            drop(report, where)
        else:
            put(report, where, other)

    if phase == "prepare":
        return Swarm(change=lambda prepared: change(prepared[host]["seen"]))
    swarm = Swarm()
    change(swarm.of(phase, host))
    return swarm


def faults() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """Lost ways by network, kind and end; closed ports; missing modules; silent hosts; probes that do not start; chosen parts."""
    ways = {
        "in": into(OTHER),
        "out": out_of(OTHER),
        "around": around(OTHER),
        "between": [(LEADER, OTHER)],
        "all": ALL_PAIRS,
    }
    networks = {"plain": PLAINS, "front": [PLAIN], "back": [SECRET], "every": ALL}
    for way, pairs in ways.items():
        for name, nets in networks.items():
            for end in (links.SOURCE, links.WAY, links.TARGET):
                yield (
                    f"{name} lost {way} at {end}",
                    lambda nets=nets, pairs=pairs, end=end: Swarm().lose(nets, pairs, end=end),
                )
            for kind in KINDS:
                yield (
                    f"{name} {kind} lost {way}",
                    lambda nets=nets, pairs=pairs, kind=kind: Swarm().lose(nets, pairs, [kind]),
                )
        for port in PORTS:
            yield f"port {port} shut {way}", lambda port=port, pairs=pairs: Swarm().shut([port], pairs)
            yield (
                f"port {port} deaf {way}",
                lambda port=port, pairs=pairs: Swarm().shut([port], pairs, [pair[::-1] for pair in pairs]),
            )
        yield f"cut {way}", lambda pairs=pairs: cut(pairs)
    for hosts in ([OTHER], HOSTS):
        for module in MODULES:
            for state in ("missing", "unknown"):
                yield (
                    f"{module} {state} on {len(hosts)}",
                    lambda module=module, hosts=hosts, state=state: lacking(module, hosts, state),
                )
    for host in HOSTS:
        for reason in _reasons.PROBLEMS:
            yield f"{host} {reason}", lambda host=host, reason=reason: silent(host, reason)
    for error in (
        "new: created",
        "pending: could not find an available IP",
        "rejected: No such image: x",
        TUNNEL,
        "failed: x",
    ):
        yield f"waiting {error}", lambda error=error: waiting(error)
    for name, chosen in CHOSEN.items():
        yield f"settings {name}", lambda chosen=chosen: Swarm(**chosen)
    yield "five nodes in two groups", lambda: cut(across(*GROUPS), FIVE)
    yield "the plain network of five nodes in two groups", lambda: Swarm(FIVE).lose([PLAIN], across(*GROUPS))


def room(free: int) -> dict[str, t.Any]:
    return {"subnet": "10.0.1.0/24", "used": 1, "free": free}


def several(*changes: Change) -> Change:
    def change(prepared: dict[str, t.Any]) -> None:
        for each in changes:
            each(prepared)

    return change


def cross(host: str, part: str, **parts: t.Any) -> Change:
    """A part of what a host tells of itself is otherwise."""
    return lambda told: opened(told, host)[part].update(parts)


def made(**parts: t.Any) -> Change:
    return lambda told: told[LEADER]["seen"]["made"].update(parts)


def saying(change: t.Callable[[dict[str, t.Any]], object]) -> Change:
    """The leader's view is otherwise."""
    return lambda told: change(view(told))


PARTS = ("twin", "lazy", "probe", "published", "speed")
ADDRESSES = ("0.0.0.0", "127.0.0.1", ADDRESS["vm1"], "10.77.0.99")
TWICE = {
    "front": ["front", "other", "swarm", ["10.9.0.0/24"]],
    "ingress": ["inside", "other", "swarm", ["10.0.0.128/25"]],
}
# What nodes report while they prepare.
PREPARED: dict[str, Change] = {
    **{f"route {net} on {host}": route(host, net) for net in ("10.0.1.0/25", "10.0.0.0/25", "172.18.0.0/24") for host in (LEADER, OTHER)},
    **{f"name server {address}": name_server(OTHER, address) for address in ("10.0.1.53", "10.0.0.53", "172.18.0.7", ADDRESS[OTHER])},
    "name servers of all nodes": several(*(name_server(host, "10.0.1.53") for host in HOSTS)),
    **{f"twice {name}": saying(lambda seen, row=row: seen["all_networks"].append(row)) for name, row in TWICE.items()},
    "a local network": lambda told: opened(told, OTHER)["local_networks"].append("front"),
    "an address twice": saying(lambda seen: seen["addresses"][PLAIN["id"]].append([probe_address(PLAIN, WORKER), "task other"])),
    "an endpoint twice": saying(lambda seen: seen["addresses"][PLAIN["id"]].append([probe_address(PLAIN, WORKER), "task a"])),
    **{f"options {key}": described(options={key: "no"}) for key in ("encrypt", "encrypted", "com.docker.network.driver.mtu", "x")},
    **{f"room {free}": described(room=[room(free)]) for free in (-3, 0, 1, 2, 3, 5)},
    "room of both families": described(room=[room(9), {"subnet": "fd00::/64", "used": 0, "free": 0}]),
    "no room told": described(room=None, used=250),
    "not attachable": described(attachable=False),
    "internal": several(described(internal=True), saying(lambda seen: seen["networks"].__setitem__(1, dict(SECRET, internal=True)))),
    "without IPv6": described(subnets=["10.0.1.0/24"]),
    "IPv6 twice": lambda told: opened(told, WORKER)["ipv6"].update({PLAIN["id"]: "fd00::1"}),
    "IPv6 missing": lambda told: opened(told, WORKER)["ipv6"].pop(PLAIN["id"]),
    "a network that is not there": lambda told: told[LEADER]["seen"].update(unmatched=["gone", "lost"]),
    "crowded": made(crowded=[PLAIN["id"]]),
    **{f"no {part}": made(**{part: None}) for part in PARTS},
    **{f"{part} refused": made(**{part: None, "refused": {part: "could not find an available IP"}}) for part in PARTS},
    "all refused": made(refused=dict.fromkeys(PARTS, "x")),
    "rotating": lambda told: told[LEADER]["seen"]["view"]["swarm"].update(rotating=True),
    "ingress full": saying(lambda seen: seen["ingress"].update(used=252)),
    "ingress room": saying(lambda seen: seen["ingress"].update(room=[room(2)])),
    "no ingress": saying(lambda seen: seen.update(ingress=None)),
    "a narrow wire": lambda told: opened(told, WORKER)["host"]["addresses"][0].update(mtu=1450),
    "a narrow wire everywhere": lambda told: [opened(told, host)["host"]["addresses"][0].update(mtu=1400) for host in HOSTS] and None,
    "a small gateway": cross(OTHER, "gateway", subnets=["172.18.0.0/28"], used=11),
    "no gateway": lambda told: opened(told, OTHER).update(gateway=None),
    "an old engine": lambda told: told[WORKER]["seen"]["node"].update(engine="29.1.3"),
    "roots": cross(WORKER, "certificate", roots_digest="x"),
    "an issuer": cross(WORKER, "certificate", issuer_digest="x"),
    "a certificate of somebody": cross(WORKER, "certificate", subject={"CN": "x", "OU": "swarm-manager"}),
    "a certificate at its end": cross(WORKER, "certificate", not_after=1060),
    "a certificate of yesterday": cross(WORKER, "certificate", not_after=900),
    "a certificate of tomorrow": cross(WORKER, "certificate", not_before=9000),
    "a certificate that cannot be read": lambda told: opened(told, WORKER).update(certificate={"error": "no file"}),
    **{f"address {text}": lambda told, text=text: told[WORKER]["seen"]["node"].update(address=text) for text in ADDRESSES},
    "declared elsewhere": lambda told: told[WORKER].update(declared={"swarm_advertise_addr": "10.77.0.99"}),
    "resolvers": lambda told: opened(told, WORKER)["workloads"]["rows"][0].update(resolvers=["192.0.2.53"]),
    "own resolvers": lambda told: opened(told, WORKER)["workloads"]["rows"][0].update(resolvers=["127.0.0.53"]),
    "a listener less": lambda told: opened(told, WORKER)["workloads"]["rows"][0].update(ports={PLAIN["id"]: [80]}),
    "many services": saying(lambda seen: seen["services"].extend(dict(seen["services"][0], id=f"s{n}", name=f"web{n}") for n in range(40))),
    "IPsec lost": lambda told: opened(told, WORKER).update(xfrm=[]),
    "policies lost": lambda told: opened(told, WORKER).update(policies=[]),
    "a drained worker": saying(lambda seen: seen["swarm"]["nodes"][1].update(availability="drain")),
    "a node down": saying(lambda seen: seen["swarm"]["nodes"][1].update(state="down")),
    "a join that broke off": saying(lambda seen: seen["swarm"]["nodes"].append({**seen["swarm"]["nodes"][1], "id": "new", "hostname": None, "seconds": 900.0})),
    "one node twice": lambda told: told[WORKER]["seen"]["node"].update(id="id-vm3"),
    "no worker": lambda told: [told[host]["seen"]["node"].update(role="manager") for host in HOSTS] and None,
    "no leader": lambda told: told[LEADER]["seen"].update(leader=False),
    "allocation": saying(lambda seen: seen.update(unallocated=[PLAIN["name"]])),
}  # fmt: skip


def attaching(row: dict[str, t.Any]) -> t.Callable[[dict[str, t.Any]], object]:
    return lambda seen: seen["attached"].__setitem__(0, {"network": PLAIN["id"], "seconds": 1.0, **row})


def wires(host: str, **parts: t.Any) -> t.Callable[[dict[str, t.Any]], object]:
    """Trains of a host to another one, on the wire, are otherwise; those of the way back are as they were."""
    return lambda seen: seen["trains"].__setitem__(f"PATH-QUALITY/wire/{host}", train(**parts))


TRAINS: dict[str, dict[str, t.Any]] = {
    "loss": {"answered": 40, "arrived": 50, "gap": 2},
    "a gap": {"answered": 40, "arrived": 45, "gap": 18},
    "nothing": {"answered": 0, "arrived": 0, "gap": 60},
    "small ones": {"answered": 40, "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 0]}},
    "delay": {"delay_ms": [150.0, 160.0, 170.0, 180.0]},
    "some delay": {"delay_ms": [45.0, 50.0, 55.0, 60.0]},
    "jitter": {"delay_ms": [1.0, 80.0, 190.0, 200.0]},
    "a queue": {"answered": 50, "delay_ms": [1.0, 90.0, 95.0, 99.0]},
    "little width": {"mbit": 1.0},
    "less width": {"mbit": 4.0},
    "no width": {"mbit": None},
    "repeated": {"repeated": 5},
    "reordered": {"reordered": 5},
    "corrupt": {"corrupt": 5},
    "late": {"late_ms": 1500, "answered": 30},
}
# What a host reports in a later phase.
LATER: dict[str, tuple[str, str, t.Callable[[dict[str, t.Any]], object]]] = {
    "attachment refused": ("probe", WORKER, attaching({"refused": "timed out"})),
    "lazy refused": ("probe", WORKER, lambda seen: seen.update(lazy={"refused": "timed out", "seconds": 20.0})),
    "nothing attached": ("probe", WORKER, lambda seen: seen.update(attached=[])),
    **{f"train {name}": ("probe", LEADER, wires(OTHER, **parts)) for name, parts in TRAINS.items()},
    "clear text sent": ("close", OTHER, lambda seen: seen["wire"]["plain"].update({"4098": {ADDRESS["vm1"]: 4}})),
    "clear text taken": ("close", WORKER, lambda seen: seen["responder"].update({"udp/back/clear@vm1": 1})),
    "no canary": ("close", OTHER, lambda seen: seen["wire"].update(canary={})),
    "no ESP": ("close", OTHER, lambda seen: seen["wire"].update(esp_out={})),
    "other ESP": ("close", OTHER, lambda seen: seen["wire"].update(esp_out={ADDRESS["vm1"]: {"9": 5}})),
    "a record elsewhere": ("probe", OTHER, lambda seen: seen["held"][PLAIN["id"]]["records"]["always"].append("other 10.0.1.9 10.77.0.11")),
    "an entry too many": ("probe", OTHER, lambda seen: seen["held"][PLAIN["id"]]["peers"]["always"].append("10.0.1.200 02:x 10.77.0.11")),
    "no balancer": ("probe", OTHER, lambda seen: seen["held"][PLAIN["id"]].update(balancer=[])),
    "half a balancer": ("probe", OTHER, lambda seen: seen["held"][PLAIN["id"]].update(balancer=[{"active": [], "quiet": []}])),
    "counters": ("probe", OTHER, lambda seen: seen.update(counters={"XfrmInError": 9, "XfrmInNoStates": 99})),
    "no rules": ("probe", OTHER, lambda seen: seen["rules"].update(mark=[], drop=[], ingress_jump=False, ingress_ports=[])),
    "policies at another port": ("probe", OTHER, lambda seen: [row.update(port=9999) for row in seen["policies"]]),
    "errors": ("probe", OTHER, lambda seen: seen.update(errors=["disk full"])),
    "untold": ("probe", OTHER, lambda seen: seen.update(untold=[PLAIN["id"]])),
    "a container less": ("probe", WORKER, lambda seen: seen.update(workloads={})),
    "names moved": ("close", LEADER, lambda seen: seen.update(records={PLAIN["id"]: {}})),
    "nobody serves": ("close", LEADER, lambda seen: seen.update(serving={})),
    "young ports": ("close", LEADER, lambda seen: seen.update(mesh={})),
    "young networks": ("close", LEADER, lambda seen: seen.update(carried={})),
    "known by all": ("close", OTHER, lambda seen: seen.update(lazy_known=True)),
    "held by all": ("close", OTHER, lambda seen: seen.update(namespaces=["lazy000000"])),
}  # fmt: skip


def later(phase: str, host: str, change: t.Callable[[dict[str, t.Any]], object]) -> Swarm:
    swarm = Swarm()
    change(swarm.of(phase, host))
    return swarm


def refused_everywhere(text: str) -> Swarm:
    """A network that is not attachable, and what the engine says of the attachment."""
    swarm = Swarm(change=described(attachable=False))
    swarm.of("probe", WORKER)["attached"][0] = {"network": PLAIN["id"], "refused": text, "seconds": 1.0}
    return swarm


def faulty() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """What goes wrong in the field, one at a time."""
    for name, change in PREPARED.items():
        yield f"prepared: {name}", lambda change=change: Swarm(change=change)
    for name, row in LATER.items():
        yield f"later: {name}", lambda row=row: later(*row)
    for words in ("network front not manually attachable", "timed out"):
        yield f"not attachable, refused: {words}", lambda words=words: refused_everywhere(words)
    for hosts in (HOSTS, [OTHER]):
        for kind in ("web", "www"):
            for addresses in (["10.0.1.5", "10.0.1.77"], ["10.0.1.4"], []):
                yield (
                    f"{kind} is {addresses} on {len(hosts)}",
                    lambda hosts=hosts, kind=kind, addresses=addresses: named(hosts, kind, addresses),
                )
    for way in ({"vm1": 6, "vm2": 0, "vm3": 0}, {"vm1": 4, "vm2": 1, "vm3": 1}):
        yield f"shares {way}", lambda way=way: shared(way)


def named(hosts: list[str], name: str, addresses: list[str]) -> Swarm:
    """A name that answers with other addresses, whichever check asks."""
    swarm = Swarm()
    for host in hosts:
        for ident in swarm.asked(host):
            if ident.endswith(f"{PLAIN['id']}/{name}"):
                swarm.unmet(host, ident, kind="answer" if addresses else "nxdomain", addresses=addresses)
    return swarm


def shared(shares: dict[str, int]) -> Swarm:
    """The connections to a virtual address are spread like this."""
    swarm = Swarm()
    swarm.of("probe", LEADER)["observations"][f"DP-MATRIX/{PLAIN['id']}/*/vip"]["shares"] = shares
    return swarm


CHOSEN: dict[str, dict[str, t.Any]] = {
    "one node": {"nodes": ["vm2"]},
    "no node": {"nodes": ["none"]},
    "a service": {"services": ["web"]},
    "another service": {"services": ["none"]},
    "declared": {
        "declared": ["front", "gone"],
        "declared_as": {"front": {"encrypted": True, "attachable": True, "internal": True}},
    },
    "certificates": {"certificate_days": 365},
    "addresses": {"data_addresses": {"vm2": "10.88.0.2"}},
}


def lacking(module: str, hosts: list[str], state: str) -> Swarm:
    def change(prepared: dict[str, t.Any]) -> None:
        for host in hosts:
            prepared[host]["seen"]["opened"]["kernel"]["modules"][module] = state

    return Swarm(change=change)


def worlds() -> dict[str, t.Callable[[], Swarm]]:
    """Every odd swarm by its name."""
    return {**dict(questions()), **dict(faults()), **dict(faulty()), **dict(reports())}
