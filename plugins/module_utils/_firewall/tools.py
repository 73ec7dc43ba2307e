# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filters of this host: their state, the active one, and the changes.

Private to this collection, standard library only.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import socket
import typing as t

from .._engine.client import Engine, NotFound, Refused
from .._engine.transport import EngineError
from . import addresses, firewalld, iptables, nftables, ufw
from .model import MARK, Command, Plan, Refusal, Wanted, by_hand, ordered
from .nftables import Ruleset

Run = t.Callable[..., t.Tuple[int, str, str]]

FIREWALLD_DOWN = 252
FIREWALLD_CHAIN = "INPUT_direct"
ZONES = "/etc/firewalld/zones/*.xml"
UFW_RULES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
UFW_DEFAULTS = "/etc/default/ufw"
PATH = "/usr/sbin:/sbin"
SCRATCH = ("unshare", "--net", "sh", "-c", 'nft -f "$1" && nft -j list ruleset', "sh")


def read(path: str) -> str:
    """The text of a file; empty when there is none. Bytes that are not UTF-8 are preserved."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""


def resolve(name: str) -> list[str]:
    """The addresses of a name, as this host resolves it."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return sorted({str(row[4][0]).split("%", maxsplit=1)[0] for row in found})


def own_names() -> set[str]:
    name = socket.gethostname()
    return {name, name.split(".")[0]}


def members(docker_host: str, timeout: int) -> tuple[str, ...] | None:
    """The addresses of the swarm's members, from this host's engine; None when it does not answer.

    ``timeout`` in seconds.
    """
    try:
        engine = Engine(docker_host, timeout)
        info = engine.info()
        swarm = info.get("Swarm") or {}
        if swarm.get("LocalNodeState") != "active":
            return () if swarm.get("LocalNodeState") == "inactive" else None
        if swarm.get("ControlAvailable"):
            return addresses.of_members(info, engine.nodes(), ())
        peers: list[str] = []
        for network in engine.networks({"driver": ["overlay"]}):
            try:
                peers += [peer["IP"] for peer in engine.inspect_network(network["Id"]).get("Peers") or []]
            except NotFound:
                continue  # removed since it was listed
        return addresses.of_members(info, (), peers)
    except (EngineError, Refused):
        return None


class Host:
    """This host's filters. C(run) is a module's run_command."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.path = f"{os.environ.get('PATH', '')}:{PATH}"

    def has(self, program: str) -> bool:
        return shutil.which(program, path=self.path) is not None

    def call(self, argv: t.Sequence[str], text: str = "") -> tuple[int, str, str]:
        return self._run(
            list(argv), data=text or None, binary_data=True, environ_update={"LC_ALL": "C", "PATH": self.path}
        )

    def told(self, *argv: str) -> str:
        """The output of a program. Raises C(Refusal) when it fails."""
        code, out, err = self.call(argv)
        if code:
            raise Refusal(f"'{' '.join(argv)}' failed: {' '.join((err or out).split())[-300:] or code}")
        return out

    def firewalld_zones(self, now: nftables.Ruleset) -> dict[str, firewalld.Zone] | None:
        """The active zones; None when firewalld does not run."""
        if not self.has("firewall-cmd"):
            return None
        code, out, err = self.call(["firewall-cmd", "--list-all-zones"])
        # Without a message bus the command cannot tell; its traces in the kernel can.
        if code == FIREWALLD_DOWN or (code and "DBUS_ERROR" in err and not self._has_traces_of_firewalld(now)):
            return None
        if code:
            raise Refusal(
                f"firewalld: 'firewall-cmd --list-all-zones' failed: {' '.join((err or out).split())[-300:]}. Nothing was changed"
            )
        return firewalld.zones(out)

    def _has_traces_of_firewalld(self, now: nftables.Ruleset) -> bool:
        return any(name[1] in nftables.FOREIGN for name in now.chains) or any(
            FIREWALLD_CHAIN in seen.now for seen in map(self.iptables, iptables.PROGRAMS) if seen
        )

    def firewalld(self, runtime: dict[str, firewalld.Zone], nodes: t.Iterable[str]) -> firewalld.Seen:
        permanent = firewalld.zones(self.told("firewall-cmd", "--permanent", "--list-all-zones"))
        routes = {}
        for address in nodes:
            found = re.search(r"\bdev (\S+)", self.call(["ip", "route", "get", address])[1])
            if found:
                routes[address] = found.group(1)
        return firewalld.Seen(runtime, permanent, self.told("firewall-cmd", "--get-default-zone").strip(), routes)

    def ufw_is_active(self) -> bool:
        return "Status: active" in self.told("ufw", "status")

    def ufw(self) -> ufw.Seen:
        return ufw.Seen(
            "\n".join(read(path) for path in UFW_RULES),
            bool(re.search(r"(?mi)^\s*IPV6\s*=\s*\"?yes", read(UFW_DEFAULTS))),
        )

    def ruleset(self) -> nftables.Ruleset:
        return (
            nftables.ruleset(self.told("nft", "-j", "list", "ruleset")) if self.has("nft") else nftables.Ruleset({}, {})
        )

    def nftables(self, now: nftables.Ruleset) -> nftables.Seen:
        config, folder = next((pair for pair in nftables.CONFIGS if os.path.exists(pair[0])), ("", ""))
        config = os.path.realpath(config) if config else ""
        boot = self.boot(config) if config else None
        return nftables.Seen(
            now,
            boot,
            config,
            folder,
            read(config) if config else "",
            read(f"{folder}/{nftables.FILE}") if folder else "",
        )

    def boot(self, config: str) -> Ruleset | None:
        """The ruleset that the file for the boot creates on a host without rules.

        None when it cannot be loaded there, for example because it names this host's links.
        """
        code, out, _err = self.call([*SCRATCH, config])
        return nftables.ruleset(out) if code == 0 else None

    def iptables(self, version: int) -> iptables.Seen | None:
        program = f"{iptables.PROGRAMS[version]}-save"
        if not self.has(program):
            return None
        path = next((path for path in iptables.FILES[version] if os.path.exists(path)), None)
        return iptables.Seen(self.told(program, "-t", "filter"), path, read(path) if path else "")


LATER = "When it is started later, it closes the swarm's ports: run this again then"
NOTHING_FILTERS = "no packet filter drops what comes in: nothing is to be opened"


class Found(t.NamedTuple):
    """The active tool, if any, its plan, and a sentence about each tool that is installed and does not filter."""

    tool: str
    plan: Plan
    wanted: Wanted | None
    idle: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What was left alone, and why there was nothing to do."""
        return [*self.idle, *([NOTHING_FILTERS] if self.tool == "none" else [])]


def merged(plans: t.Iterable[Plan]) -> Plan:
    rows = list(plans)
    return Plan(
        tuple(item for plan in rows for item in plan.files),
        tuple(item for plan in rows for item in plan.commands),
        tuple(item for plan in rows for item in plan.before),
        tuple(item for plan in rows for item in plan.after),
    )


def opening(host: Host, wanted: Wanted, sure: bool) -> Found:
    """The plan that opens this host's filter.

    Unless the members are known for C(sure), addresses that are open stay open.
    """
    idle: list[str] = []
    active: dict[str, str] = {}
    now = host.ruleset()
    zones = host.firewalld_zones(now)
    if zones is not None:
        active["firewalld"] = "it runs"
    elif host.has("firewall-cmd"):
        idle.append(f"firewalld is installed and does not run: left alone. {LATER}")
    has_ufw = host.has("ufw")
    if has_ufw and host.ufw_is_active():
        active["ufw"] = "it is enabled"
    elif has_ufw:
        idle.append(f"ufw is installed and not enabled: left alone. {LATER}")
    names = nftables.closing(now, wanted)
    if names:
        active["nftables"] = f"{nftables.told(names)} drops"
    saved = {version: host.iptables(version) for version in (4, 6) if wanted.of(version)}
    closed = [
        iptables.PROGRAMS[version] for version, seen in saved.items() if seen and iptables.closes(seen.now, wanted)
    ]
    # ufw uses iptables, and so does firewalld when it is configured to.
    if (
        closed
        and "ufw" not in active
        and not (zones is not None and any(FIREWALLD_CHAIN in seen.now for seen in saved.values() if seen))
    ):
        active["iptables"] = f"INPUT of {' and '.join(closed)} drops"
    if len(active) > 1:
        raise Refusal(
            f"more than one packet filter is active: {'; '.join(f'{tool} ({why})' for tool, why in active.items())}. One may drop what"
            f" another accepts. Choose one and stop the others. {by_hand(wanted)}"
        )
    tool = next(iter(active), "none")
    try:
        return _opening(host, tool, wanted, sure, tuple(idle), zones, now)
    except Refusal as error:
        raise Refusal(f"{tool}: {error}. {by_hand(wanted)}") from error


def _opening(
    host: Host,
    tool: str,
    wanted: Wanted,
    sure: bool,
    idle: tuple[str, ...],
    zones: dict[str, firewalld.Zone] | None,
    now: nftables.Ruleset,
) -> Found:
    def all_of(held: t.Iterable[str]) -> Wanted:
        return wanted if sure else wanted._replace(addresses=ordered([*wanted.addresses, *held]))

    if tool == "firewalld":
        seen = host.firewalld(zones or {}, wanted.addresses)
        goal = all_of(firewalld.held(seen))
        return Found(tool, firewalld.plan(goal, seen), goal, idle)
    if tool == "ufw":
        rules = host.ufw()
        goal = all_of(ufw.held(rules))
        return Found(tool, ufw.plan(goal, rules), goal, idle)
    if tool == "nftables":
        goal = all_of(nftables.held(now))
        return Found(tool, nftables.plan(goal, host.nftables(now)), goal, idle)
    if tool == "iptables":
        saved = {version: seen for version in (4, 6) for seen in [host.iptables(version)] if seen}
        goal = all_of(address for seen in saved.values() for address in iptables.held(seen))
        return Found(tool, merged(iptables.plan(goal, version, seen) for version, seen in saved.items()), goal, idle)
    return Found(tool, Plan(), wanted, idle)


def closing(host: Host) -> Found:
    """The plan that removes all of our rules, in whichever tool they are."""
    plans: list[Plan] = []
    now = host.ruleset()
    zones = host.firewalld_zones(now)
    if zones is not None:
        plans.append(firewalld.plan(None, host.firewalld(zones, ())))
    elif host.has("firewall-offline-cmd"):
        plans.append(
            firewalld.offline({os.path.basename(path)[: -len(".xml")]: read(path) for path in glob.glob(ZONES)})
        )
    if host.has("ufw"):
        plans.append(ufw.plan(None, host.ufw()))
    if host.has("nft"):
        plans.append(nftables.plan(None, host.nftables(now)))
    plans += [iptables.plan(None, version, seen) for version in (4, 6) for seen in [host.iptables(version)] if seen]
    return Found("all", merged(plans), None)


def apply(host: Host, found: Found, write: t.Callable[[str, str | None], None]) -> None:
    """Write the files first, tested as at boot and restored when they fail; then change the active rules."""
    before = {path: read(path) if os.path.exists(path) else None for path, _text in found.plan.files}
    for path, text in found.plan.files:
        write(path, text)
    problem = _problem(host, found)
    if problem:
        for path, text in reversed(list(before.items())):
            write(path, text)
        raise Refusal(
            f"{found.tool}: {problem}. The files are as they were. {by_hand(found.wanted) if found.wanted else ''}".strip()
        )
    for command in found.plan.commands:
        run(host, command)


def run(host: Host, command: Command) -> None:
    code, out, err = host.call(command.argv, command.text)
    if code:
        words = " ".join(command.argv)
        raise Refusal(
            f"'{words[:300]}' failed: {' '.join((err or out).split())[-400:] or code}. Repair that, and run this again"
        )


def _problem(host: Host, found: Found) -> str | None:
    """Why the files just written would not load at boot."""
    paths = [path for path, _text in found.plan.files]
    for version, program in iptables.PROGRAMS.items():
        for path in set(paths) & set(iptables.FILES[version]):
            code, _out, err = host.call([f"{program}-restore", "--test"], read(path))
            if code:
                return f"{path} would not load: {' '.join(err.split())[-300:]}"
    if (
        any(MARK in read(path) or path.endswith(nftables.FILE) for path in paths)
        and found.tool == "nftables"
        and found.wanted
    ):
        return _problem_of_nftables(host, found.wanted)
    return None


def _problem_of_nftables(host: Host, wanted: Wanted) -> str | None:
    seen = host.nftables(host.ruleset())
    if seen.boot is None:
        code, _out, err = host.call(["nft", "-c", "-f", seen.config])
        return f"{seen.config} would not load: {' '.join(err.split())[-300:]}" if code else None
    closed = [name for name in nftables.closing(seen.boot, wanted) if not nftables.fits(seen.boot, name, wanted)]
    return f"after a boot {nftables.told(closed)} would not be open" if closed else None
