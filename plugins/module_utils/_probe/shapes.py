# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of probes' requests and results: plain data, which travels as JSON.

Private to swarmlab.overlay. Standard library only. A class with optional fields has a base class with the required
ones: older Pythons on the nodes know no other way.
"""

from __future__ import annotations

import typing as t

Ready = t.Callable[[], None]  # a helper calls it when it is at work
Stopped = t.Callable[[], bool]  # a helper calls it to learn whether to end
Heard = t.Dict[str, int]  # how often a responder heard each sender: protocol/network/sender, or protocol/port/sender
Counters = t.Dict[str, int]  # the kernel's IPsec counters by name
Table = t.Dict[str, t.Dict[str, int]]  # packets by VXLAN id or by peer, then by peer or SPI


class _Asked(t.TypedDict):
    id: str
    kind: str


class Request(_Asked, total=False):
    """One request; ``work.py`` lists the fields of each kind."""

    patience: float  # seconds
    name: str
    expected: list[str] | None
    within: list[str]
    includes: str
    address: str
    network: str
    node: str
    nodes: list[str]
    port: int
    size: int  # bytes
    vni: int
    source: str
    inner_source: str
    inner_target: str
    count: int
    least: int
    refusal: bool


class _TrainAsked(_Asked):
    address: str
    packets: int


class TrainRequest(_TrainAsked, total=False):
    """A train of packets along one path; ``train.py`` sends it.

    ``plain``: without the bursts that tell its rate. ``most``: bytes of its largest packet, which the way may fragment;
    without it, as many as the path's MTU, unfragmented. ``patience``: seconds to wait for a first answer, where engines
    may still be setting the way up.
    """

    port: int
    plain: bool
    most: int
    patience: float


class _Train(t.TypedDict):
    packets: int  # sent, those of the bursts too
    bytes: int  # of all these packets, with their IP headers
    sent: int
    answered: int
    arrived: int  # at the peer, by the last answer
    repeated: int
    reordered: int
    corrupt: int
    gap: int  # the most packets in a row without an answer
    sizes: dict[str, list[int]]  # bytes -> [sent, answered]
    mtu: int  # bytes, of the way as this kernel knows it
    late_ms: int  # how late this process sent a packet, at worst
    dwell_ms: int  # how long the peer's process let a packet wait, at worst


class Train(_Train, total=False):
    """The result of a train. Without an answer there is no delay, and there may be an error."""

    delay_ms: list[float]  # least, median, nine of ten below, worst
    mbit: float
    error: str
    source: str  # address from which the kernel sends there
    who: int  # the node that answered, as ``train.mark`` of its name: a balancer chooses one


class Pulse(t.TypedDict):
    """The result of the pulse to one node, between its first answer and its last. ``pauses``: [seconds, packets lost], the longest first."""

    address: str
    packets: int  # in all
    bytes: int
    sent: int
    answered: int
    seconds: float
    pauses: list[list[float]]
    delay_ms: list[
        float
    ]  # round trips: the least, the middle one, that of nine in ten, the worst; none without an answer
    late_ms: int  # how late the sending process was, at worst
    dwell_ms: int  # how long the peer's process let a packet wait, at worst


class Reached(t.TypedDict, total=False):
    """The node that answered, or the reason why none did."""

    node: str
    error: str


class Stranger(t.TypedDict):
    """A manager's reaction to a client without a certificate."""

    outcome: str  # refused, accepted or unreachable
    detail: str


class _Met(t.TypedDict):
    ok: bool


class Observation(_Met, total=False):
    """The result of one request. A name has its addresses, a virtual address the share of each node."""

    seconds: float
    tries: int
    node: str
    error: str
    kind: str  # of the resolver's answer
    addresses: list[str]
    answered: int
    nodes: list[str]
    errors: list[str]
    count: int
    shares: dict[str, int]
    outcome: str
    detail: str


Observations = t.Dict[str, Observation]  # by the request's id


class LinkInfo(t.TypedDict, total=False):
    """A link's kind; id and port of a VXLAN."""

    kind: str
    vni: int
    port: int


class _Link(t.TypedDict):
    index: int
    name: str
    mtu: int
    kind: str


class Link(_Link, total=False):
    """A network interface. ``up``: as its owner set it; ``queue``: the name of its queueing discipline; ``blocked``: what somebody set
    that keeps it from passing all packets, in the words of ip(8) and bridge(8)."""

    vni: int
    port: int
    up: bool
    queue: str
    mac: str
    blocked: list[str]


class Listener(t.TypedDict):
    """A listening TCP socket. ``waiting``: connections that its program has not accepted yet."""

    address: str
    port: int
    waiting: int


class Interface(t.TypedDict):
    """An interface of a container."""

    name: str
    up: bool
    mtu: int
    queue: str
    addresses: list[str]


class Interior(t.TypedDict):
    """What a namespace has. ``leads_out``: a default route.

    ``pinned``: neighbours that somebody set, as 'address hardware-address interface'; ``settings``: of its own network stack.
    """

    links: list[Interface]
    addresses: list[str]
    routes: list[str]
    leads_out: bool
    pinned: list[str]
    settings: dict[str, str]


class Life(t.TypedDict):
    """How the processes of a container are, in a word of ``standstill``; how often its first one has had a processor."""

    state: str
    switches: int


class Closely(t.TypedDict):
    """Rules of packet filters that are not the engine's; whether its own for DNS are there, None without a tool."""

    rules: list[str]
    redirected: bool | None


class Address(t.TypedDict):
    """An address, and the index of its link."""

    index: int
    address: str
    prefix: int


class Neighbour(t.TypedDict):
    """A neighbour or forwarding entry."""

    index: int
    permanent: bool
    target: str | None
    mac: str


class NeighbourTable(t.TypedDict):
    """A table of neighbours of the kernel. ``entries``: with those that are pinned, which ``most`` may not count; ``refused``: how often it had no room."""

    name: str
    entries: int
    most: int
    refused: int


class Backends(t.TypedDict):
    """The backends of one virtual service: those that get connections, and those that are leaving.

    ``mark``: of the packets that it takes, None for one of another kind.
    """

    active: list[str]
    quiet: list[str]
    mark: int | None


class Overlay(t.TypedDict):
    """The kernel's state of one overlay's namespace. ``peers``: 'address hardware-address node-address'."""

    vni: int | None
    port: int | None
    mtu: int
    peers: list[str]


class Held(Overlay):
    """The same with the overlay's load balancer, None without one on this node."""

    balancer: list[Backends] | None


class State(t.TypedDict):
    """One IPsec state. ``spi`` is hexadecimal, ``key`` the salted hash of the key."""

    source: str | None
    target: str | None
    spi: str
    protocol: int
    reqid: int
    mark: int
    key: str | None


class Policy(t.TypedDict):
    """One IPsec policy, and the state that it requires."""

    target: str | None
    port: int
    out: bool
    mark: int
    spi: str | None
    reqid: int | None


class _Subject(t.TypedDict):
    subject: dict[str, str]
    issuer: dict[str, str]
    issuer_digest: str
    not_before: int
    not_after: int


class Certificate(_Subject, total=False):
    """A node's certificate; times in seconds since 1970."""

    roots_digest: str


class Unread(t.TypedDict):
    """The reason why something could not be read or measured."""

    error: str


class Captured(t.TypedDict):
    """Packets seen between the nodes."""

    plain: Table
    canary: Table
    esp_out: Table
    esp_in: Table
    plain_in: Table
    injected: int


class Watched(Captured):
    """The same, with the number of packets that the kernel dropped, and the duration in seconds."""

    lost: int
    seconds: float


class Speed(t.TypedDict):
    """The speed of a path."""

    mbit: float
    latency_ms: float


class Modules(t.TypedDict):
    """The kernel's release, and the state of each module that overlays need."""

    release: str
    modules: dict[str, str]


class HostAddress(t.TypedDict):
    """An address of the host, and its interface."""

    address: str
    device: str
    mtu: int


class Vxlan(t.TypedDict):
    """A VXLAN interface of the host."""

    device: str
    vni: int | None
    port: int | None


class HostRoute(t.TypedDict):
    """A route of the host."""

    network: str
    device: str


class Host(t.TypedDict):
    """The host's properties that matter to overlays. ``names``: the addresses of each declared DNS name."""

    addresses: list[HostAddress]
    vxlans: list[Vxlan]
    routes: list[HostRoute]
    nameservers: list[str]
    names: dict[str, list[str]]


class Rules(t.TypedDict):
    """The engine's rules that are present: encryption by VXLAN id, ingress by port such as 'tcp/8080'."""

    mark: list[int]
    drop: list[int]
    ingress_jump: bool
    ingress_ports: list[str]


class Ports(t.TypedDict):
    """The ports between the nodes by protocol."""

    tcp: list[int]
    udp: list[int]


class Device(t.TypedDict):
    """A link of the host. ``up``: switched on; ``blocked``: as of a ``Link``."""

    up: bool
    mtu: int
    kind: str
    blocked: list[str]


class Testimony(t.TypedDict):
    """What a node tells about itself; ``testimony.py`` describes the parts."""

    time: float
    counters: dict[str, int]
    limits: dict[str, list[int]]  # used, most
    settings: dict[str, int]
    pressure: dict[str, float]
    devices: dict[str, Device]
    stopped: list[str]
    rules: dict[str, int]  # packets that each dropped
    shaped: list[str]
    read_only: list[str]
    neighbours: dict[str, list[t.Any]]
    hardware: list[str]


class Inside(t.TypedDict):
    """An overlay's own namespace on a node. ``rules``: packets that each rule dropped, where paths were bad."""

    devices: dict[str, Device]
    shaped: list[str]
    rules: dict[str, int]
