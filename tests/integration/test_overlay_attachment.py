# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module overlay_attachment: containers of somebody else on overlays, found by name, and refusals that name the reason."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="module")
def places(swarm, shared) -> dict[str, str]:
    """Three networks, somebody at a fixed address of the first, as many as fit on the second, and a container on each of vm1 and vm2."""
    number = int(shared[1:3], 16)
    names = {"open": f"{shared}-open", "full": f"{shared}-full", "closed": f"{shared}-closed", "box": f"{shared}-box"}
    declared = [
        {"name": names["open"], "attachable": True, "subnets": [f"10.222.{number}.0/24"]},
        {"name": names["full"], "attachable": True, "subnets": [f"10.223.{number}.0/29"]},
        {"name": names["closed"]},
    ]
    assert swarm.run("overlay_network", {"networks": declared})["changed"]
    run = "docker run --detach --name {name} {more} {image} sleep 100000"
    # A gateway, a load balancer, and four containers: six addresses.
    others = [(f"{shared}-{index}", f"--network {names['full']}") for index in range(4)]
    others.append((f"{shared}-other", f"--network {names['open']} --ip 10.222.{number}.9"))
    swarm.shell("vm3", " && ".join(run.format(name=name, more=more, image=swarm.image) for name, more in others))
    for host in ("vm1", "vm2"):
        swarm.shell(host, run.format(name=names["box"], more="", image=swarm.image))
    return dict(names, taken=f"10.222.{number}.9", free=f"10.222.{number}.77", outside="10.224.0.5")


def attach(swarm, host: str, *attachments: dict, **more: object) -> dict:
    return swarm.run("overlay_attachment", dict({"attachments": list(attachments)}, **more), host=host)


def look(swarm) -> dict:
    return {
        key: value for key, value in swarm.run("overlay_network_info", {}).items() if key in ("networks", "swarm_nodes")
    }


def test_a_container_is_attached_found_and_detached(swarm, places) -> None:
    entry = {"container": places["box"], "network": places["open"], "aliases": ["al"], "ipv4_address": places["free"]}
    refused = attach(swarm, "vm2", dict(entry, container="nobody"))
    assert "there is no container nobody on this node" in refused["msg"]
    first = attach(swarm, "vm2", entry, dict(entry, node_id="other"))
    assert first["changed"], first
    seen = first["attachments"][0]
    assert seen["address"] == places["free"] and seen["names"] == sorted(["al", places["box"]])
    assert (seen["seen_from"], seen["seen_from_peer"]) == (places["box"], False), (
        "nobody else of this node is on the network"
    )
    settings = json.loads(swarm.docker("vm2", "inspect", places["box"]))[0]["NetworkSettings"]["Networks"]
    assert "al" in settings[places["open"]]["Aliases"]
    peer = f"{places['box']}-peer"
    swarm.docker("vm2", "run", "--detach", "--name", peer, "--network", places["open"], swarm.image, "sleep", "100000")
    again = attach(swarm, "vm2", entry)
    assert not again["changed"]
    assert (again["attachments"][0]["seen_from"], again["attachments"][0]["seen_from_peer"]) == (peer, True)
    blind = attach(swarm, "vm2", entry, resolve_timeout=0)["attachments"][0]
    assert blind["names"] == [] and "resolve_timeout is 0" in blind["not_seen_because"]
    elsewhere = swarm.run(
        "service_discovery", {"network": places["open"], "expected": {"al": [places["free"]]}}, host="vm3"
    )
    assert not elsewhere["failed"], elsewhere
    gone = {"container": places["box"], "network": places["open"], "state": "absent"}
    assert attach(swarm, "vm2", gone)["changed"]
    assert not attach(swarm, "vm2", gone)["changed"]


def test_a_name_that_does_not_resolve_is_an_error(swarm, places) -> None:
    """What is asked of the resolver is dropped in the container's own namespace."""
    swarm.docker("vm1", "network", "connect", places["open"], places["box"])
    drop = "nsenter --net=$(docker inspect --format '{{.NetworkSettings.SandboxKey}}' %s) iptables -%s OUTPUT -p udp -d 127.0.0.11 -j DROP"
    swarm.shell("vm1", drop % (places["box"], "I"))
    try:
        failed = attach(swarm, "vm1", {"container": places["box"], "network": places["open"]}, resolve_timeout=3)
    finally:
        swarm.shell("vm1", drop % (places["box"], "D"))
        swarm.docker("vm1", "network", "disconnect", places["open"], places["box"])
    assert failed["failed"] and f"seen from itself {places['box']} does not resolve (unreachable)" in failed["msg"], (
        failed
    )


REASONS = {
    "vm1": {"closed": "is not attachable; set attachable: true", "open": "is outside network",
            "full": "is exhausted: 0 of 6 addresses are free", "nonesuch": "is not there: the swarm has no overlay of this name"},
    "vm2": {"closed": "is not attachable; set attachable: true", "open": "is taken on network",
            "full": "is exhausted: 0 of 6 addresses are free", "nonesuch": "is not there: the swarm has no overlay of this name"},
}  # fmt: skip


@pytest.mark.parametrize("host", ["vm1", "vm2"])
def test_refusals_name_the_reason_before_anything_is_changed(swarm, places, host: str) -> None:
    """A manager looks itself; a worker is given what one sees. All reasons are named at once."""
    told = {} if host == "vm1" else {"seen_by_manager": look(swarm)}
    address = {"open": places["outside" if host == "vm1" else "taken"]}
    entries = [
        {"container": places["box"], "network": places.get(network, network), "ipv4_address": address.get(network)}
        for network in REASONS[host]
    ]
    refused = attach(swarm, host, *entries, **told)
    assert refused["failed"] and len(refused["problems"]) == 4 and "Nothing was changed" in refused["msg"], refused
    for words in REASONS[host].values():
        assert words in refused["msg"], refused


def test_a_drained_or_paused_node_is_named(swarm, places) -> None:
    entry = {"container": places["box"], "network": places["open"]}
    try:
        for availability in ("drain", "pause"):
            swarm.docker("vm1", "node", "update", "--availability", availability, "vm2")
            refused = attach(swarm, "vm2", entry, seen_by_manager=look(swarm))
            assert refused["failed"] and f"node vm2 is set to {availability}" in refused["msg"], refused
    finally:
        swarm.docker("vm1", "node", "update", "--availability", "active", "vm2")


def test_what_the_engine_alone_says_of_a_worker(swarm, places) -> None:
    for network, words in ((places["closed"], "Set attachable: true"), ("nonesuch", "Declare network nonesuch")):
        refused = attach(swarm, "vm2", {"container": places["box"], "network": network})
        assert refused["failed"] and words in refused["msg"], refused
