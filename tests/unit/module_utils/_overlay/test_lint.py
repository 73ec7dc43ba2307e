# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about overlays, what surrounds them, and the addresses they have."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.capacity import (
    Capacity,
    capacity,
    engine_counts,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.compare import describe
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.lint import lint, shadows, shared_names
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.networks import (
    Step,
    choose_subnets,
    undeclared,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import (
    VXLAN_OPTION,
    NetworkSpec,
    SpecError,
    Subnet,
    parse_networks,
    suggest,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.surroundings import (
    Route,
    Surroundings,
    engine_resolvers,
    own_routes,
    resolvers,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.users import Usage

NOTHING = Surroundings()
AROUND = Surroundings(
    routes=(Route("10.78.0.0/24", "eth0", True), Route("10.0.0.0/8", "vpn0", False)),
    nameservers=("10.50.0.53",),
    nodes=(("vm2", "10.60.0.2"),),
    avoid=("10.70.0.0/16",),
)


def network(name: str = "web", subnet: str = "10.99.0.0/24", **more: t.Any) -> dict[str, t.Any]:
    return dict(
        {
            "Id": f"id{name}",
            "Name": name,
            "Scope": "swarm",
            "Driver": "overlay",
            "Labels": {},
            "Options": {VXLAN_OPTION: "4097"},
            "IPAM": {"Config": [{"Subnet": subnet, "Gateway": subnet.replace(".0/", ".1/").split("/")[0]}]},
        },
        **more,
    )


def service(name: str, *aliases: str, on: str = "idweb") -> dict[str, t.Any]:
    return {
        "ID": name,
        "Spec": {"Name": name, "TaskTemplate": {"Networks": [{"Target": on, "Aliases": list(aliases)}]}},
    }


SERVICES = [
    service("one", "api"),
    service("two", "API", "other"),
    service("three", "api", on="idelse"),
    service("other"),
]
ROOM = Capacity(size=6, gateways=1, vips=1, tasks=0, containers=0, load_balancers=0, wanted=9)


@pytest.mark.parametrize(
    "raw, others, room, code",
    [
        (network(Options={"encrypted": "false"}), [], None, "encrypted-false"),
        (network(Options={"encryptd": ""}), [], None, "unknown-option"),
        (network(), [network(Id="other", Scope="local", Driver="bridge", IPAM={})], None, "duplicate-name"),
        (network(), [network("other", "10.99.0.128/25")], None, "overlap"),
        (network(subnet="10.60.0.0/24"), [], None, "shadow"),
        (network(), [], None, "routed"),
        (network(IPAM={}), [], None, "not-allocated"),
        (network(Labels={"swarmlab.overlay/stands-in-for": "api"}), [], None, "unfinished-move"),
        (network(), [], ROOM, "too-small"),
        (network(), [], None, "engine-resolver"),
        (network(), [], None, "shared-name"),
    ],
)
def test_every_finding(raw: dict, others: list[dict], room: Capacity | None, code: str) -> None:
    around = {
        "shadow": AROUND,
        "routed": AROUND,
        "engine-resolver": Surroundings(engine_resolvers=("10.99.0.53",)),
    }.get(code, NOTHING)
    found = lint(raw, [raw, *others], around, room, SERVICES if code == "shared-name" else ())
    assert code in [finding.code for finding in found]
    if code != "routed":
        assert lint(network(), [network()], NOTHING, None) == []


def test_names_are_compared_as_the_engine_does() -> None:
    assert shared_names("idweb", SERVICES) == {
        "api": ["service one", "service two"],
        "other": ["service other", "service two"],
    }
    assert shared_names("idelse", SERVICES) == {}


@pytest.mark.parametrize(
    "text, expected",
    [
        ('{"dns": ["10.1.0.53", "fd00::1", "127.0.0.1", "10.1.0.53"]}', ("10.1.0.53",)),
        ("", ()),
        ("{", ()),
        ("[]", ()),
        ('{"dns": "10.1.0.53"}', ()),
        ('{"dns": [1, null]}', ()),
        ('{"dns": null}', ()),
    ],
)
def test_the_resolvers_that_daemon_json_gives(text: str, expected: tuple) -> None:
    assert engine_resolvers(text.encode()) == expected


@pytest.mark.parametrize(
    "subnet, words",
    [
        ("10.78.0.0/25", "which this node has on eth0"),
        ("10.50.0.0/16", "holds the resolver 10.50.0.53"),
        ("10.60.0.0/24", "holds the address 10.60.0.2 of node vm2"),
        ("10.70.1.0/24", "is to be avoided"),
    ],
)
def test_what_is_shadowed(subnet: str, words: str) -> None:
    assert words in shadows("web", (Subnet(subnet),), AROUND)[0][0]


def test_a_network_behind_a_gateway_is_a_warning_only() -> None:
    hard, soft = shadows("web", (Subnet("10.99.0.0/24"),), AROUND)
    assert not hard and "10.0.0.0/8" in soft[0]


@pytest.mark.parametrize(
    "option, meant",
    [
        ("encryptd", "encrypted"),
        ("Encrypted", "encrypted"),
        ("com.docker.network.driver.mtuu", "com.docker.network.driver.mtu"),
        ("mtu", "com.docker.network.driver.mtu"),
        ("zzz", None),
    ],
)
def test_misspelt_options(option: str, meant: str | None) -> None:
    assert suggest(option) == (f"; did you mean {meant}?" if meant else "")


def test_routes_and_resolvers_are_read() -> None:
    routes = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0A004E0A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t00004E0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "vpn0\t0000000A\t01004E0A\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"
        "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    assert own_routes(routes) == [Route("10.78.0.0/24", "eth0", True), Route("10.0.0.0/8", "vpn0", False)]
    assert own_routes("") == []
    assert resolvers("search x\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver fd00::1\n") == ["10.0.0.53"]


def task(node: str, service: str | None = "s1", state: str = "running", address: str | None = "10.99.0.5/24") -> dict:
    return {
        "ID": f"t{node}{service}",
        "NodeID": node,
        "Status": {"State": state},
        "DesiredState": state,
        "Spec": {},
        **({"ServiceID": service} if service else {}),
        "NetworksAttachments": [{"Network": {"ID": "idweb"}, "Addresses": [address] if address else None}],
    }


NODES = [{"ID": name, "Status": {"State": "ready"}, "Spec": {"Availability": "active"}} for name in ("n1", "n2", "n3")]


def service(mode: dict, endpoint: str = "vip") -> dict:
    return {
        "ID": "s1",
        "Spec": {
            "Name": "web",
            "Mode": mode,
            "TaskTemplate": {"Networks": [{"Target": "idweb"}]},
            "EndpointSpec": {"Mode": endpoint},
        },
        "Endpoint": {"VirtualIPs": [{"NetworkID": "idweb", "Addr": "10.99.0.2/24"}] if endpoint == "vip" else []},
    }


def test_addresses_in_use_and_wanted() -> None:
    tasks = [task("n1"), task("n2"), task("n2", None), task("n3", state="shutdown"), task("n3", address=None)]
    usage = Usage([service({"Replicated": {"Replicas": 4}})], tasks, {})
    room = capacity(describe(network(subnet="10.99.0.0/28")), usage, NODES)
    assert room == Capacity(
        size=14, gateways=1, vips=1, tasks=2, containers=1, load_balancers=2, wanted=1 + 1 + 4 + 1 + 3
    )
    assert (room.used, room.free, room.missing) == (7, 7, 0)
    both = network(
        IPAM={
            "Config": [
                {"Subnet": "fd99::/64", "Gateway": "fd99::1"},
                {"Subnet": "10.99.0.0/28", "Gateway": "10.99.0.1"},
            ]
        }
    )
    assert capacity(describe(both), usage, NODES) == room, "numbers of IPv4 addresses"
    small = capacity(describe(network(subnet="10.99.0.0/29")), usage, NODES)
    assert (small.size, small.missing) == (6, 4)


def test_global_services_and_ranges() -> None:
    usage = Usage([service({"Global": {}}, "dnsrr")], [], {})
    config = [{"Subnet": "10.99.0.0/24", "IPRange": "10.99.0.128/29", "Gateway": "10.99.0.1"}]
    room = capacity(describe(network(IPAM={"Config": config})), usage, NODES)
    assert (room.size, room.gateways, room.vips, room.wanted) == (8, 0, 0, 6)


def test_the_engines_own_count() -> None:
    status = {"IPAM": {"Subnets": {"10.99.0.0/24": {"IPsInUse": 5, "DynamicIPsAvailable": 251}}}}
    assert engine_counts({"Status": status}) == {"10.99.0.0/24": {"used": 5, "free": 251}}
    assert engine_counts({}) is None


@pytest.mark.parametrize("encrypted", [False, True])
def test_mtu_auto_is_the_narrowest_wire_since_the_engine_takes_its_overhead_off(encrypted: bool) -> None:
    declared = {"name": "web", "mtu": "auto", "encrypted": encrypted, "underlay_mtu": [9000, 1400, 1500]}
    assert parse_networks(declared)[0].mtu == 1400


@pytest.mark.parametrize(
    "mtu, underlay, words",
    [("auto", [], "needs underlay_mtu"), ("big", [1500], "must be a number"), ("auto", [50], "mtu 50 is outside")],
)
def test_mtu_that_cannot_be(mtu: str, underlay: list[int], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_networks({"name": "web", "mtu": mtu, "underlay_mtu": underlay})


def test_subnets_are_chosen_around_everything_that_is_known() -> None:
    steps = [
        Step(NetworkSpec("a"), "create"),
        Step(NetworkSpec("b", subnets=(Subnet("10.2.0.0/24"),)), "create"),
        Step(NetworkSpec("c"), "create"),
        Step(NetworkSpec("d"), "none"),
    ]
    around = Surroundings((Route("10.0.0.0/16", "eth0", True),), ("10.1.1.53",), (), ("10.1.2.0/23",))
    found = choose_subnets(steps, [network(subnet="10.1.0.0/24")], ["10.0.0.0/15", "10.2.0.0/16"], 24, around)
    assert [step.spec.chosen for step in found] == [(Subnet("10.1.4.0/24"),), (), (Subnet("10.1.5.0/24"),), ()]
    with pytest.raises(SpecError, match="network a: no /24 is free in 10.0.0.0/16"):
        choose_subnets(steps, [], ["10.0.0.0/16"], 24, around)


def test_purge_touches_only_what_is_ours_and_not_declared() -> None:
    ours = {"swarmlab.overlay/managed": "true"}
    standin = dict(ours, **{"swarmlab.overlay/stands-in-for": "half"})
    listed = [
        network("kept", Labels=ours),
        network("old", Labels=ours),
        network("foreign"),
        network("x-standin", Labels=standin),
    ]
    specs = undeclared([NetworkSpec("kept")], listed)
    assert [(spec.name, spec.state) for spec in specs] == [("half", "absent"), ("old", "absent")]
    assert [spec.name for spec in undeclared([NetworkSpec("kept"), NetworkSpec("half")], listed)] == ["old"]
