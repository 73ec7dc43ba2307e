# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fault is, and where it may be."""

from __future__ import annotations

import random
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

PLAIN, OTHER, SECRET, WEB = "faults-plain", "faults-other", "faults-secret", "faults-web"
# How a step is done: on the node; in an overlay's namespace there; in that of the overlay's balancer; in that of the service's task; at its
# cable (``wire.py``, or netem on machines); by module lab_fault; on this machine, about the node's container, whose name stands for {}.
HOWS = ("shell", "network", "balancer", "task", "wire", "lab", "host")


@dataclass(frozen=True)
class Step:
    """One thing to do. ``how``: one of ``HOWS``."""

    how: str
    node: str
    text: str
    where: str = ""  # the network


@dataclass(frozen=True)
class Stranger:
    """One fault. ``needs``: vm, container, ip_vs, esp4. ``renew``: the lab is made anew after it, as undoing takes longer.

    ``remark``: no overlay suffers, so a remark with this word and the node is right too, and a report may be green.
    """

    family: str
    what: str
    nodes: tuple[str, ...]
    causes: tuple[str, ...]
    make: tuple[Step, ...]
    mend: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()
    renew: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Scenario:
    """What one seed gives: one fault, or two on different nodes."""

    seed: int
    faults: tuple[Stranger, ...]

    @property
    def family(self) -> str:
        return self.faults[0].family if len(self.faults) == 1 else "two at once"

    @property
    def what(self) -> str:
        return "; and ".join(fault.what for fault in self.faults)

    @property
    def needs(self) -> set[str]:
        return {need for fault in self.faults for need in fault.needs}

    @property
    def data(self) -> dict[str, t.Any]:
        return {"seed": self.seed, "family": self.family, "faults": [asdict(fault) for fault in self.faults]}


class Place:
    """Where a fault may be, and chance. A node and another one are chosen once."""

    def __init__(self, chance: random.Random, nodes: Sequence[str]) -> None:
        self.chance = chance
        self.nodes = tuple(nodes)
        self.node, self.peer = chance.sample(list(nodes), 2)
        self.network = chance.choice([PLAIN, OTHER])
        self.pick = chance.choice

    @property
    def both(self) -> tuple[str, ...]:
        return tuple(sorted((self.node, self.peer)))

    def between(self, low: int, high: int) -> int:
        """A number, small ones as likely as large ones in proportion."""
        factor: float = (high / low) ** self.chance.random()
        return round(low * factor)


Maker = Callable[[Place], Stranger]


def shell(node: str, text: str) -> tuple[Step, ...]:
    return (Step("shell", node, text),)
