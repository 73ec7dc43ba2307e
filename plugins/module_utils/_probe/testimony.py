# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's testimony about itself: counters that only grow when something is wrong, limits and how full they are,
settings that overlays need, devices, processes, and rules that drop.

Private to swarmlab.overlay. Standard library only. Reads only, and from the kernel wherever it tells. What a kernel
does not tell is left out: it is unknown, not well. It is taken twice, and the controller compares.
"""

from __future__ import annotations

import os
import re
import time
import typing as t

from . import groups, netlink, shapes, system

# Counters in /proc/net/snmp and netstat: group -> names. Others grow on sound hosts too.
SNMP: dict[str, tuple[str, ...]] = {
    "Ip": ("InHdrErrors", "InAddrErrors", "OutNoRoutes", "ReasmFails", "FragFails", "OutDiscards", "InDiscards"),
    "Udp": ("InCsumErrors", "RcvbufErrors", "SndbufErrors", "MemErrors"),
    "Tcp": ("InCsumErrors", "RetransSegs"),
    "Icmp": ("InCsumErrors",),
    "IpExt": ("InCsumErrors", "InNoRoutes", "InTruncatedPkts"),
    "TcpExt": ("ListenDrops", "ListenOverflows", "IPReversePathFilter", "TCPBacklogDrop", "PFMemallocDrop"),
}
DEVICE = ("rx_dropped", "tx_dropped", "rx_errors", "tx_errors", "rx_crc_errors", "tx_carrier_errors", "rx_fifo_errors")
CARRIER = "carrier_down_count"  # how often a device lost its link
CONNTRACK = ("drop", "early_drop", "insert_failed")
NEIGHBOURS = {"arp_cache": "neighbours"}  # the kernel's name of a table of neighbours -> its name among the limits
# Settings of the kernel that can break overlays; a star stands for every device that is no end of a container's link.
SETTINGS = (
    "net/core/netdev_max_backlog",
    "net/core/rmem_default",
    "net/core/somaxconn",
    "net/core/wmem_default",
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/ip_default_ttl",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ip_no_pmtu_disc",
    "net/ipv4/ip_nonlocal_bind",
    "net/ipv4/ipfrag_high_thresh",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_mtu_probing",
    "net/ipv4/udp_l3mdev_accept",
    "net/ipv4/udp_mem",
    "net/ipv4/conf/*/accept_local",
    "net/ipv4/conf/*/arp_filter",
    "net/ipv4/conf/*/arp_ignore",
    "net/ipv4/conf/*/disable_policy",
    "net/ipv4/conf/*/disable_xfrm",
    "net/ipv4/conf/*/drop_unicast_in_l2_multicast",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/rp_filter",
    "net/ipv4/neigh/default/gc_thresh3",
    "net/ipv4/vs/conn_reuse_mode",
    "net/ipv4/vs/expire_nodest_conn",
    "net/ipv6/conf/all/disable_ipv6",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-arptables",
    "net/netfilter/nf_conntrack_checksum",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_udp_timeout",
)
ENGINES = ("dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2", "docker-containerd")
STOPPED = "Tt"  # states of a process that was stopped or is traced, proc_pid_stat(5)
MOUNTS = "/proc/self/mountinfo"
CONTAINERD = "/var/lib/containerd"  # where images and layers live, if not below the engine's folder
# Files of a control group, of version 2 and of version 1: how long it was kept off the processor, and how much of one it may use.
HELD_BACK = "cpu.stat"
QUOTA = ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us")
HUNGER = 8.0  # seconds that a program waits for a processor before that says more than a busy moment
LEAST_SHARE = 0.04  # of one processor: with less, every call takes half a minute
DAEMONS = ENGINES[:2]  # whose groups are the engine's
PIDS = ("pids.current", "pids.max")
STATE = "/run"  # where engine and containerd keep what lives as long as they do, for every container
LEGACY_TABLES = "/proc/net/ip_tables_names"
VERDICTS = ("DROP", "REJECT", "TARPIT", "STOLEN")
RULES = 40  # rules that are told at most
HARMLESS_QUEUES = (
    "noqueue",
    "pfifo_fast",
    "fq_codel",
    "fq",
    "mq",
    "pfifo",
    "codel",
    "cake",
    "noop",
    "ingress",
    "clsact",
)


def look(root: str) -> shapes.Testimony:
    """What this node tells now. ``root``: the engine's data folder."""
    links, tables = netlink.links(), netlink.neighbour_tables()  # once: a node has two links for each container
    return {
        "time": time.time(),
        "counters": {**counters(links), **{f"{table['name']}.table_fulls": table["refused"] for table in tables}},
        "limits": {
            **limits(root),
            **{
                NEIGHBOURS[table["name"]]: [table["entries"], table["most"]]
                for table in tables
                if table["name"] in NEIGHBOURS
            },
        },
        "settings": settings(links),
        "pressure": pressure(),
        "devices": devices(links),
        "stopped": stopped(),
        "rules": dropping(),
        "shaped": shaped(links),
        "read_only": read_only(system.read(MOUNTS), root),
        "neighbours": neighbours(),
        "hardware": sorted({link["mac"] for link in links if link.get("mac")}),
    }


def read_only(mounts: str, root: str) -> list[str]:
    """The places of the engine's data, in /proc/self/mountinfo, where nothing can be written."""
    rows = [fields for fields in map(str.split, mounts.splitlines()) if len(fields) > 5]
    below = root.rstrip("/") + "/"
    found = [row[4] for row in rows if "ro" in row[5].split(",") and (row[4] + "/").startswith(below)]
    return sorted(found)


def neighbours() -> dict[str, list[t.Any]]:
    """Address of a neighbour -> [its hardware address as this kernel knows it, whether somebody fixed that]."""
    return {
        row["target"]: [row["mac"], row["permanent"]]
        for row in netlink.neighbours()
        if row["target"] and row["mac"] and row["target"] != "127.0.0.1"
    }


def look_inside(rules: bool) -> shapes.Inside:
    """What the current namespace, an overlay's own, holds; with its rules if asked for."""
    links = netlink.links()
    return {"devices": devices(links, every=True), "shaped": shaped(links), "rules": dropping() if rules else {}}


def parse_pairs(text: str) -> dict[str, dict[str, int]]:
    """Group -> name -> value in /proc/net/snmp or netstat: a line of names, then a line of values."""
    found: dict[str, dict[str, int]] = {}
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for names, values in zip(lines[::2], lines[1::2]):
        if names[0] == values[0]:
            found.setdefault(names[0].rstrip(":"), {}).update(
                (name, int(value)) for name, value in zip(names[1:], values[1:]) if _is_number(value)
            )
    return found


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


def parse_hex_table(text: str) -> dict[str, int]:
    """Column -> sum over the processors, in /proc/net/stat/*: a line of names, then hexadecimal lines."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not lines:
        return {}
    totals = dict.fromkeys(lines[0], 0)
    for line in lines[1:]:
        for name, value in zip(lines[0], line):
            totals[name] += int(value, 16)
    return totals


def parse_softnet(text: str) -> dict[str, int]:
    """Packets that were dropped for lack of room, and rounds that ended for lack of time (/proc/net/softnet_stat)."""
    rows = [[int(field, 16) for field in line.split()] for line in text.splitlines() if line.strip()]
    return {
        "dropped": sum(row[1] for row in rows if len(row) > 2),
        "squeezed": sum(row[2] for row in rows if len(row) > 2),
    }


def counters(links: list[shapes.Link]) -> dict[str, int]:
    """The counters of this namespace and of its links, by a name such as 'Udp.RcvbufErrors' or 'eth0.rx_dropped'."""
    told = parse_pairs(system.read("/proc/net/snmp"))
    told.update(parse_pairs(system.read("/proc/net/netstat")))
    found = {
        f"{group}.{name}": told[group][name]
        for group, names in SNMP.items()
        for name in names
        if name in told.get(group, {})
    }
    tracked = parse_hex_table(system.read("/proc/net/stat/nf_conntrack"))
    found.update((f"nf_conntrack.{name}", tracked[name]) for name in CONNTRACK if name in tracked)
    softnet = parse_softnet(system.read("/proc/net/softnet_stat"))
    found.update((f"softnet.{name}", value) for name, value in softnet.items())
    for link in (link for link in links if not link["name"].startswith("veth")):
        for name in DEVICE:
            value = _number(f"/sys/class/net/{link['name']}/statistics/{name}")
            if value is not None:
                found[f"{link['name']}.{name}"] = value
        downs = _number(f"/sys/class/net/{link['name']}/{CARRIER}")
        if downs is not None:
            found[f"{link['name']}.{CARRIER}"] = downs
    return found


def _number(path: str) -> int | None:
    text = system.read(path).strip()
    return int(text) if _is_number(text) else None


def setting(text: str) -> int | None:
    """A setting's value: of a range how many it holds, of thresholds in pages (low, pressure, high) the last."""
    words = text.split()
    if not words or not all(_is_number(word) for word in words):
        return None
    numbers = [int(word) for word in words]
    return numbers[1] - numbers[0] + 1 if len(numbers) == 2 else numbers[-1]


def limits(root: str) -> dict[str, list[int]]:
    """What can be used up: name -> [used, most]."""
    conntrack = (
        _number("/proc/sys/net/netfilter/nf_conntrack_count"),
        _number("/proc/sys/net/netfilter/nf_conntrack_max"),
    )
    files = system.read("/proc/sys/fs/file-nr").split()
    tasks = system.read("/proc/loadavg").split()
    found = {
        "connections": conntrack,
        "open files": (int(files[0]), int(files[2])) if len(files) == 3 else (None, None),
        "processes": (
            int(tasks[3].partition("/")[2]) if len(tasks) > 3 else None,
            _number("/proc/sys/kernel/pid_max"),
        ),
        "memory": _memory(system.read("/proc/meminfo")),
        **_disk(root),
        **{f"{name} of {folder}": pair for folder in apart(root) for name, pair in _disk(folder).items()},
        **_group(),
    }
    return {name: [used, most] for name, (used, most) in found.items() if used is not None and most}


def _memory(text: str) -> tuple[int | None, int | None]:
    """(used, all) in KiB."""
    rows = {name: int(value) for name, value in re.findall(r"(?m)^(\w+):\s+(\d+)", text)}
    if "MemAvailable" not in rows:
        return None, None
    return rows["MemTotal"] - rows["MemAvailable"], rows["MemTotal"]


def apart(root: str) -> list[str]:
    """Folders beside the engine's own, on file systems of their own, without which it starts no container."""
    try:
        inside = sorted(entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        inside = []
    home = _device(root)
    found: dict[int, str] = {}
    for folder in (STATE, CONTAINERD, *inside):
        device = _device(folder)
        if device is not None and device != home:
            found.setdefault(device, folder)
    return list(found.values())


def _device(folder: str) -> int | None:
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def _disk(folder: str) -> dict[str, tuple[int | None, int | None]]:
    """(used, all) of the file system of a folder: KiB, and inodes."""
    try:
        told = os.statvfs(folder)
    except OSError:
        return {}
    space = told.f_blocks * told.f_frsize // 1024
    return {
        "disk": (space - told.f_bavail * told.f_frsize // 1024, space),
        "inodes": (told.f_files - told.f_favail, told.f_files),
    }


def _group() -> dict[str, tuple[int | None, int | None]]:
    """(used, most) of the control group that has least room for more processes, among those in which this node's are."""
    told = [(_number(f"{folder}/{PIDS[0]}"), _number(f"{folder}/{PIDS[1]}")) for folder in own_groups("pids")]
    rooms = [(used, most) for used, most in told if used is not None and most is not None]
    return {"processes of the group": min(rooms, key=lambda room: room[1] - room[0])} if rooms else {}


def settings(links: list[shapes.Link]) -> dict[str, int]:
    """Settings of the kernel by their path, as sysctl(8) writes it."""
    names = [link["name"] for link in links if link["kind"] != "veth" or link["name"].startswith("eth")]
    found = {}
    for pattern in SETTINGS:
        for path in [pattern.replace("*", name) for name in ("all", *names)] if "*" in pattern else [pattern]:
            value = setting(system.read("/proc/sys/" + path))
            if value is not None:
                found[path.replace("/", ".")] = value
    return found


def parse_pressure(text: str) -> dict[str, float]:
    """Share of time in per cent over ten seconds, and microseconds in all, in which some task waited."""
    told = re.search(r"(?m)^some avg10=([\d.]+) .*total=(\d+)", text)
    return {"avg10": float(told.group(1)), "total": float(told.group(2))} if told else {}


def parse_held_back(text: str) -> float | None:
    """Seconds in which a control group had used up its processors, by its cpu.stat; None where no limit is kept. Both versions have it."""
    told = re.search(r"(?m)^throttled_(usec|time) ([0-9]+)$", text)
    return float(told.group(2)) / (1e6 if told.group(1) == "usec" else 1e9) if told else None


def parse_turns(text: str) -> tuple[float, float] | None:
    """Seconds that a process ran, and that it waited for a processor, by its schedstat; None where the kernel does not count them."""
    told = re.match(r"([0-9]+) ([0-9]+) [0-9]+\s*$", text)
    return (int(told.group(1)) / 1e9, int(told.group(2)) / 1e9) if told else None


def is_starved(ran: float, waited: float, processors: int, hosts: int) -> bool:
    """Whether a process that ran and waited for so many seconds shows that its node has hardly any processor. Pure.

    All hosts may be containers of one machine: each has its share then, and none is worse off than the others.
    """
    return waited >= HUNGER and ran / (ran + waited) < min(LEAST_SHARE, processors / (3 * hosts))


def starved(hosts: int) -> str:
    """In words that this process hardly got a processor so far, one of as many as there are hosts; empty if it did."""
    turns = parse_turns(system.read("/proc/self/schedstat"))
    if not turns or not is_starved(*turns, os.cpu_count() or 1, hosts):
        return ""
    return f"a program that needed {turns[0]:.1f} s of a processor waited {turns[1]:.0f} s for it"


def parse_allowed(text: str) -> float | None:
    """How many processors a control group may use, by its quota and period; None without a limit."""
    told = re.match(r"([0-9]+)\s+([1-9][0-9]*)\s*$", text)
    return int(told.group(1)) / int(told.group(2)) if told else None


def own_groups(controller: str) -> list[str]:
    """The folders of the control groups in which this process and the engine's are, and of those above them."""
    pids = ["self", *(pid for pid, name, _state in _engine_processes() if name in DAEMONS)]
    return list(dict.fromkeys(folder for pid in pids for folder in groups.folders(pid, controller)))


def processors_of_groups(folders: t.Iterable[str]) -> dict[str, float]:
    """How long limits of these groups kept them off the processor, added up, and how many processors the narrowest leaves."""
    told = [
        (
            parse_held_back(system.read(f"{folder}/{HELD_BACK}")),
            parse_allowed("".join(system.read(f"{folder}/{name}") for name in QUOTA)),
        )
        for folder in folders
    ]
    held_back = [seconds for seconds, _allowed in told if seconds is not None]
    allowed = [number for _seconds, number in told if number is not None]
    return {
        **({"held_back": sum(held_back)} if held_back else {}),
        **({"allowed": min(allowed)} if allowed else {}),
    }


def pressure() -> dict[str, float]:
    """How long tasks waited for a resource (Documentation/accounting/psi.rst), ticks that a hypervisor took, seconds that a limit did."""
    found = {}
    for name in ("cpu", "memory", "io"):
        for key, value in parse_pressure(system.read(f"/proc/pressure/{name}")).items():
            found[f"{name}.{key}"] = value
    ticks = system.read("/proc/stat").partition("\n")[0].split()
    if len(ticks) > 8:
        found["steal"] = float(ticks[8])
        found["ticks"] = float(sum(int(tick) for tick in ticks[1:9]))
    found.update(processors_of_groups(own_groups("cpu")))
    load = system.read("/proc/loadavg").split()
    if load:
        found["load"] = float(load[0])
    found["processors"] = float(os.cpu_count() or 1)
    return found


def devices(links: list[shapes.Link], every: bool = False) -> dict[str, shapes.Device]:
    """What the links of this namespace are like. ``every``: with the ends of containers' links too, which the host has many of.

    A bridge keeps isolated ports from each other, so a single one of them keeps nothing from anybody.
    """
    isolated = sum(netlink.ISOLATED in link["blocked"] for link in links)
    harmless = [netlink.ISOLATED] if isolated == 1 else []
    return {
        link["name"]: {
            "up": link["up"],
            "mtu": link["mtu"],
            "kind": link["kind"],
            "blocked": [words for words in link["blocked"] if words not in harmless],
        }
        for link in links
        if every or link["kind"] != "veth" or link["name"].startswith("eth")
    }


def stopped() -> list[str]:
    """The engine's processes that were stopped: 'containerd (pid 12)'."""
    return sorted(f"{name} (pid {pid})" for pid, name, state in _engine_processes() if state in STOPPED)


def _engine_processes() -> t.Iterator[tuple[str, str, str]]:
    """(pid, name, letter of its state) of each process of the engine's."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        name, dummy, rest = system.read(f"/proc/{pid}/stat").partition(" (")[2].rpartition(") ")
        if rest and any(name == engine[:15] for engine in ENGINES):
            yield pid, name, rest[:1]


def parse_dropping(text: str) -> dict[str, int]:
    """Rule or policy that drops -> packets that it dropped so far, in the output of iptables-save -c.

    The engine's own rules against clear text of encrypted networks, and between its bridges, are left out.
    """
    found: dict[str, int] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        policy = re.match(r":(\S+) (DROP|REJECT) \[(\d+):", line)
        if policy:
            found[f"{table}: policy of {policy.group(1)}: {policy.group(2)}"] = int(policy.group(3))
        rule = re.match(r"\[(\d+):\d+\] (-A (\S+) .*)", line)
        if rule and any(f"-j {verdict}" in rule.group(2) for verdict in VERDICTS) and not _of_engine(rule.group(2)):
            found[f"{table}: {rule.group(2)}"] = int(rule.group(1))
    return found


def _of_engine(rule: str) -> bool:
    return "--pol none" in rule or rule.startswith(
        ("-A DOCKER ", "-A DOCKER-ISOLATION", "-A DOCKER-INTERNAL", "-A DOCKER-BRIDGE")
    )


def parse_nft_dropping(text: str) -> dict[str, int]:
    """The same in the output of 'nft list ruleset', without the tables of iptables; -1 for a rule that does not count."""
    found: dict[str, int] = {}
    table = chain = ""
    for line in map(str.strip, text.splitlines()):
        begun = re.match(r"(table|chain) (.+?) \{$", line)
        if begun and begun.group(1) == "table":
            table = begun.group(2)
        elif begun:
            chain = begun.group(2)
        elif re.search(r"\b(drop|reject)\b", line) and "iptables" not in line and not line.startswith(("type", "#")):
            counted = re.search(r"counter packets (\d+)", line)
            found[f"{table} {chain}: {re.sub(r'counter packets .*? bytes [0-9]+ ?', '', line)}"] = (
                int(counted.group(1)) if counted else -1
            )
        elif re.search(r"\bpolicy drop;", line):
            found[f"{table} {chain}: policy drop"] = -1
    return found


def dropping() -> dict[str, int]:
    """The rules of this namespace that drop packets, with how many each dropped; -1: the rule does not count."""
    found: dict[str, int] = {}
    for tool in ("iptables-save", *(["iptables-legacy-save"] if system.read(LEGACY_TABLES).strip() else [])):
        found.update(parse_dropping(system.output([tool, "-c"]) or ""))
    ruleset = system.output(["nft", "list", "ruleset"]) or ""
    known = {name.partition(": ")[0] for name in found}
    for rule, number in parse_nft_dropping(ruleset).items():
        words = rule.split()
        if not (words[0] in ("ip", "ip6") and words[1] in known):  # tables of iptables-nft, which told them already
            found[rule] = number
    return dict(sorted(found.items(), key=lambda row: -row[1])[:RULES])


def shaped(links: list[shapes.Link]) -> list[str]:
    """Devices whose queueing discipline delays, loses or limits: 'eth0: netem'."""
    return sorted(
        f"{link['name']}: {link['queue']}"
        for link in links
        if link.get("queue") and link["queue"] not in HARMLESS_QUEUES
    )
