# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The versions of the engine that the host's repositories have, and their installation while the engine is stopped."""

from __future__ import annotations

import os
import re
import shutil
import socket
import typing as t

from .._engine.client import Engine
from .._host import HostError
from . import flavour, halting, look, packages
from .process import run

MEBI = 1024 * 1024
ROOM = ("/usr", "/var")  # where packages are unpacked, and kept meanwhile
RECOMMENDS = (
    "--no-install-recommends"  # an upgrade may split a package: Debian's docker-cli is recommended by docker.io
)


class Versions(t.NamedTuple):
    """How one package manager tells versions. The package's name is appended to ``offered``; ``pin`` stands between name and version."""

    installed: list[str]
    offered: list[str]
    offers: t.Callable[[str], list[str]]
    pin: str
    download: list[str]
    repair: list[str]


def madison(text: str) -> list[str]:
    """The versions in the output of apt-cache madison, newest first."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    return [row[1] for row in rows if len(row) == 3 and row[2].endswith("Packages")]


def editions(text: str) -> list[str]:
    """The versions in the output of zypper --xmlout search --details."""
    return [
        found.group(1)
        for line in re.findall(r"<solvable [^>]*>", text)
        if (found := re.search(r'\bedition="([^"]+)"', line)) and 'kind="package"' in line
    ]


def _lines(text: str) -> list[str]:
    return text.split()


RPM = ["rpm", "-qa", "--qf", "ii|%{NAME}|%{EVR}\n"]
WAYS = {
    "apt-get": Versions(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package}|${Version}\n"],
        ["apt-cache", "madison"],
        madison,
        "=",
        ["--download-only"],
        ["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"],
    ),
    **{
        dnf: Versions(
            RPM,
            [dnf, "-q", "repoquery", "--available", "--showduplicates", "--qf", "%{evr}\n"],
            _lines,
            "-",
            ["--downloadonly"],
            [],
        )
        for dnf in ("dnf5", "dnf", "yum")
    },
    "zypper": Versions(
        RPM,
        ["zypper", "-n", "--xmlout", "search", "--details", "--match-exact", "--type", "package"],
        editions,
        "=",
        ["--download-only"],
        [],
    ),
}


def upstream(version: str) -> str:
    """The engine's own version in a package's or an engine's: 28.5.2 of 5:28.5.2-1~debian.13~trixie; empty when there is none."""
    found = re.match(r"(?:\d+:)?v?(\d+(?:\.\d+)*)", version.strip())
    return found.group(1) if found else ""


def numbers(version: str) -> tuple[int, ...]:
    """An engine's version as numbers, which compare."""
    return tuple(int(part) for part in upstream(version).split(".") if part)


class Installed(t.NamedTuple):
    """The package that the engine's program belongs to, its version, and all packages of an engine with this version."""

    package: str
    version: str
    alike: list[str]


def installed(text: str, package: str) -> Installed:
    """What a package manager tells of its installed packages, as STATE|NAME|VERSION. Pure."""
    rows = [line.split("|") for line in text.splitlines() if line.count("|") == 2]
    versions = {name: version for state, name, version in rows if state[1:2] not in ("", "n", "c")}
    own = versions.get(package, "")
    alike = sorted(name for name, version in versions.items() if own and version == own and packages.ENGINE.match(name))
    return Installed(package, own, sorted({package, *alike}) if own else [])


def newer(offered: t.Sequence[str], now: str) -> dict[str, str]:
    """{engine's version: version of its package} for all that is newer than the installed one. ``offered``: newest first. Pure."""
    found: dict[str, str] = {}
    for version in offered:
        if numbers(version) > numbers(now):
            found.setdefault(upstream(version), version)
    return found


class Offer(t.NamedTuple):
    """What the host has, and can have. ``problem``: why its packages cannot be upgraded here."""

    package: str = ""
    version: str = ""
    alike: t.Sequence[str] = ()
    newer: t.Mapping[str, str] = {}
    problem: str = ""


def offer(seen: look.Seen, refresh: bool, seconds: float) -> Offer:
    """The versions that this host can have. ``refresh``: read the lists of the repositories anew."""
    tool = packages.manager()
    way = WAYS.get(tool.program) if tool else None
    if not seen.package:
        return Offer(problem=f"no package owns the engine ({seen.path or 'none found'})")
    if tool is None or way is None:
        name = tool.program if tool else "no known package manager"
        return Offer(
            seen.package,
            problem=f"the host has {name}, of which versions cannot be chosen here: upgrade its engine by other means",
        )
    if refresh and tool.refresh:
        code, out = run(*tool.refresh, timeout=seconds)
        if code:
            return Offer(seen.package, problem=f"the repositories cannot be read: {packages.last_lines(out)}")
    found = installed(run(*way.installed)[1], seen.package)
    if not found.version:
        return Offer(seen.package, problem=f"the package manager does not know its own package {seen.package}")
    offered = way.offers(run(*way.offered, seen.package)[1])
    return Offer(found.package, found.version, found.alike, newer(offered, found.version))


class Upgrade:
    """One upgrade of the engine on this host."""

    def __init__(self, docker_host: str, way: halting.Way, version: str, seconds: float) -> None:
        self.docker_host = docker_host
        self.way = way
        self.version = upstream(version)
        self.seconds = seconds
        self.host = socket.gethostname()
        self.seen = look.look(docker_host, way.timeout)
        refused = flavour.refusal(self.seen.flavour, self.host, self.seen.path)
        problem = refused or way.problem()
        if not problem and not self.version:
            problem = f"{version!r} is no version of the engine"
        if problem:
            raise HostError(f"{self.host}: {problem}. Nothing was changed")

    @property
    def running(self) -> str:
        """The version of the running engine; empty when none runs."""
        return upstream(str((self.seen.info or {}).get("ServerVersion") or ""))

    def pinned(self, found: Offer) -> list[str]:
        """What to install. Empty when it is installed already. Raises HostError for what cannot be."""
        if numbers(found.version) == numbers(self.version) and not found.problem:
            return []
        problem = found.problem
        if not problem and numbers(found.version) > numbers(self.version):
            problem = f"it has {upstream(found.version)}, and a swarm does not survive a lower version"
        if not problem and self.version not in found.newer:
            known = ", ".join(found.newer) or "nothing newer"
            problem = f"its repositories have no {found.package} of version {self.version} ({known})"
        if problem:
            raise HostError(f"{self.host}: {problem}. Nothing was changed")
        pin = WAYS[_tool().program].pin
        return [f"{name}{pin}{found.newer[self.version]}" for name in found.alike]

    def beside(self, names: t.Sequence[str]) -> list[str]:
        """Other packages that come or change with these. Raises HostError when the package manager refuses, or would remove any."""
        tool = _tool()
        code, out = run(*(word for word in tool.simulate if word != RECOMMENDS), *names)
        changes = tool.changes(out)
        gone = [change for change in changes or () if change.action == packages.REMOVE]
        why = (packages.last_lines(out) or f"exit code {code}") if changes is None else packages.told(gone)
        if changes is None or gone:
            raise HostError(
                f"{self.host}: {tool.program} cannot install {', '.join(names)}, or not without harm: {why}. Nothing was changed"
            )
        own = {packages.bare(name) for name in names}
        return sorted({change.package for change in changes} - own)

    def fetch(self, names: t.Sequence[str]) -> None:
        """Download everything while the engine still runs. Raises HostError."""
        self._install([*WAYS[_tool().program].download, *names])

    def install(self, names: t.Sequence[str]) -> None:
        """Install while the engine is stopped. It is started again in any case. Raises HostError."""
        failed = []
        repair = WAYS[_tool().program].repair if names else []
        try:
            with halting.halted(self.way, self.docker_host, self.seen.state):
                try:
                    if repair:
                        run(*repair, timeout=self.seconds)  # what a run left that was killed meanwhile
                    if names:
                        self._install(names)
                except HostError as error:
                    failed.append(str(error))
        except HostError as error:
            raise HostError(". ".join([*failed, str(error)])) from error
        now = upstream(str(Engine(self.docker_host, self.way.timeout).info().get("ServerVersion") or ""))
        if failed:
            raise HostError(f"{failed[0]}. The engine runs again, with version {now}")
        if now != self.version:
            raise HostError(f"{self.host}: the engine runs with version {now} after the upgrade, not {self.version}")

    def _install(self, names: t.Sequence[str]) -> None:
        tool = _tool()
        plain = tool._replace(install=[word for word in tool.install if word != RECOMMENDS])
        packages.install(plain, names, self.seconds)


def _tool() -> packages.PackageManager:
    tool = packages.manager()
    if tool is None:
        raise HostError(f"{socket.gethostname()} has no known package manager")
    return tool


def room(data_root: str) -> int:
    """MiB that are free where the engine and its packages are, the least of them."""
    folders = [folder for folder in (*ROOM, data_root) if folder and os.path.isdir(folder)]
    return min(shutil.disk_usage(folder).free for folder in folders) // MEBI
