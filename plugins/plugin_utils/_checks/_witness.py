# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes tell about themselves, read for what is wrong with them and for what moved during a run. Pure.

Private to swarmlab.overlay. What is wrong by itself (a full table, a device that is down) is a ``Wrong``. What is
legitimate on many hosts (a rule that drops, a shaped device, a counter that rose) is only evidence beside a bad path.
"""

from __future__ import annotations

import re
import typing as t

from ...module_utils._probe.testimony import CARRIER
from ...module_utils._terms import GATEWAY, GOSSIP_PORT, MANAGER_PORT
from .._facts.model import Data, Facts
from . import _paths, _quality
from ._result import listed

FULL = 0.97  # share of a limit from which there is no room
SHORT = 0.985  # share of the memory in use from which a node is about to kill processes
ENOUGH = 64 * 1024  # KiB: a large disk is not full while this much is free
MOVED = 5  # packets: a counter or rule that moved less says nothing
FEWEST = {"disk": 32, "inodes": 32}  # KiB, inodes: a container takes about forty and twenty in /run
SCARCE = 0.3  # share of the time without a processor, from which on it is worth a remark
LITTLE = 0.25  # processors: the same of a limit
CROWDED = 4  # programs that run or wait, for each processor
TABLES: t.Final = {
    "connections": "tracks no more connections (net.netfilter.nf_conntrack_max)",
    "neighbours": "keeps no more neighbours (net.ipv4.neigh.default.gc_thresh3)",
    "IPv6 neighbours": "keeps no more neighbours (net.ipv6.neigh.default.gc_thresh3)",
    "open files": "opens no more files (fs.file-max)",
    "processes": "starts no more processes (kernel.pid_max)",
    "processes of the group": "starts no more processes (pids.max of its control group)",
}
# Without it the kernel asks no rule about what stays on one bridge.
BRIDGED: t.Final = "net.bridge.bridge-nf-call-iptables"
ROOMS: t.Final = {"disk": "KiB", "inodes": "inodes"}  # of the engine's folder; with " of FOLDER" of another one
# End of a setting's name -> the least with which a node works: far below any default of the kernel (Documentation/networking/ip-sysctl.rst,
# nf_conntrack-sysctl.rst, admin-guide/sysctl/net.rst).
LEAST: t.Final = {
    ".gc_thresh3": 64,
    ".ip_default_ttl": 8,
    ".ip_local_port_range": 256,
    ".ipfrag_high_thresh": 65536,
    ".netdev_max_backlog": 32,
    ".nf_conntrack_max": 1024,
    ".nf_conntrack_udp_timeout": 5,
    ".rmem_default": 16384,
    ".somaxconn": 8,
    ".tcp_mem": 256,
    ".udp_mem": 256,
    ".wmem_default": 4608,
}
# End of a setting's name -> whether a value can break paths.
BREAKING: t.Final[dict[str, t.Callable[[int], bool]]] = {
    ".rp_filter": lambda value: value == 1,
    ".arp_ignore": lambda value: value >= 3,
    ".arp_filter": lambda value: value == 1,
    ".disable_policy": lambda value: value == 1,
    ".disable_xfrm": lambda value: value == 1,
    ".icmp_echo_ignore_all": lambda value: value == 1,
    ".bridge-nf-call-iptables": lambda value: value == 0,
}
PROTOCOL = re.compile(r"\b(tcp|udp|esp|icmp)\b")
PORTS = re.compile(r"(?:--dports?|--sports?|dport|sport) \{? ?([\d, :-]+)")
# Counters of what found no room in a table.
FULL_COUNTERS: t.Final = {
    "arp_cache.table_fulls": "neighbours",
    "ndisc_cache.table_fulls": "IPv6 neighbours",
    "nf_conntrack.early_drop": "connections",
}
# Tables whose counted entries may be more than their limit, which does not count what the engine pinned (Linux 5.0, neigh_alloc).
UNBOUNDED: t.Final = ("neighbours",)
# Counters that move only when packets are damaged or thrown away.
TELLING = re.compile(
    r"InCsumErrors|InHdrErrors|InTruncatedPkts|IPReversePathFilter|OutNoRoutes|RcvbufErrors|ReasmFails|FragFails"
    r"|ListenOverflows|ListenDrops|table_fulls|nf_conntrack\.|softnet\.dropped|_errors$|_dropped$"
)


class Wrong(t.NamedTuple):
    """Something that is wrong with a node by itself. ``kind`` is a reason of NODE-STATE."""

    kind: str
    host: str
    text: str
    network: str | None = None


def latest(facts: Facts, host: str) -> Data | None:
    """The last testimony of a host."""
    told = facts.witnessed.get(host)
    return (told["after"] or told["before"]) if told else None


def wrongs(facts: Facts) -> list[Wrong]:
    """Everything that is wrong by itself, by host."""
    found: list[Wrong] = []
    for host in facts.hosts:
        told = latest(facts, host)
        if told:
            found += _full(facts, host, told) + _settings(facts, host, told) + _parts(facts, host, told)
            found += _apart(facts, host, told)
            found += _inside(facts, host)
    return found


def _full(facts: Facts, host: str, told: Data) -> list[Wrong]:
    rose = risen(facts, host)
    bounded = {name: row for name, row in told["limits"].items() if name in TABLES and name not in UNBOUNDED}
    crowded = {name for name, (used, most) in bounded.items() if used >= FULL * most}
    crowded |= {table for counter, table in FULL_COUNTERS.items() if rose.get(counter, 0) >= MOVED}
    found = [Wrong("table-full", host, f"{_used(told, name)}: the kernel {TABLES[name]}") for name in sorted(crowded)]
    for name, (used, most) in _rooms(facts, host).items():
        kind, dummy, folder = name.partition(" of ")
        if _filled(kind, used, most):
            where = f"in {folder}" if folder else "where the engine lives"
            found.append(Wrong("disk-full", host, f"{most - used} of {most} {ROOMS[kind]} are left {where}"))
    if told.get("read_only"):
        found.append(Wrong("disk-read-only", host, f"{' and '.join(told['read_only'])} cannot be written"))
    used, most = told["limits"].get("memory", (0, 1))
    if used >= SHORT * most:
        found.append(Wrong("memory-short", host, f"{(most - used) // 1024} of {most // 1024} MiB of memory are left"))
    return found


def _rooms(facts: Facts, host: str) -> dict[str, tuple[int, int]]:
    """Room of a host -> (used, all) at that look which found less of it: a container that does not start gives its part back."""
    told = facts.witnessed[host]
    found: dict[str, tuple[int, int]] = {}
    for look in [told["before"], *([told["after"]] if told["after"] else [])]:
        for name, (used, most) in look["limits"].items():
            if name.partition(" of ")[0] in ROOMS and (
                name not in found or most - used < found[name][1] - found[name][0]
            ):
                found[name] = (used, most)
    return found


def _filled(kind: str, used: int, most: int) -> bool:
    """Whether nothing of a room is left to speak of."""
    if most - used < FEWEST[kind]:
        return True
    return used >= FULL * most and (kind == "inodes" or most - used < ENOUGH)


def _used(told: Data, name: str) -> str:
    used, most = told["limits"].get(name, (None, None))
    return f"{used} of {most} {name}" if used is not None else name


def _settings(facts: Facts, host: str, told: Data) -> list[Wrong]:
    given, found = told["settings"], []
    closed = [name for name in _forwarding(facts, host) if given.get(name) == 0]
    if closed:
        found.append(Wrong("not-forwarding", host, f"{' and '.join(f'{name} is 0' for name in closed)}"))
    dropped = risen(facts, host).get("TcpExt.IPReversePathFilter", 0)
    strict = sorted(name for name, value in given.items() if name.endswith(".rp_filter") and value == 1)
    if dropped >= MOVED and strict:
        found.append(Wrong("setting-wrong", host, f"{strict[0]} is 1, and {dropped} packets were dropped for it"))
    for name, value in sorted(given.items()):
        least = next((number for end, number in LEAST.items() if name.endswith(end)), 0)
        if value < least:
            found.append(
                Wrong("setting-wrong", host, f"{name} allows {value}, and no node works with less than {least}")
            )
    return found


def _apart(facts: Facts, host: str, told: Data) -> list[Wrong]:
    """A docker_gwbridge that is to keep tasks from each other, and whose rules the kernel does not ask."""
    gateway = facts.opened.get(host, {}).get("gateway") or {}
    if told["settings"].get(BRIDGED) != 0 or not gateway.get("apart"):
        return []
    return [Wrong("not-apart", host, f"{BRIDGED} is 0, so tasks of any network reach each other over {GATEWAY}")]


def remarks(facts: Facts) -> list[str]:
    """What a node does otherwise than the others, and what harms no overlay by itself; a word for each."""
    told = [(wrong.host, wrong.text) for wrong in wrongs(facts)]
    found = [
        f"{host}: {line}"
        for host in facts.hosts
        for line in breaking(facts, host)
        if not any(host == where and line.partition(" ")[0] in text for where, text in told)
    ]
    found += [f"{host}: {text}" for host in facts.hosts for text in _held_back(facts, host)]
    return found + [f"{host} answers no ping, and the other nodes do: overlays need none" for host in mute(facts)]


def _held_back(facts: Facts, host: str) -> list[str]:
    """By what a node had no processor for much of the run, or gets little. Where it answered all the same, nothing is wrong."""
    allowed = (latest(facts, host) or {"pressure": {}})["pressure"].get("allowed")
    little = (
        [f"a limit of its control group leaves it {allowed:g} of a processor"]
        if allowed is not None and allowed < LITTLE
        else []
    )
    told = facts.witnessed.get(host) or {}
    if not told.get("after"):
        return little
    elapsed = told["after"]["time"] - told["before"]["time"]
    before, after = told["before"]["pressure"], told["after"]["pressure"]
    taken = {
        name: after[name] - before[name] for name in ("held_back", "steal", "ticks") if name in before and name in after
    }
    ways = (
        ("a limit of its control group ('--cpus', CPUQuota)", taken.get("held_back", 0.0), elapsed),
        ("its hypervisor", taken.get("steal", 0.0), taken.get("ticks", 0.0)),
    )
    return little + [
        f"{who} kept it off the processor for {100 * min(1.0, lost / whole):.0f} % of the time"
        for who, lost, whole in ways
        if whole > 0 and lost >= SCARCE * whole
    ]


def mute(facts: Facts) -> list[str]:
    """The hosts that answer trains at the swarm's port, and none of ICMP, where others do."""
    pairs = _paths.host_pairs(facts)
    answers: dict[str, list[bool]] = {}
    for wire, icmp in zip(_quality.paths(facts, _quality.WIRE, pairs), _quality.paths(facts, _quality.ICMP, pairs)):
        if wire.train and icmp.train and not wire.dead:
            answers.setdefault(wire.target, []).append(not icmp.dead)
    able = [host for host, told in answers.items() if any(told)]
    return [host for host, told in answers.items() if not any(told) and able]


def _forwarding(facts: Facts, host: str) -> list[str]:
    """The settings without which a node does not pass on what arrives at a published port."""
    names = ["net.ipv4.ip_forward", f"net.ipv4.conf.{GATEWAY}.forwarding"]
    return names + [f"net.ipv4.conf.{device}.forwarding" for device in _underlay(facts, host)[:1]]


def _underlay(facts: Facts, host: str) -> list[str]:
    """The devices with the address of a node, and with that of its data path."""
    wanted = [_paths.address(facts, host), _paths.tunnel(facts, host)]
    devices = [row["device"] for address in wanted for row in _paths.local(facts, host) if row["address"] == address]
    return list(dict.fromkeys(devices))


def odd(facts: Facts, host: str) -> dict[str, tuple[int, int]]:
    """Settings of a host that differ from those of most other hosts: name -> (its value, that of the others)."""
    told = latest(facts, host)
    others = [seen for seen in (latest(facts, other) for other in facts.hosts if other != host) if seen]
    found = {}
    for name, value in (told["settings"] if told else {}).items():
        theirs = [seen["settings"][name] for seen in others if name in seen["settings"]]
        usual = max(set(theirs), key=theirs.count) if theirs else value
        if value != usual and 2 * theirs.count(usual) > len(theirs):
            found[name] = (value, usual)
    return found


def breaking(facts: Facts, host: str) -> list[str]:
    """Odd settings of a host, and of its devices for the other nodes, whose values can break paths, as text."""
    others = [_blocked(facts, other) for other in facts.hosts if other != host]
    mute = _blocked(facts, host) if 2 * sum(map(bool, others)) < len(others) else []
    return mute + [
        f"{name} is {value}, on the other nodes {usual}"
        for name, (value, usual) in odd(facts, host).items()
        if any(name.endswith(end) and bad(value) for end, bad in BREAKING.items())
    ]


def _blocked(facts: Facts, host: str) -> list[str]:
    """What keeps a host's devices for the other nodes from passing packets. Devices of some kinds never do without, such as ipvlan's."""
    devices = (latest(facts, host) or {"devices": {}})["devices"]
    told = {name: devices[name].get("blocked") for name in _underlay(facts, host) if name in devices}
    return [f"{name}, which has the node's address, has {listed(words)}" for name, words in told.items() if words]


def strange_neighbour(facts: Facts, source: str, target: str) -> str | None:
    """What is wrong with the hardware address to which a host sends what is for another one; None if nothing is.

    In some clouds every address has the hardware address of a gateway, so it counts only beside a dead path.
    """
    mine, theirs = latest(facts, source), latest(facts, target)
    known = (mine or {}).get("neighbours", {}).get(_paths.tunnel(facts, target))
    if not known or not theirs or not theirs.get("hardware") or known[0] in theirs["hardware"]:
        return None
    owner = next((host for host in facts.hosts if known[0] in (latest(facts, host) or {}).get("hardware", [])), None)
    whose = f"which is {owner}'s" if owner else "which no node has"
    return f"{source} sends what is for {target} to {known[0]}, {whose}{' (a fixed entry)' if known[1] else ''}"


def _parts(facts: Facts, host: str, told: Data) -> list[Wrong]:
    found = [Wrong("engine-part-stopped", host, f"{process} is stopped") for process in told["stopped"]]
    bridge = told["devices"].get(GATEWAY)
    if bridge and not bridge["up"]:
        found.append(Wrong("device-down", host, f"{GATEWAY} is down"))
    if bridge is None and host in facts.probes:
        found.append(Wrong("device-down", host, f"{GATEWAY} is gone"))
    rose = risen(facts, host)
    for device in _underlay(facts, host):
        times = rose.get(f"{device}.{CARRIER}", 0)
        if times:
            text = f"{device}, which has the node's address, lost its link {times} {'time' if times == 1 else 'times'} meanwhile"
            found.append(Wrong("carrier-lost", host, text))
    return found


def _inside(facts: Facts, host: str) -> list[Wrong]:
    """Devices of an overlay's own namespace that are down, or that somebody keeps from passing packets."""
    names = {network["id"]: network["name"] for network in facts.under_test}
    return [
        Wrong("device-down", host, f"{device} of {names[network]} {_unfit(state)}", names[network])
        for network, told in (facts.witnessed.get(host) or {}).get("inside", {}).items()
        if network in names
        for device, state in told["devices"].items()
        if device != "lo" and (state.get("blocked") or not state["up"])
    ]


def _unfit(state: Data) -> str:
    return f"has {listed(state['blocked'])}" if state["up"] else "is down"


def risen(facts: Facts, host: str) -> dict[str, int]:
    """The counters that rose during the run, with by how much."""
    told = facts.witnessed.get(host) or {}
    if not told.get("after"):
        return {}
    before, after = told["before"]["counters"], told["after"]["counters"]
    return {name: value - before.get(name, 0) for name, value in after.items() if value > before.get(name, 0)}


def dropped_by(facts: Facts, host: str) -> dict[str, int | None]:
    """Rule of the host -> packets that it dropped during the run, None for one that does not count."""
    told = facts.witnessed.get(host) or {}
    if not told.get("after"):
        return {}
    before, found = told["before"]["rules"], {}
    for rule, number in told["after"]["rules"].items():
        rose = None if number < 0 else number - max(0, before.get(rule, 0))
        if _touches_swarm(facts, rule) and (rose is None or rose >= MOVED):
            found[rule] = rose
    return found


def dropped_lines(facts: Facts, host: str) -> list[str]:
    """The same as text."""
    return [
        f"{host}: {rule} ({'it does not count' if number is None else f'dropped {number} packets meanwhile'})"
        for rule, number in dropped_by(facts, host).items()
    ]


def dropped_inside(facts: Facts, host: str, network: str) -> list[str]:
    """The rules that dropped packets in an overlay's own namespace, where nobody but a person makes any."""
    told = (facts.witnessed.get(host) or {}).get("inside", {}).get(network)
    return sorted(rule for rule, number in told["rules"].items() if number) if told else []


def drops(facts: Facts, host: str, protocol: str, port: int | None) -> bool:
    """Whether a rule of the host dropped packets during the run that may have been of this protocol, and for this port."""
    return any(
        set(PROTOCOL.findall(rule)) <= {protocol} and _takes(rule, {port} if port else set())
        for rule in dropped_by(facts, host)
    )


def _takes(rule: str, wanted: set[int]) -> bool:
    """Whether a rule of iptables or nftables is for any of these ports: it names one, in a list or range too, or it names none."""
    spans = re.findall(r"(\d+)(?:[:-](\d+))?", " ".join(PORTS.findall(rule)))
    return not spans or any(int(first) <= port <= int(last or first) for first, last in spans for port in wanted)


def _touches_swarm(facts: Facts, rule: str) -> bool:
    """Whether the rule may drop what nodes send each other or what a published port passes on."""
    if "policy" in rule and "FORWARD" in rule:
        return False  # the engine's own, with chains of its own before it
    swarm = {MANAGER_PORT, GOSSIP_PORT, facts.swarm.get("data_port") or 4789}
    swarm |= {int(port.rpartition("/")[2]) for port in facts.published if port.rpartition("/")[2].isdigit()}
    return _takes(rule, swarm)


def evidence(facts: Facts, host: str, networks: t.Iterable[str] = ()) -> list[str]:
    """Lines about what moved on a host, or was put there, that may be why its paths are bad; the most telling first."""
    told = latest(facts, host)
    if not told:
        return []
    lines = [f"{host}: {device} shapes traffic" for device in told["shaped"]]
    lines += [f"{host}: {text}" for text in breaking(facts, host)]
    for network in networks:
        inside = facts.witnessed[host]["inside"].get(network)
        lines += [f"{host}: {device} inside the network shapes traffic" for device in (inside or {}).get("shaped", [])]
        lines += [f"{host}: inside the network: {rule}" for rule in dropped_inside(facts, host, network)]
    lines += dropped_lines(facts, host)
    moved = {name: rose for name, rose in risen(facts, host).items() if TELLING.search(name) and rose >= MOVED}
    lines += [f"{host}: {name} rose by {rose}" for name, rose in sorted(moved.items(), key=lambda row: -row[1])[:2]]
    return lines


def starved(facts: Facts) -> dict[str, str]:
    """Hosts that had no processor for longer than a question may take, with how long and how crowded they are."""
    return {
        host: f"it did not get to run for {seconds:.0f} s{_load(facts, host)}"
        for host, seconds in _paths.starved(facts).items()
    }


def silent(facts: Facts) -> dict[str, str]:
    """Hosts whose silence proves nothing, with the reason: they had no processor, or their helpers had ended."""
    ended = dict.fromkeys(
        _paths.ended(facts), "its helpers ended before the run did, as no call reached it for so long"
    )
    return {**ended, **starved(facts)}


def crowd(facts: Facts, host: str) -> str:
    """How crowded a host is of which several programs wait for each processor; empty if they do not, or nothing was told."""
    told = latest(facts, host)
    pressure = told["pressure"] if told else {}
    return _load(facts, host) if pressure.get("load", 0) >= CROWDED * pressure.get("processors", 1) else ""


def _load(facts: Facts, host: str) -> str:
    told = latest(facts, host)
    if not told or "load" not in told["pressure"]:
        return ""
    pressure = told["pressure"]
    waited = f", tasks wait {pressure['cpu.avg10']:.0f} % of the time" if "cpu.avg10" in pressure else ""
    return f": load {pressure['load']:.0f} on {pressure['processors']:.0f} processors{waited}"
