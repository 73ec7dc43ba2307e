# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Package managers: simulate each installation first, so that no engine's package is ever replaced.

The commands before ``install`` only query, and pure functions parse their output. Only ``install`` changes the host.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from .._host import HostError
from . import flavour
from .process import FOLDERS, run

INSTALL, CHANGE, REMOVE = "install", "replace by another version", "remove"
# Packages of engines by name. Packages that own an engine's program on this host count too.
ENGINE = re.compile(r"(docker|moby|containerd|runc|crun|podman|nerdctl|cri-o|cri-tools)(?![a-z0-9])")
PROGRAMS = ("dockerd", "docker", "docker-proxy", "containerd", "containerd-shim-runc-v2", "runc", "crun", "podman")


class Change(t.NamedTuple):
    """One step of a package manager's simulation."""

    action: str
    package: str


class PackageManager(t.NamedTuple):
    """The commands of one package manager, and the parsers of their output.

    Package names are appended to each command. ``aside`` are options that keep the package sources in another folder, where there are any.
    """

    program: str
    refresh: list[str]
    look: list[str]
    known: t.Callable[[str], set[str]]
    simulate: list[str]
    changes: t.Callable[[str], list[Change] | None]
    install: list[str]
    aside: list[str] = []


def apt_known(text: str) -> set[str]:
    """The packages with a candidate in the output of apt-cache policy."""
    return set(re.findall(r"(?m)^(\S+?)(?::\w+)?:\n(?:  .*\n)*?  Candidate: (?!\(none\))", text))


def apt_changes(text: str) -> list[Change] | None:
    """The steps that apt-get -s lists; None when it reports that it cannot."""
    if re.search(r"(?m)^E: ", text):
        return None
    installed = [
        Change(CHANGE if old else INSTALL, name) for name, old in re.findall(r"(?m)^Inst (\S+)( \[[^]]*\])? \(", text)
    ]
    return installed + [Change(REMOVE, name) for name in re.findall(r"(?m)^(?:Remv|Purg) (\S+)", text)]


DNF_SECTIONS = {
    "Installing": INSTALL,
    "Upgrading": CHANGE,
    "Downgrading": CHANGE,
    "Reinstalling": CHANGE,
    "Removing": REMOVE,
}


def dnf_changes(text: str) -> list[Change] | None:
    """The steps that dnf (4 or 5) --assumeno lists; None when it reports that it cannot."""
    if "Nothing to do" in text:
        return []
    if "Transaction Summary" not in text:
        return None
    found: list[Change] = []
    action, last = "", ""
    for line in text.split("Transaction Summary")[0].splitlines():
        heading = re.match(r"(\w+)[ \w]*:\s*$", line)
        row, replaced = re.match(r" (\S+)\s", line + " "), re.match(r"\s+replacing\s+(\S+)", line)
        if heading:
            action = DNF_SECTIONS.get(heading.group(1), "")
        elif replaced:
            name = re.sub(r"\.(x86_64|aarch64|noarch|ppc64le|s390x|i686)$", "", replaced.group(1))
            found += [] if name == last and action == CHANGE else [Change(REMOVE, name)]
        elif row and action:
            last = row.group(1)
            found.append(Change(action, last))
    return found


ZYPPER_SECTIONS = {
    "install": INSTALL,
    "upgrade": CHANGE,
    "downgrade": CHANGE,
    "reinstall": CHANGE,
    "change-arch": CHANGE,
    "change-vendor": CHANGE,
    "upgrade-change-arch": CHANGE,
    "upgrade-change-vendor": CHANGE,
    "remove": REMOVE,
}


def zypper_changes(text: str) -> list[Change] | None:
    """The steps that zypper --xmlout --dry-run lists; None when it reports that it cannot."""
    if "<install-summary" not in text:
        return [] if "Nothing to do" in text else None
    sections = re.findall(r"(?s)<to-([\w-]+)>(.*?)</to-\1>", text)
    return [
        Change(ZYPPER_SECTIONS.get(section, CHANGE), name)
        for section, inside in sections
        for name in re.findall(r'<solvable [^>]*?\bname="([^"]+)"', inside)
    ]


APK_VERBS = {
    "Installing": INSTALL,
    "Upgrading": CHANGE,
    "Downgrading": CHANGE,
    "Replacing": CHANGE,
    "Reinstalling": CHANGE,
    "Purging": REMOVE,
}


def apk_changes(text: str) -> list[Change] | None:
    """The steps that apk add --simulate lists; None when it reports that it cannot."""
    if re.search(r"(?m)^ERROR:", text):
        return None
    return [
        Change(APK_VERBS[verb], name)
        for verb, name in re.findall(r"(?m)^\(\d+/\d+\) (\w+) (\S+)", text)
        if verb in APK_VERBS
    ]


def pacman_changes(text: str) -> list[Change] | None:
    """The packages that pacman would install. It never removes a package without asking.

    ``problem`` marks those that are already installed as changed.
    """
    return None if re.search(r"(?m)^error:", text) else [Change(INSTALL, name) for name in text.split()]


def words(text: str) -> set[str]:
    return set(text.split())


APT = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"]
MANAGERS = (
    PackageManager(
        "apt-get",
        [*APT, "update"],
        ["apt-cache", "policy"],
        apt_known,
        [*APT, "-s", "install", "--no-install-recommends"],
        apt_changes,
        [
            *APT,
            "-o",
            "Dpkg::Options::=--force-confdef",
            "-o",
            "Dpkg::Options::=--force-confold",
            "--no-remove",
            "install",
            "--no-install-recommends",
        ],
        ["-o", "Dir::State::lists={folder}/", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="],
    ),
    *(
        PackageManager(
            dnf,
            [],
            [dnf, "-q", "repoquery", "--available", "--qf", "%{name}\n"],
            words,
            [dnf, "--assumeno", "--setopt=install_weak_deps=False", "install"],
            dnf_changes,
            [dnf, "-y", "--setopt=install_weak_deps=False", "install"],
        )
        for dnf in ("dnf5", "dnf", "yum")
    ),
    PackageManager(
        "zypper",
        [],
        ["zypper", "-n", "--xmlout", "search", "--match-exact", "--type", "package"],
        lambda text: set(re.findall(r'<solvable [^>]*?\bname="([^"]+)"', text)),
        ["zypper", "-n", "--xmlout", "install", "--dry-run", "--no-recommends", "--auto-agree-with-licenses"],
        zypper_changes,
        ["zypper", "-n", "install", "--no-recommends", "--auto-agree-with-licenses"],
    ),
    PackageManager(
        "pacman",
        ["pacman", "-Sy"],
        ["pacman", "-Ssq"],
        words,
        ["pacman", "-Sp", "--needed", "--print-format", "%n"],
        pacman_changes,
        ["pacman", "-S", "--needed", "--noconfirm"],
    ),
    PackageManager(
        "apk",
        ["apk", "update"],
        ["apk", "search", "-e", "-q"],
        words,
        ["apk", "add", "--simulate"],
        apk_changes,
        ["apk", "add"],
    ),
)


def manager() -> PackageManager | None:
    """The package manager of this host."""
    return next((each for each in MANAGERS if shutil.which(each.program)), None)


def aside(tool: PackageManager, folder: str) -> PackageManager:
    """The package manager with its package sources in another folder: to read them anew changes nothing on the host.

    Where it has no options for that, they are not read anew.
    """

    def there(argv: list[str]) -> list[str]:
        return [*argv[:1], *(word.format(folder=folder) for word in tool.aside), *argv[1:]]

    return tool._replace(
        refresh=there(tool.refresh) if tool.aside else [], look=there(tool.look), simulate=there(tool.simulate)
    )


def bare(package: str) -> str:
    """The package's name without version and architecture."""
    return re.split(r"[=<>~:]", package)[0].strip()


def owners() -> set[str]:
    """The packages that own engines' programs on this host."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
    there = {os.path.realpath(found) for found in (shutil.which(name, path=path) for name in PROGRAMS) if found}
    return {flavour.owner(each) for each in there} - {""}


def touched(changes: t.Sequence[Change], engine_packages: t.Container[str], has_engine: bool) -> list[Change]:
    """The steps that must not happen: a removal, a changed engine, or a second engine beside the installed one."""
    return [
        each
        for each in changes
        if each.action == REMOVE
        or ((each.package in engine_packages or ENGINE.match(each.package)) and (each.action == CHANGE or has_engine))
    ]


def told(changes: t.Sequence[Change]) -> str:
    """The steps in words."""
    actions = dict.fromkeys(each.action for each in changes)
    return " and ".join(
        f"{action} {', '.join(each.package for each in changes if each.action == action)}" for action in actions
    )


def problem(tool: PackageManager, names: t.Sequence[str], has_engine: bool) -> str:
    """Why these packages must not be installed here; empty when they can be."""
    code, out = run(*tool.simulate, *names)
    changes = tool.changes(out)
    if changes is None:
        return f"{tool.program} cannot install {', '.join(names)}: {last_lines(out) or f'exit code {code}'}"
    if tool.program == "pacman":
        there = words(run("pacman", "-Qq")[1])
        changes = [Change(CHANGE, each.package) if each.package in there else each for each in changes]
    against = touched(changes, owners(), has_engine)
    return f"to install {', '.join(names)}, {tool.program} would {told(against)}" if against else ""


def known(tool: PackageManager, names: t.Sequence[str]) -> list[str]:
    """The names that the package manager can install."""
    if not names:
        return []
    there = tool.known(run(*tool.look, *map(bare, names))[1])
    return [name for name in names if bare(name) in there]


def install(tool: PackageManager, names: t.Sequence[str], seconds: float) -> None:
    """Install packages. Raises HostError when it fails; ``seconds`` is the time limit."""
    code, out = run(*tool.install, *names, timeout=seconds)
    if code:
        raise HostError(f"{tool.program} did not install {', '.join(names)}: {last_lines(out)}")


def last_lines(out: str) -> str:
    """The error in a package manager's output, at most 600 characters."""
    lines = [line.strip() for line in re.sub(r"<[^<>]*>", "", out).splitlines() if line.strip()]
    first = next(
        (number for number, line in enumerate(lines) if re.match(r"(?i)(E:|error|problem|nothing provides)", line)), -3
    )
    return " ".join(" ".join(lines[first:]).split())[:600]
