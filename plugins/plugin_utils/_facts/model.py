# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification knows, as values: the facts that checks judge by, their results, and the causes. Pure.

Private to swarmlab.overlay. Nodes tell plain data, and reports are plain data: such records are typed dictionaries.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .problems import Problem, TaskProblem

# What is declared of a network and told by the swarm alike. An omitted option means its default, which is no.
DECLARED: t.Final = ("encrypted", "attachable", "internal")

Data = dict[str, t.Any]  # what a node told, as it told it
ByHost = dict[str, t.Any]  # host of the play -> what it told
Requests = dict[str, list[Data]]  # host of the play -> requests, as in ``_probe/work.py``


class Network(t.TypedDict):
    """An overlay, as the leader describes it."""

    id: str
    name: str
    encrypted: bool
    attachable: bool
    internal: bool
    vni: int | None
    subnets: list[str]
    options: t.NotRequired[dict[str, str] | None]
    room: t.NotRequired[list[Data]]  # addresses that are free, by subnet


class Node(t.TypedDict):
    """Who a host of the play is in the swarm, as its own engine tells."""

    id: str
    hostname: str
    machine: str
    copied: dict[str, str]
    address: str
    role: str
    engine: str
    root: str
    firewall: str


class Result(t.TypedDict):
    """What a check came to; docs/report-schema.json describes it."""

    id: str
    status: str
    reason: str
    title: str
    network: str | None
    service: str | None
    nodes: list[str]
    evidence: Data
    hint: str | None
    seconds: float


class Cause(t.TypedDict):
    """What makes checks fail; ``explains`` and ``shares`` are places in the list of results."""

    id: str
    title: str
    nodes: list[str]
    networks: list[str]
    todo: str
    because: list[str]
    certainty: str
    explains: list[int]
    shares: list[int]


@dataclass(frozen=True)
class Facts:
    """All that is known of a run, as far as its phases have come. Hosts are the play's; ids are the swarm's."""

    run: str
    hosts: list[str]
    settings: Data
    needs: list[str] = field(default_factory=list)

    # What each host told: who it is, when it was set up, when it probed, at the end.
    nodes: dict[str, Node] = field(default_factory=dict)
    opened: ByHost = field(default_factory=dict)
    probed: ByHost = field(default_factory=dict)
    closed: ByHost = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)  # why a host cannot be judged in full
    clocks: dict[str, list[list[float]]] = field(default_factory=dict)  # [asked, answered, began, ended] of each call
    observations: dict[str, dict[str, Data]] = field(default_factory=dict)  # request id -> how it went
    probe_began: dict[str, float] = field(default_factory=dict)
    served: ByHost = field(default_factory=dict)  # addresses to measure at
    measured: dict[str, dict[str, Data]] = field(default_factory=dict)
    held: dict[str, dict[str, Data]] = field(default_factory=dict)  # network id -> gossip, peers, load balancer
    wire: ByHost = field(default_factory=dict)  # what the capture on the underlay counted
    received: dict[str, dict[str, int]] = field(default_factory=dict)  # what the responders got
    heard: dict[str, dict[str, int]] = field(default_factory=dict)  # what arrived at the swarm's ports
    xfrm: dict[str, list[Data]] = field(default_factory=dict)
    policies: dict[str, list[Data]] = field(default_factory=dict)
    rules: ByHost = field(default_factory=dict)

    # What the leader told of the swarm.
    leader: str | None = None
    viewed: bool = False  # whether it told all that follows
    swarm: Data = field(default_factory=dict)  # empty when nobody told
    networks: list[Network] = field(default_factory=list)  # that are selected
    under_test: list[Network] = field(default_factory=list)  # these and the plain twin
    overlays: list[Network] = field(default_factory=list)
    all_networks: list[list[t.Any]] = field(default_factory=list)  # [name, id, scope, subnets]
    unmatched: list[str] = field(default_factory=list)
    unallocated: list[str] = field(default_factory=list)
    vips: dict[str, str] = field(default_factory=dict)  # network id -> virtual IP of the probes
    records: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # network id -> name -> addresses
    later_records: dict[str, dict[str, list[str]]] | None = None  # the same at the end of the run
    owners: dict[str, dict[str, list[str]]] = field(
        default_factory=dict
    )  # network id -> name -> [service, kind of name]
    addresses: dict[str, list[list[str]]] = field(default_factory=dict)  # network id -> [address, who has it]
    retired: dict[str, list[str]] = field(default_factory=dict)  # network id -> addresses that were given back lately
    carried: dict[str, dict[str, float]] = field(
        default_factory=dict
    )  # network id -> node id -> seconds that it has carried it
    lacking: dict[str, int] = field(default_factory=dict)  # services that want more tasks than run

    # What the run made, and how that went.
    made: Data = field(default_factory=dict)
    refused: dict[str, Problem] = field(default_factory=dict)  # part of the run -> why the managers refused it
    twin: Network | None = None
    worker: str | None = None  # that attaches containers
    probes: dict[str, dict[str, str]] = field(default_factory=dict)  # host -> network id -> address
    probe_name: str = ""
    published_name: str = ""
    published: list[str] = field(default_factory=list)  # ports of the whole swarm
    published_on: str | None = None
    published_port: int | None = None
    published_for: dict[str, float] = field(default_factory=dict)  # port -> seconds
    published_networks: list[str] = field(default_factory=list)
    convergence: Data = field(default_factory=dict)
    task_problems: dict[str, TaskProblem] = field(default_factory=dict)  # node id -> why the probes' task does not run
    speed_names: dict[str, str] = field(default_factory=dict)
    speed_port: int = 0

    # Disruptions: that of this run, and the outcomes of all by what they were.
    disrupted: Data = field(default_factory=dict)  # empty when this run follows none
    disruptions: dict[str, Data] = field(default_factory=dict)
