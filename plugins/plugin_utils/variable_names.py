# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that are almost called like ours: Ansible ignores them without a word, and what they declare is not there. Controller only.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import difflib
import functools
import pathlib
import re
import typing as t

from ansible.module_utils.common.yaml import yaml_load

COLLECTION = pathlib.Path(__file__).resolve().parents[2]
# What no argument specification has: variables of single hosts and of playbooks (docs/inventories.md).
OF_HOSTS = frozenset(
    {
        "swarm_advertise_addr",
        "swarm_data_path_addr",
        "swarm_node_labels",
        "swarm_node_availability",
        "swarm_node_id",
        "swarm_discover",
        "swarm_discovered_host",
    }
)
NAME = re.compile(r"\b[a-z]+_\w+")
ALIKE = 0.9  # of difflib's 1: one or two letters of a name


class Names(t.NamedTuple):
    """The names of variables: those that a user may set, and all that roles and playbooks use."""

    documented: frozenset[str]
    used: frozenset[str]


@functools.cache
def names(collection: pathlib.Path = COLLECTION) -> Names:
    """The names that this collection has."""
    documented, used = set(OF_HOSTS), set(OF_HOSTS)
    for path in sorted(collection.glob("roles/*/meta/argument_specs.yml")):
        for entry in yaml_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            documented.update(entry.get("options") or ())
    for pattern in ("roles/**/*.yml", "playbooks/*.yml"):
        for path in collection.glob(pattern):
            used.update(NAME.findall(path.read_text(encoding="utf-8")))
    return Names(frozenset(documented), frozenset(used))


def of_hosts(hosts: t.Iterable[str], hostvars: t.Any) -> dict[str, str]:
    """The same for the variables of these hosts. Nothing is templated."""
    return misspelt((name for host in hosts for name in hostvars.raw_get(host)), names())


def told(found: t.Mapping[str, str]) -> list[str]:
    """What is said of them. Pure."""
    return [
        f"{name} is set, and no variable of this collection has that name: it is not heard. Is {meant} meant?"
        for name, meant in found.items()
    ]


def misspelt(given: t.Iterable[str], known: Names) -> dict[str, str]:
    """Name that is set -> the name of ours that it is almost. Pure."""
    first = {name[0] for name in known.documented}
    found = {}
    for name in sorted(set(given) - known.used - known.documented):
        if name[0] in first and not name.startswith("ansible_"):
            alike = difflib.get_close_matches(name, known.documented, 1, ALIKE)
            if alike:
                found[name] = alike[0]
    return found
