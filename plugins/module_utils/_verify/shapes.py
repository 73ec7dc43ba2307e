# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of what travels between controller and node: the plan that a phase gets, and what it tells. All of it is JSON.

Private to swarmlab.overlay. Times are in seconds; a network, service or node is meant by its id unless a field says otherwise.
"""

from __future__ import annotations

import typing as t

from .._probe import shapes as probed

Lacking = t.Dict[str, str]  # name of a service: how many of its tasks run, where more should
Records = t.Dict[str, t.List[str]]  # name in an overlay's DNS: the addresses it must have
Standing = t.List[t.Optional[str]]  # [state, availability] of a node


class Common(t.TypedDict):
    """What every phase of a run gets. ``name``: the host's in the inventory."""

    run: str
    name: str
    needs: list[str]
    image: str
    lease: float


class _PreparePlan(Common):
    networks: list[str]  # patterns of names
    wait: float


class PreparePlan(_PreparePlan, total=False):
    """``declared``: addresses that the inventory has for the host; they may be DNS names."""

    declared: list[str]


class Made(t.TypedDict):
    """What the leader made for the run. ``refused``: the engine's words by part; ``crowded``: networks without room for a probe."""

    twin: str | None
    lazy: str | None
    probe: str | None
    published: str | None
    speed: str | None
    refused: dict[str, str]
    crowded: list[str]
    network_ids: list[str]


class OpenPlan(Common):
    """For what ``prepare`` could not wait for. ``opened``: nothing is left to do on this node but, on the leader, to look."""

    made: Made
    timeout: float
    opened: bool
    expected: bool
    leader: bool


class Named(t.TypedDict):
    """A network's id and name."""

    id: str
    name: str


class AttachPlan(t.TypedDict):
    """What a container attaches to, and what it asks there: ``alone`` on the lazy network, ``requests`` by network."""

    lazy: Named | None
    alone: list[probed.Request]
    networks: list[Named]
    requests: dict[str, list[probed.Request]]


class Work(t.TypedDict):
    """What is asked from one namespace; None is the host's own."""

    namespace: str | None
    requests: list[probed.Request]


class Serving(t.TypedDict):
    """Where the host serves those who measure."""

    address: str


class ExchangePlan(Common):
    """``probes``: the addresses that gossip is to tell of, by network."""

    patience: float
    network_ids: list[str]
    probes: dict[str, list[str]]


class ProbePlan(ExchangePlan):
    """``once``: for one question; ``limit``: for all of them; ``ports``: published ones, such as 'tcp/8080'."""

    once: float
    limit: float
    attach: AttachPlan | None
    published: bool
    speed: Serving | None
    vnis: list[int]
    ports: list[str]
    firewall: str
    ipv6: bool
    work: list[Work]


class MeasureRow(t.TypedDict):
    """One path to measure: to the addresses, or to what the name stands for, asked so many times."""

    id: str
    namespace: str | None
    name: str | None
    addresses: list[str]
    tries: int
    target: str


class MeasurePlan(Common):
    """``seconds``: of each stream."""

    rows: list[MeasureRow]
    once: float
    seconds: float


class ClosePlan(t.TypedDict):
    """What to look at a last time, and to remove."""

    run: str
    leader: bool
    lazy_id: str | None
    network_ids: list[str]


class DisruptPlan(Common):
    """``restart``: the command that restarts the engine, empty for the usual one; ``lacking``: before the disruption."""

    what: str
    node_id: str
    ports: probed.Ports
    restart: str
    lacking: Lacking
    timeout: float
    seconds: float


class SettlePlan(t.TypedDict):
    """How nodes and services stood before the disruption."""

    nodes: dict[str, Standing]
    lacking: Lacking
    timeout: float


class Identity(t.TypedDict):
    """Which node this is. ``machine`` and ``copied`` tell a copy of a machine; ``root``: the engine's folder."""

    id: str
    hostname: str
    machine: str
    copied: dict[str, str]
    address: str
    role: str
    engine: str
    root: str
    firewall: str


class Trust(t.TypedDict):
    """Digests of whom a node or the swarm trusts."""

    roots_digest: str
    issuer_digest: str | None
    issuer_key_digest: str


class SwarmNode(t.TypedDict):
    """A node as a manager tells of it. ``seconds``: since it joined."""

    id: str
    hostname: str | None
    role: str | None
    availability: str | None
    state: str | None
    seconds: float | None
    address: str | None
    manager_address: str | None
    leader: bool
    engine: str | None
    trust: Trust


class Swarm(t.TypedDict):
    """The swarm as its leader tells of it."""

    id: str
    data_port: int
    rotating: bool
    trust: Trust
    autolock: bool
    nodes: list[SwarmNode]


class Room(t.TypedDict):
    """How many addresses of a subnet are in use and free."""

    subnet: str
    used: int | None
    free: int | None


class _Network(t.TypedDict):
    id: str
    name: str
    attachable: bool
    internal: bool
    encrypted: bool
    vni: int | None
    options: dict[str, str]
    subnets: list[str]


class Network(_Network, total=False):
    """An overlay. ``room``: None from engines that do not tell."""

    room: list[Room] | None


class Convergence(t.TypedDict):
    """How long the run's tasks took to come, and by node why one did not."""

    seconds: float
    errors: dict[str, str]


class _Looked(t.TypedDict):
    records: dict[str, Records]
    owners: dict[str, dict[str, list[str]]]  # by network and name: [service, kind of name]
    addresses: dict[str, list[list[str]]]  # by network: [address, who has it]
    probes: dict[str, dict[str, str]]  # node: network: address
    vips: dict[str, str]
    published_networks: list[str]
    published_on: str | None
    published_port: int | None
    published: list[str]
    networks: list[Network]
    lacking: Lacking
    all_networks: list[list[t.Any]]  # [name, id, scope, subnets]
    unallocated: list[str]


class View(_Looked, total=False):
    """What the leader sees of the swarm once the run's tasks are there."""

    convergence: Convergence
    swarm: Swarm


class Ipsec(t.TypedDict):
    """States and policies; None where the kernel has no IPsec."""

    xfrm: list[probed.State] | None
    policies: list[probed.Policy] | None


class Opened(t.TypedDict, total=False):
    """What the node told when it was set up. ``namespace``: the path of its probe's."""

    errors: list[str]
    reason: str
    kernel: probed.Modules
    host: probed.Host
    local_networks: list[str]
    rules: probed.Rules | None
    engine_seconds: float | None
    flushers: list[str]
    xfrm: list[probed.State] | None
    policies: list[probed.Policy] | None
    namespace: str
    task_seconds: float
    lazy_known: bool | None
    published: bool
    certificate: probed.Certificate | probed.Unread
    counters: probed.Counters | None
    time: float
    clock: list[float]
    view: View


class Led(t.TypedDict):
    """What the leader alone tells. ``unmatched``: patterns that name no network; ``leftovers``: what would not go."""

    leader: bool
    swarm: Swarm
    networks: list[Network]
    unmatched: list[str]
    made: Made
    leftovers: list[str]


class _Prepared(t.TypedDict):
    node: Identity
    leader: bool


class Prepared(_Prepared, total=False):
    """What ``prepare`` tells."""

    opened: Opened
    swarm: Swarm
    networks: list[Network]
    unmatched: list[str]
    made: Made
    leftovers: list[str]
    view: View


class Gossip(t.TypedDict):
    """What gossip told ('service address node-address', 'service vip address') and the endpoints here ('address hardware-address')."""

    records: list[str]
    local: list[str]


class Held(probed.Held, Gossip):
    """What this node holds of one network."""


class Both(t.TypedDict):
    """What was there in both looks, and what in any."""

    always: list[str]
    ever: list[str]


class Settled(t.TypedDict):
    """Two looks at what this node holds of one network, as one."""

    vni: int | None
    port: int | None
    mtu: int
    balancer: list[probed.Backends] | None
    local: list[str]
    peers: Both
    records: Both


class Place(t.TypedDict):
    """Where a container is on a network."""

    container: str
    namespace: str
    address: str | None


class _Attached(t.TypedDict):
    network: str
    name: str


class Attached(_Attached, total=False):
    """How a container came onto a network, or in the engine's words why not."""

    container: str
    namespace: str
    address: str | None
    refused: str
    seconds: float


class _FromAttached(t.TypedDict):
    attached: list[Attached]
    attached_in: str | None
    seen_alone: probed.Observations
    seen_attached: probed.Observations


class FromAttached(_FromAttached, total=False):
    """What a container saw that attached to networks. ``attached_in``: the path of its namespace."""

    lazy: Attached


class _Probed(t.TypedDict):
    observations: probed.Observations
    errors: list[str]


class Probed(_Probed, total=False):
    """What ``probe`` and ``again`` tell. ``served``: by way, where the local task answers those who measure; ``untold``: networks."""

    served: dict[str, str]
    attached: list[Attached]
    attached_in: str | None
    seen_alone: probed.Observations
    seen_attached: probed.Observations
    lazy: Attached
    held: dict[str, Settled]
    untold: list[str]
    xfrm: list[probed.State] | None
    policies: list[probed.Policy] | None
    rules: probed.Rules | None
    counters: probed.Counters | None
    clock: list[float]


class Exchanged(t.TypedDict):
    """The networks of which gossip did not tell all probes."""

    untold: list[str]


class Measured(t.TypedDict):
    """By the row's id."""

    measured: dict[str, probed.Speed | probed.Unread]


class LastView(t.TypedDict):
    """What the leader sees at the end: ages of tasks by port and by network and node, records, and addresses of tasks that ended."""

    mesh: dict[str, float | None]
    carried: dict[str, dict[str, float | None]]
    records: dict[str, Records]
    retired: dict[str, list[str]]


class _Closed(t.TypedDict):
    namespaces: list[str]
    lazy_known: bool | None
    clock: list[float]


class Closed(_Closed, total=False):
    """What ``close`` tells: the last look, and what the helpers saw; None of a helper that did not run."""

    mesh: dict[str, float | None]
    carried: dict[str, dict[str, float | None]]
    records: dict[str, Records]
    retired: dict[str, list[str]]
    responder: probed.Heard | None
    published: probed.Heard | None
    ports: probed.Heard | None
    wire: probed.Watched | None
    left: list[str]


class Moved(t.TypedDict):
    """What of a drained node's tasks is still there, which services still lack tasks, and which may run nowhere else."""

    left_behind: list[str]
    waiting: Lacking
    pinned: list[str]


class Disrupted(t.TypedDict, total=False):
    """How a disruption went. ``skip``: why it was not even begun."""

    skip: str
    done: bool
    problem: str | None
    seconds: float
    had: int
    left_behind: list[str]
    waiting: Lacking
    pinned: list[str]
    moved_seconds: float
    back_seconds: float
    service: str
    command: str
    lost: list[str]
    restored_seconds: float
    repair: Disrupted


class _Whole(t.TypedDict):
    nodes: dict[str, Standing]
    services: Lacking
    problem: str | None


class Whole(_Whole, total=False):
    """What is not as it was before."""

    done: bool
    seconds: float
