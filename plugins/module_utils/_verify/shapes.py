# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types that travel between controller and node: the plan of a phase, and its result. All of it is JSON.

Private to swarmlab.overlay. Times are in seconds. Networks, services and nodes are given by id unless a field says
otherwise.
"""

from __future__ import annotations

import typing as t

from .._probe import shapes as probed
from .._probe import standing

Lacking = t.Dict[str, str]  # name of a service: the number of its running tasks, when more should run
Records = t.Dict[str, t.List[str]]  # name in an overlay's DNS: its expected addresses
Standing = t.List[t.Optional[str]]  # [state, availability] of a node


class Common(t.TypedDict):
    """The fields of every phase's plan. ``name``: the host's name in the inventory."""

    run: str
    name: str
    needs: list[str]
    image: str
    lease: float


class _PreparePlan(Common):
    hosts: int  # of the play
    networks: list[str]  # patterns of names
    wait: float


class PreparePlan(_PreparePlan, total=False):
    """``declared``: the host's addresses in the inventory, which may be DNS names."""

    declared: list[str]


class Made(t.TypedDict):
    """The leader's objects for the run.

    ``refused``: the engine's reason by part; ``crowded``: networks without room for a probe.
    """

    twin: str | None
    lazy: str | None
    probe: str | None
    published: str | None
    speed: str | None
    refused: dict[str, str]
    crowded: list[str]
    network_ids: list[str]


class OpenPlan(Common):
    """The rest of the preparation. ``opened``: this node is done, except that the leader still reads its view."""

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
    """A container's attachments and its requests there: ``alone`` on the lazy network, ``requests`` by network."""

    lazy: Named | None
    alone: list[probed.Request]
    networks: list[Named]
    requests: dict[str, list[probed.Request]]


class _Work(t.TypedDict):
    namespace: str | None
    requests: list[probed.Request]


class Trains(t.TypedDict):
    """The trains from one namespace; None is the host's own."""

    namespace: str | None
    requests: list[probed.TrainRequest]


class Work(_Work, total=False):
    """The requests from one namespace; None is the host's own. ``foreign``: it is not ours, and may go at any time."""

    foreign: bool


class Serving(t.TypedDict):
    """The host's address for measurements."""

    address: str


class ExchangePlan(Common):
    """``probes``: the addresses expected in gossip, by network."""

    patience: float
    network_ids: list[str]
    probes: dict[str, list[str]]


class ProbePlan(ExchangePlan):
    """``once``: limit of one question; ``limit``: of all questions; ``ports``: published ones, such as 'tcp/8080'.

    ``root``: the engine's data folder.
    """

    once: float
    limit: float
    attach: AttachPlan | None
    published: bool
    speed: Serving | None
    root: str
    vnis: list[int]
    ports: list[str]
    firewall: str
    ipv6: bool
    work: list[Work]
    trains: list[Trains]
    looks: list[Look]


class MeasureRow(t.TypedDict):
    """One path to measure: to the addresses, or to those of the name. ``tries``: number of connections for each."""

    id: str
    namespace: str | None
    name: str | None
    addresses: list[str]
    tries: int
    target: str


class MeasurePlan(Common):
    """``seconds``: the length of each stream."""

    rows: list[MeasureRow]
    once: float
    seconds: float


class ClosePlan(t.TypedDict):
    """The networks to read a last time, and to remove."""

    run: str
    leader: bool
    lazy_id: str | None
    network_ids: list[str]
    ports: list[int]  # published ones


class DisruptPlan(Common):
    """``restart``: the engine's restart command, empty for the usual one; ``lacking``: before the disruption."""

    what: str
    node_id: str
    ports: probed.Ports
    restart: str
    lacking: Lacking
    timeout: float
    seconds: float


class SettlePlan(t.TypedDict):
    """The state of nodes and services before the disruption."""

    nodes: dict[str, Standing]
    lacking: Lacking
    timeout: float


class Identity(t.TypedDict):
    """A node's identity. ``machine`` and ``copied`` reveal a copied machine; ``root``: the engine's data folder."""

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
    """Digests of the trusted roots of a node or the swarm."""

    roots_digest: str
    issuer_digest: str | None
    issuer_key_digest: str


class SwarmNode(t.TypedDict):
    """A node in a manager's list. ``seconds``: since it joined."""

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
    """The swarm in its leader's view."""

    id: str
    data_port: int
    rotating: bool
    trust: Trust
    autolock: bool
    nodes: list[SwarmNode]


class Room(t.TypedDict):
    """The numbers of used and free addresses of a subnet."""

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
    """An overlay. ``room``: None from engines that do not report it."""

    room: list[Room] | None


class Published(t.TypedDict):
    """A published TCP port of a service or a task. ``mode``: ingress or host."""

    published: int
    target: int
    mode: str


class Task(t.TypedDict):
    """A running task of people's. ``addresses``: by network; ``ports``: those that it publishes on its node alone."""

    id: str
    node: str
    addresses: dict[str, str]
    ports: list[Published]


class Service(t.TypedDict):
    """A service of people's. ``vips``: virtual IP by network; ``ports``: those of the routing mesh."""

    id: str
    name: str
    vips: dict[str, str]
    ports: list[Published]
    tasks: list[Task]


class Workload(t.TypedDict):
    """A container of people's on this node. ``networks``: its address by network.

    ``ports``: where it takes TCP, by network; under an empty name those that it takes at any address. ``resolvers``: the
    name servers that its programs ask; None if people gave it such a file, or it cannot be read. ``pid``: its first
    process, and ``life`` how its processes are.
    """

    id: str
    name: str
    service: str | None
    task: str | None
    namespace: str
    networks: dict[str, str]
    ports: dict[str, list[int]]
    resolvers: list[str] | None
    pid: int
    life: probed.Life | None


class Workloads(t.TypedDict):
    """People's containers on the networks that are asked for. ``number``: of all; ``rows``: of those looked into."""

    number: int
    rows: list[Workload]


class Look(t.TypedDict):
    """A container to look into once more. ``requests``: ids of those whose failure makes it worth a closer look.

    ``pid``: its first process; None for the probe, whose only one sleeps for ever.
    """

    id: str
    namespace: str
    pid: int | None
    requests: list[str]


class _Seen(t.TypedDict):
    ports: list[int]
    waiting: dict[str, int]
    interior: probed.Interior


class Looked(_Seen, total=False):
    """What a container has inside. ``waiting``: connections that its program did not accept, by port."""

    closely: probed.Closely
    life: probed.Life | None


class Ingress(Network):
    """The network of the routing mesh. ``used``: the number of its addresses that are taken."""

    used: int


class Turnout(t.TypedDict):
    """The run's tasks so far. ``took``: the seconds from its making until the slowest ran of those that ``came``; ``waited``: the
    seconds since the youngest of those was made that are ``missing``."""

    came: int
    took: float
    missing: int
    waited: float


class Convergence(t.TypedDict):
    """The time until the run's tasks were running, by node the reason of each missing one, and how many came."""

    seconds: float
    errors: dict[str, str]
    turnout: Turnout


class _Looked(t.TypedDict):
    records: dict[str, Records]
    owners: dict[str, dict[str, list[str]]]  # by network and name: [service, kind of name]
    addresses: dict[str, list[list[str]]]  # by network: [address, holder]
    probes: dict[str, dict[str, str]]  # node: network: address
    vips: dict[str, str]
    published_networks: list[str]
    published_on: str | None
    published_port: int | None
    published_udp: int | None
    published: list[str]
    networks: list[Network]
    lacking: Lacking
    all_networks: list[list[t.Any]]  # [name, id, scope, subnets]
    unallocated: list[str]
    services: list[Service]
    ingress: Ingress | None
    shared: dict[str, dict[str, list[str]]]  # by network: name -> the services that answer to it, where several do


class View(_Looked, total=False):
    """The leader's view of the swarm with the run's tasks in place."""

    convergence: Convergence
    swarm: Swarm


class Ipsec(t.TypedDict):
    """States and policies; None where the kernel has no IPsec."""

    xfrm: list[probed.State] | None
    policies: list[probed.Policy] | None


class Gateway(t.TypedDict):
    """docker_gwbridge, through which tasks leave their node. ``used``: addresses of its subnets that are taken.

    ``apart``: whether it is to keep tasks from each other.
    """

    subnets: list[str]
    used: int
    apart: bool


class Opened(t.TypedDict, total=False):
    """The result of a node's setup. ``namespace``: the path of its probe's namespace."""

    errors: list[str]
    reason: str
    kernel: probed.Modules
    host: probed.Host
    local_networks: list[str]
    workloads: Workloads
    gateway: Gateway | None
    ipv6: dict[str, str]  # the probe's IPv6 address by network
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
    testimony: probed.Testimony
    time: float
    clock: list[float]
    view: View


class Led(t.TypedDict):
    """The leader's part.

    ``unmatched``: patterns that match no network; ``leftovers``: objects that could not be removed.
    """

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
    """The result of ``prepare``. ``door``: where the node takes the orders of the phases that follow."""

    door: standing.Door | None
    opened: Opened
    swarm: Swarm
    networks: list[Network]
    unmatched: list[str]
    made: Made
    leftovers: list[str]
    view: View


class Gossip(t.TypedDict):
    """Gossip's records and the local endpoints.

    ``records``: 'service address node-address' (of the node: empty until it is told), 'service vip address';
    ``local``: 'address hardware-address'.
    """

    records: list[str]
    local: list[str]


class Held(probed.Held, Gossip):
    """A node's state of one network."""


class Both(t.TypedDict):
    """The entries present in both readings, and those present in any."""

    always: list[str]
    ever: list[str]


class Settled(t.TypedDict):
    """Two readings of a node's state of one network, as one. ``left``: local endpoints that were gone the second time."""

    vni: int | None
    port: int | None
    mtu: int
    balancer: list[probed.Backends] | None
    local: list[str]
    left: list[str]
    peers: Both
    records: Both


class Place(t.TypedDict):
    """A container's attachment to a network."""

    container: str
    namespace: str
    address: str | None


class _Attached(t.TypedDict):
    network: str
    name: str


class Attached(_Attached, total=False):
    """The result of an attachment; ``refused`` has the engine's reason."""

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
    """The observations of a container that attached to networks. ``attached_in``: the path of its namespace."""

    lazy: Attached


class _Probed(t.TypedDict):
    observations: probed.Observations
    errors: list[str]


class Probed(_Probed, total=False):
    """The result of ``probe`` and ``again``.

    ``served``: the local task's address for measurements, by way; ``untold``: networks with missing gossip; ``mended``:
    those whose names were asked before this node's gossip, or the resolver that follows it, had them all.
    """

    served: dict[str, str]
    attached: list[Attached]
    attached_in: str | None
    seen_alone: probed.Observations
    seen_attached: probed.Observations
    lazy: Attached
    held: dict[str, Settled]
    untold: list[str]
    mended: list[str]
    workloads: dict[str, Looked]
    marks: dict[str, dict[str, int]]  # by network: virtual IP -> the mark of its packets
    xfrm: list[probed.State] | None
    policies: list[probed.Policy] | None
    rules: probed.Rules | None
    counters: probed.Counters | None
    trains: dict[str, probed.Train]
    testimony: probed.Testimony
    inside: dict[str, probed.Inside]
    clock: list[float]


class Exchanged(t.TypedDict):
    """The networks with probes that are missing in gossip."""

    untold: list[str]


class Measured(t.TypedDict):
    """Results by the row's id."""

    measured: dict[str, probed.Speed | probed.Unread]


class LastView(t.TypedDict):
    """The leader's view at the end: tasks' ages by port, and by network and node; records; addresses of ended tasks."""

    mesh: dict[str, float | None]
    carried: dict[str, dict[str, float | None]]
    records: dict[str, Records]
    retired: dict[str, list[str]]
    serving: dict[str, list[str]]  # by service: its running tasks


class _Closed(t.TypedDict):
    namespaces: list[str]
    lazy_known: bool | None
    clock: list[float]


class Closed(_Closed, total=False):
    """The result of ``close``: the last readings, and the helpers' results; None of a helper that did not run."""

    mesh: dict[str, float | None]
    carried: dict[str, dict[str, float | None]]
    records: dict[str, Records]
    retired: dict[str, list[str]]
    serving: dict[str, list[str]]
    responder: probed.Heard | None
    published: probed.Heard | None
    ports: probed.Heard | None
    pulse: list[probed.Pulse] | None
    wire: probed.Watched | None
    late: dict[str, float]
    unaccepted: dict[str, int]  # by published port: connections that ended on the node itself
    left: list[str]


class Moved(t.TypedDict):
    """A drained node's remaining tasks, the services that lack tasks, and the services that cannot run elsewhere."""

    left_behind: list[str]
    waiting: Lacking
    pinned: list[str]


class Disrupted(t.TypedDict, total=False):
    """The course of a disruption. ``skip``: the reason why it did not begin."""

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
    """Differences from the state before."""

    done: bool
    seconds: float
