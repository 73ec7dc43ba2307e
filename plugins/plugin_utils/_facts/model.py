# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verification's data as values: the facts for the checks, their results, and the causes. Pure.

Private to swarmlab.overlay. Data from nodes and reports is plain, so such records are typed dictionaries.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._verify.shapes import Identity
from .problems import Problem, TaskProblem

# The properties that both a declaration and the swarm's API have. An omitted one has its default, false.
DECLARED: t.Final = ("encrypted", "attachable", "internal")

Data = dict[str, t.Any]  # a node's data, unchanged
ByHost = dict[str, t.Any]  # host of the play -> its data
Requests = dict[str, list[Data]]  # host of the play -> requests, as in ``_probe/work.py``


class Network(t.TypedDict):
    """An overlay in the leader's description."""

    id: str
    name: str
    encrypted: bool
    attachable: bool
    internal: bool
    vni: int | None
    subnets: list[str]
    options: t.NotRequired[dict[str, str] | None]
    room: t.NotRequired[list[Data]]  # free addresses by subnet


class Result(t.TypedDict):
    """The result of a check; docs/report-schema.json describes it."""

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
    """The cause of failed checks. ``explains`` and ``shares`` are indexes into the list of results."""

    id: str
    title: str
    nodes: list[str]
    networks: list[str]
    todo: str
    because: list[str]
    certainty: str
    explains: list[int]
    shares: list[int]


class Disruption(t.TypedDict):
    """The disruption that a run follows. Times are in seconds."""

    what: str
    node: str | None  # host of the play
    node_id: str | None
    leader: str | None  # host of the play
    skip: str | None  # why nothing is disrupted
    ports: Data
    restart: str  # the command that restarts the node's engine; empty: the usual one
    lacking: dict[str, str]  # services that lacked tasks before
    nodes: dict[str, list[str]]  # node id -> state and availability before
    before: list[t.Any]  # verdicts of the proof before
    timeout: int
    seconds: int


class Addresses(t.TypedDict, total=False):
    """The addresses that the inventory declares: host -> address or interface."""

    addresses: dict[str, str]  # swarm_advertise_addr
    data_addresses: dict[str, str]  # swarm_data_path_addr


class Settings(Addresses, total=False):
    """The settings shared by every step of a run. Times are in seconds unless a comment says otherwise."""

    run: t.Required[str]  # the run's id
    needs: t.Required[list[str]]  # what the checks need, of all ``NEEDS``
    began: float  # Unix time
    hosts: list[str]  # hosts of the play
    checks: list[str]  # ids of the chosen checks
    networks: list[str]  # names and patterns, as services and nodes
    services: list[str]
    nodes: list[str]
    declared: list[str]  # networks of role overlays in the inventory
    declared_as: dict[str, dict[str, bool]]  # the same -> its declared properties
    image: str
    timeout: int
    convergence: int
    once: float  # of one try of a request
    certificate_days: float  # days; 0: a tenth of the certificate's life
    performance: bool
    measure_seconds: float  # of one measurement
    measuring: float  # of all measurements
    shared_names: list[str]  # patterns of names that several services share on purpose
    quality: dict[str, float]  # limits, see ``_checks/_quality.py``
    disruptive: list[str]
    disruptive_node: str
    disruptive_timeout: int
    force: bool
    forks: int
    disruption: Disruption


@dataclass(frozen=True)
class Facts:
    """The data of a run's phases so far. Hosts are the play's names; ids are the swarm's."""

    run: str
    hosts: list[str]
    settings: Settings
    needs: list[str] = field(default_factory=list)

    # Each host's data: its identity, from its setup, from probing, and from the end.
    nodes: dict[str, Identity] = field(default_factory=dict)
    opened: ByHost = field(default_factory=dict)
    probed: ByHost = field(default_factory=dict)
    reopened: ByHost = field(default_factory=dict)
    late_probes: list[str] = field(default_factory=list)  # hosts whose probe came after they were asked for it
    closed: ByHost = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)  # why a host cannot be judged in full
    clocks: dict[str, list[list[float]]] = field(default_factory=dict)  # [asked, answered, began, ended] of each call
    observations: dict[str, dict[str, Data]] = field(default_factory=dict)  # request id -> observation
    probe_began: dict[str, float] = field(default_factory=dict)
    served: ByHost = field(default_factory=dict)  # addresses for measurements
    measured: dict[str, dict[str, Data]] = field(default_factory=dict)
    trains: dict[str, dict[str, Data]] = field(default_factory=dict)  # request id -> how packets fared on a path
    pulses: dict[str, list[Data]] = field(
        default_factory=dict
    )  # how small packets fared on the wire during the whole run
    witnessed: ByHost = field(default_factory=dict)  # what a node tells about itself: {"before", "after", "inside"}
    late: dict[str, dict[str, float]] = field(default_factory=dict)  # helper -> seconds without a processor, at worst
    held: dict[str, dict[str, Data]] = field(default_factory=dict)  # network id -> gossip, peers, load balancer
    wire: ByHost = field(default_factory=dict)  # counters of the capture on the underlay
    received: dict[str, dict[str, int]] = field(default_factory=dict)  # packets that the responders received
    heard: dict[str, dict[str, int]] = field(default_factory=dict)  # packets that arrived at the swarm's ports
    xfrm: dict[str, list[Data]] = field(default_factory=dict)
    policies: dict[str, list[Data]] = field(default_factory=dict)
    rules: ByHost = field(default_factory=dict)

    # The leader's data about the swarm.
    leader: str | None = None
    viewed: bool = False  # whether the following data is complete
    swarm: Data = field(default_factory=dict)  # empty without a report from the leader
    networks: list[Network] = field(default_factory=list)  # the selected ones
    under_test: list[Network] = field(default_factory=list)  # the selected ones and the plain twin
    overlays: list[Network] = field(default_factory=list)
    all_networks: list[list[t.Any]] = field(default_factory=list)  # [name, id, scope, subnets]
    unmatched: list[str] = field(default_factory=list)
    unallocated: list[str] = field(default_factory=list)
    vips: dict[str, str] = field(default_factory=dict)  # network id -> virtual IP of the probes
    records: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # network id -> name -> addresses
    later_records: dict[str, dict[str, list[str]]] | None = None  # the same at the end of the run
    # network id -> name -> [service, kind of name]
    owners: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    addresses: dict[str, list[list[str]]] = field(default_factory=dict)  # network id -> [address, holder]
    retired: dict[str, list[str]] = field(default_factory=dict)  # network id -> addresses that were freed lately
    # network id -> node id -> age in seconds of its oldest task there
    carried: dict[str, dict[str, float]] = field(default_factory=dict)
    lacking: dict[str, int] = field(default_factory=dict)  # services with fewer running tasks than they want

    services: list[Data] = field(default_factory=list)  # people's, with virtual IPs, tasks and published ports
    ingress: Data | None = None  # the network of the routing mesh; empty when the leader did not tell
    shared: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # network id -> name -> several services
    serving: dict[str, list[str]] | None = None  # service id -> its running tasks at the end of the run

    # The objects of the run, and problems with them.
    made: Data = field(default_factory=dict)
    refused: dict[str, Problem] = field(default_factory=dict)  # part of the run -> the managers' reason to refuse it
    twin: Network | None = None
    worker: str | None = None  # the worker that attaches containers
    probes: dict[str, dict[str, str]] = field(default_factory=dict)  # host -> network id -> address
    probe_name: str = ""
    published_name: str = ""
    published: list[str] = field(default_factory=list)  # published ports of the whole swarm
    published_on: str | None = None
    published_port: int | None = None  # TCP
    published_udp: int | None = None
    published_for: dict[str, float] = field(default_factory=dict)  # port -> age in seconds
    published_networks: list[str] = field(default_factory=list)
    convergence: Data = field(default_factory=dict)
    task_problems: dict[str, TaskProblem] = field(default_factory=dict)  # node id -> why the probes' task does not run
    speed_names: dict[str, str] = field(default_factory=dict)
    speed_port: int = 0

    # Disruptions: this run's own, and the outcomes of all, by kind.
    disrupted: Data = field(default_factory=dict)  # empty unless this run follows a disruption
    disruptions: dict[str, Data] = field(default_factory=dict)
