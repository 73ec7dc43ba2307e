# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings in which the nodes of one lab may differ, like machines in production. Pure.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from .imagespec import FIREWALLS, NO_FIREWALL, ROOT, SUITES, ImageSpec
from .options import bad, boolean, choice, reject_unknown

KEY = "node_settings"
ALL = "all"
RESERVED_USERS = ("daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "backup", "list",
                  "irc", "nobody", "messagebus", "sshd", "docker", "sudo", "tcpdump")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class NodeSettings:
    """The settings of one node."""

    suite: str = "trixie"
    engine: bool = True
    firewall: str = NO_FIREWALL
    user: str = ROOT
    jump: str | None = None  # the jump node on the way to this node

    def image(self, mirror: str | None, packages: tuple[str, ...]) -> ImageSpec:
        """The image specification of such a node; the mirror and further packages are the lab's."""
        return ImageSpec(self.suite, mirror, packages, self.engine, self.firewall, self.user)


NAMES = tuple(field.name for field in dataclasses.fields(NodeSettings))
# Settings that need a machine: a container has no system to log in to, to boot, or to install an engine in.
NEED_A_MACHINE = {name: default for name, default in dataclasses.asdict(NodeSettings()).items() if name != "suite"}


def parse(value: t.Any, names: t.Sequence[str], suite: str, driver: str) -> dict[str, NodeSettings]:
    """The settings of each node; ``suite`` is the default. Raises LabError."""
    given = _mapping(KEY, value)
    for name in given:
        if name != ALL and name not in names:
            has = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
            raise bad(f"{KEY}.{name}", f"the lab has no such node; it has {has}, and '{ALL}' stands for every one")
    common = _checked(ALL, given.get(ALL), driver)
    found = {
        name: NodeSettings(**{"suite": suite, **common, **_checked(name, given.get(name), driver)}) for name in names
    }
    return {name: _with_way(name, settings, found, name in given) for name, settings in found.items()}


def _with_way(name: str, settings: NodeSettings, all_of_lab: t.Mapping[str, NodeSettings], own: bool) -> NodeSettings:
    """The settings without a jump to the node itself, which a jump node for all nodes would otherwise have."""
    jump = settings.jump
    if jump is None:
        return settings
    if jump not in all_of_lab:
        raise bad(f"{KEY}.{name if own else ALL}.jump", f"{jump!r} is not a node of this lab")
    if jump == name:
        return dataclasses.replace(settings, jump=None)
    if all_of_lab[jump].jump not in (None, jump):
        raise bad(f"{KEY}.{name if own else ALL}.jump", f"{jump} is itself reached through {all_of_lab[jump].jump}")
    return settings


def _mapping(key: str, value: t.Any) -> t.Mapping[str, t.Any]:
    """A dictionary; the environment gives one as JSON."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError as error:
            raise bad(key, f"{value!r} is not a dictionary in JSON ({error})") from None
    if value is None or value == "":
        return {}
    if not isinstance(value, t.Mapping):
        raise bad(key, f"{value!r} is not a dictionary")
    return value


def _checked(node: str, value: t.Any, driver: str) -> dict[str, t.Any]:
    """The validated settings of one node, or of all."""
    prefix = f"{KEY}.{node}"
    given = {key: entry for key, entry in _mapping(prefix, value).items() if entry is not None}
    reject_unknown(given, NAMES, f"{prefix}.")
    checks: dict[str, t.Callable[[str, t.Any], t.Any]] = {
        "suite": suite_of,
        "engine": boolean,
        "firewall": lambda key, entry: choice(key, NO_FIREWALL if entry is False else entry, FIREWALLS),
        "user": _user,
        "jump": _node_name,
    }
    found = {key: checks[key](f"{prefix}.{key}", entry) for key, entry in given.items()}
    for key, default in NEED_A_MACHINE.items() if driver == "container" else ():
        if found.get(key, default) != default:
            raise bad(
                f"{prefix}.{key}", "a node that is a container cannot have it, only a virtual machine can (driver: vm)"
            )
    return found


def suite_of(key: str, value: t.Any) -> str:
    if not isinstance(value, str) or value not in SUITES:
        raise bad(key, f"{value!r} is not a Debian suite that nodes can be made from; there are {', '.join(SUITES)}")
    return value


def _user(key: str, value: t.Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", value) or value in RESERVED_USERS:
        raise bad(
            key,
            f"{value!r} is not a name for a user: 1 to 31 lower-case letters, digits, hyphens, and none of the system's",
        )
    return value


def _node_name(key: str, value: t.Any) -> str:
    if not isinstance(value, str):
        raise bad(key, f"{value!r} is not the name of a node")
    return value
