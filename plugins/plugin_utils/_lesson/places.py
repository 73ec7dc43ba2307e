# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of a step are typed, and what stands in their braces, from what a manager saw. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ...module_utils._lesson import shapes
from .lesson import PLACEHOLDER, Step

SHORTEST = 2  # characters of an id, as the lesson writes them
OPEN_NETWORK, LETTER_SERVICE = "clara", "carta"


@dataclasses.dataclass(frozen=True)
class Places:
    """The lesson's places at one moment. ``hosts``: the host of each node, by node id; ``manager``: the host whose engine is asked."""

    hosts: t.Mapping[str, str]
    manager: str
    look: shapes.Look

    @property
    def swarm(self) -> shapes.Swarm:
        """What the manager knows."""
        swarm = self.look["swarm"]
        if swarm is None:
            raise ValueError("the look is not that of a manager")
        return swarm

    def task(self, service: str, slot: int) -> shapes.Task | None:
        """A task of a replicated service."""
        return next((row for row in self.swarm["tasks"] if (row["service"], row["slot"]) == (service, slot)), None)

    def at(self, place: str) -> list[str]:
        """The hosts of a place. None where there is no such node, or it is not in the play."""
        if place == "manager":
            return [self.manager]
        workers = [row["id"] for row in self.swarm["members"] if row["role"] == "worker" and row["id"] in self.hosts]
        if place == "workers":
            return [self.hosts[node] for node in workers]
        if place == "worker":
            busy = {row["node"] for row in self.swarm["tasks"]}
            free = [node for node in workers if node not in busy] or workers
            return [self.hosts[free[-1]]] if free else []
        task = self.task("servico" if place.startswith("task") else "porta", int(place[-1]))
        return [self.hosts[task["node"]]] if task and task["node"] in self.hosts else []

    def values(self) -> dict[str, str]:
        """What stands in braces. What is not known now is left out."""
        found = {"manager": self.look["hostname"]}
        service = next((row["id"] for row in self.swarm["services"] if row["ours"] and row["name"] == "servico"), None)
        if service:
            found["servico"] = short(service, [row["id"] for row in self.swarm["services"]])
        for name, key in (("servico", "task"), ("porta", "porta")):
            for slot in (1, 2):
                task = self.task(name, slot)
                if task:
                    found[f"{key}{slot}"] = task["name"]
        second = self.task("porta", 2)
        if second and second["networks"].get("ingress"):
            found["ip2"] = second["networks"]["ingress"]
        letters = [row for row in self.swarm["tasks"] if row["service"] == LETTER_SERVICE]
        here = [row for row in letters if self.hosts.get(row["node"]) == self.manager]
        there = [row for row in letters if self.hosts.get(row["node"]) != self.manager]
        if here and there:
            found.update(carta=here[0]["name"], clara=there[0]["networks"].get(OPEN_NETWORK, ""))
        return found

    def typed_at(self, host: str, steps: t.Sequence[Step]) -> list[shapes.Script]:
        """What a host types of these steps after the change. A line with a value that is not known is left out, and so missed."""
        values = self.values()
        return [
            {
                "step": step.id,
                "lines": [
                    filled(line, values)
                    for typing in step.watching
                    if host in self.at(typing.at)
                    for line in typing.lines
                    if known(line, values)
                ],
            }
            for step in steps
        ]

    def letter(self, host: str) -> shapes.Post:
        """The letter of a host: to every other node's task, over both networks."""
        swarm = self.swarm
        own = next((node for node, name in self.hosts.items() if name == host), "")
        names = {row["id"]: row["hostname"] for row in swarm["members"]}
        tasks = [row for row in swarm["tasks"] if row["service"] == LETTER_SERVICE]
        networks = sorted({name for row in tasks for name in row["networks"]}, key=lambda name: name != OPEN_NETWORK)
        return {
            "service": LETTER_SERVICE,
            "networks": {name: swarm["vnis"].get(name, 0) for name in networks},
            "to": {names[row["node"]]: row["networks"] for row in tasks if row["node"] != own},
            "port": swarm["data_port"],
        }


def short(wanted: str, known_ids: t.Sequence[str]) -> str:
    """The beginning of an id that no other one has, of two characters at least."""
    for length in range(SHORTEST, len(wanted)):
        if not any(other != wanted and other.startswith(wanted[:length]) for other in known_ids):
            return wanted[:length]
    return wanted


def known(line: str, values: t.Mapping[str, str]) -> bool:
    """Whether every value in a line is known."""
    return all(values.get(name) for name in PLACEHOLDER.findall(line))


def filled(line: str, values: t.Mapping[str, str]) -> str:
    """A line with its values."""
    return PLACEHOLDER.sub(lambda found: values[found.group(1)], line)
