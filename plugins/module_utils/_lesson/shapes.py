# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types that travel between controller and node: what is to be typed, and what was seen. All of it is JSON.

Private to swarmlab.overlay. Times are in seconds.
"""

from __future__ import annotations

import typing as t

from .._probe import shapes as probed
from .._probe import standing


class Typed(t.TypedDict):
    """A line that was typed, and the answer on the screen. ``code``: None inside a container's shell. ``late``: it did not end in time."""

    prompt: str
    line: str
    output: str
    code: int | None
    late: bool
    seconds: float


class KnownNetwork(t.TypedDict):
    """A network that an engine lists. ``held``: its VXLAN is set up on this node."""

    id: str
    name: str
    driver: str
    scope: str
    ours: bool
    encrypted: bool
    held: bool


class Container(t.TypedDict):
    """A running container of the lesson on this node, with its addresses by network's name."""

    id: str
    name: str
    service: str
    networks: dict[str, str]


class Member(t.TypedDict):
    """A node as a manager sees it."""

    id: str
    hostname: str
    role: str
    state: str
    availability: str
    address: str
    engine: str
    leader: bool
    trust_root: str


class Service(t.TypedDict):
    """A service as a manager sees it."""

    id: str
    name: str
    ours: bool


class Task(t.TypedDict):
    """A running task of the lesson. ``name``: that of its container. Addresses are by network's name."""

    id: str
    name: str
    service: str
    node: str
    slot: int
    networks: dict[str, str]


class Swarm(t.TypedDict):
    """What only a manager knows."""

    leader: bool
    members: list[Member]
    services: list[Service]
    tasks: list[Task]
    trust_root: str
    data_port: int
    vnis: dict[str, int]


class Look(t.TypedDict):
    """What a node knows at one moment. ``swarm``: None on a worker."""

    node: str
    hostname: str
    role: str
    engine: str
    networks: list[KnownNetwork]
    containers: list[Container]
    swarm: Swarm | None


class Frame(t.TypedDict):
    """One frame that left this node, with a part of its bytes in hexadecimal digits."""

    source: str
    target: str
    kind: str
    bytes: str


class Letter(t.TypedDict):
    """What left this node while it wrote to the others over the open and the sealed network.

    ``clear``: frames by network in which the words could be read. ``esp``: encrypted packets by target. ``answered``: nodes that
    answered on the open network, by its name.
    """

    words: str
    clear: dict[str, int]
    esp: dict[str, int]
    answered: dict[str, list[str]]
    frames: list[Frame]
    lost: int


class Clear(t.TypedDict, total=False):
    """Objects of the lesson that give way, by name."""

    services: list[str]
    networks: list[str]


class Script(t.TypedDict):
    """The lines of a step."""

    step: str
    lines: list[str]


class Post(t.TypedDict):
    """The letter that a node writes: over these networks, by name, the open one first, to these nodes' addresses."""

    service: str
    networks: dict[str, int]
    to: dict[str, dict[str, str]]
    port: int


class Wanted(t.TypedDict):
    """A command that has to succeed, with an output that has the pattern ``expect``."""

    line: str
    expect: str


class Ran(t.TypedDict):
    """A command that was run. ``met``: it succeeded, and its output has the pattern."""

    line: str
    output: str
    code: int
    met: bool


class Plan(t.TypedDict, total=False):
    """What a node does in a phase. ``stay``: a helper takes the orders of the next phases."""

    run: str
    stay: bool
    lab: bool
    seconds: float
    clear: Clear
    scripts: list[Script]
    letter: Post | None
    settled: dict[str, int]
    names: dict[str, list[str]]
    lines: list[str]
    checks: list[Wanted]
    patience: float


class Ready(t.TypedDict):
    """A node before the lesson. ``taken``: objects of others with the lesson's names. ``door``: where its helper takes orders."""

    door: standing.Door | None
    look: Look
    taken: list[str]
    image: str
    modules: probed.Modules
    certificate: dict[str, t.Any]


class Done(t.TypedDict):
    """A phase of a round on a node."""

    said: dict[str, list[Typed]]
    look: Look
    letter: Letter | None
