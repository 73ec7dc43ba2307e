# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module overlay_container and role overlays against a real swarm."""

from __future__ import annotations

import json
import re

import pytest

IDLE = ["sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait $!"]  # ends when it is told to
NO_CHANGE = re.compile(r"^vm\d .*changed=0 +unreachable=0 +failed=0", re.MULTILINE)


@pytest.fixture
def networks(swarm, unique) -> list[str]:
    names = [f"{unique}-a", f"{unique}-b"]
    subnet = f"10.215.{int(unique[1:3], 16)}.0/24"
    declared = [{"name": names[0], "attachable": True, "subnets": [subnet]}, {"name": names[1], "attachable": True}]
    result = swarm.run("overlay_network", {"networks": declared})
    assert result["changed"], result
    return names


def container(swarm, unique: str, **more: object) -> dict:
    return dict({"name": unique, "image": swarm.image, "command": IDLE}, **more)


def test_attach_on_a_worker_that_never_saw_the_networks(swarm, unique, networks) -> None:
    assert unique not in swarm.docker("vm2", "network", "ls")
    address = f"10.215.{int(unique[1:3], 16)}.77"
    attachments = [{"name": networks[0], "aliases": ["al"], "ipv4_address": address}, networks[1]]
    args = container(swarm, unique, networks=attachments, hostname="box")
    assert swarm.run("overlay_container", args, host="vm2", check=True)["changed"]
    created = swarm.run("overlay_container", args, host="vm2")
    assert created["changed"], created
    assert created["containers"][0]["addresses"][networks[0]] == address
    there = json.loads(swarm.docker("vm2", "inspect", unique))[0]
    assert there["State"]["Running"] and set(there["NetworkSettings"]["Networks"]) == set(networks)
    assert not swarm.run("overlay_container", args, host="vm2")["changed"]
    fewer = swarm.run("overlay_container", dict(args, networks=attachments[:1]), host="vm2")
    assert [action["action"] for action in fewer["actions"]] == ["recreate"]
    swarm.docker("vm2", "stop", "--time", "0", unique)
    again = swarm.run("overlay_container", dict(args, networks=attachments[:1]), host="vm2")
    assert [action["action"] for action in again["actions"]] == ["start"]
    users = swarm.run("overlay_network_info", {"names": [networks[0]]})["networks"][0]["users"]
    assert [(user["kind"], user["node"]) for user in users] == [("container", "vm2")]
    assert swarm.run("overlay_container", {"name": unique, "state": "absent"}, host="vm2")["changed"]
    assert not swarm.run("overlay_container", {"name": unique, "state": "absent"}, host="vm2")["changed"]


def test_refusals_name_the_reason_and_leave_nothing(swarm, unique, networks) -> None:
    swarm.run("overlay_network", {"name": f"{unique}-closed"})
    for network, command, words in (
        (f"{unique}-closed", "sleep 9", f"Set attachable: true on network {unique}-closed"),
        (f"{unique}-none", "sleep 9", f"Declare network {unique}-none"),
        (networks[0], "nonesuch", "executable file not found"),
        (networks[0], "sh -c 'exit 3'", "does not"),
    ):
        args = container(swarm, unique, networks=[network], command=command)
        result = swarm.run("overlay_container", args, host="vm3")
        assert result["failed"] and words in result["msg"], result
        if "exit 3" not in command:
            assert unique not in swarm.docker("vm3", "ps", "--all", "--format", "{{.Names}}").splitlines()


def test_role_overlays_declares_all_and_then_changes_nothing(swarm, unique) -> None:
    declared = {
        "overlays_networks": [{"name": f"{unique}-n", "attachable": True}],
        "overlays_services": [
            {
                "name": f"{unique}-s",
                "image": swarm.image,
                "command": "sleep 100000",
                "stop_grace_period": 1,
                "networks": [f"{unique}-n"],
                "replicas": 2,
            }
        ],
        "overlays_containers": [
            {
                "node": "vm3",
                "name": f"{unique}-c",
                "image": swarm.image,
                "command": "sleep 100000",
                "networks": [f"{unique}-n"],
            }
        ],
    }
    code, output = swarm.playbook("swarmlab.overlay.overlays", declared, "--check")
    assert code == 0, output
    assert unique not in swarm.docker("vm1", "network", "ls")
    code, output = swarm.playbook("swarmlab.overlay.overlays", declared)
    assert code == 0, output
    assert f"{unique}-c" in swarm.docker("vm3", "ps")
    code, output = swarm.playbook("swarmlab.overlay.overlays", declared)
    assert code == 0, output
    assert len(NO_CHANGE.findall(output)) == 3, output


def test_role_overlays_refuses_an_unknown_node(swarm, unique) -> None:
    declared = {"overlays_containers": [{"node": "vm9", "name": unique, "image": "x", "networks": ["y"]}]}
    code, output = swarm.playbook("swarmlab.overlay.overlays", declared)
    assert code != 0
    assert "vm9 is neither in the inventory nor a node of the swarm" in " ".join(output.split())


def test_role_overlays_takes_the_smallest_mtu_of_all_nodes(swarm, unique) -> None:
    declared = {"overlays_networks": [
        {"name": f"{unique}-a", "mtu": "auto"}, {"name": f"{unique}-b", "mtu": "auto", "encrypted": True}, {"name": f"{unique}-c"},
    ]}  # fmt: skip
    swarm.shell("vm3", "ip link set eth0 mtu 1400")
    try:
        code, output = swarm.playbook("swarmlab.overlay.overlays", declared)
        assert code == 0, output
        code, again = swarm.playbook("swarmlab.overlay.overlays", declared)
    finally:
        swarm.shell("vm3", "ip link set eth0 mtu 1500")
    options = [
        json.loads(swarm.docker("vm1", "network", "inspect", f"{unique}-{part}"))[0]["Options"] for part in "abc"
    ]
    assert [entry.get("com.docker.network.driver.mtu") for entry in options] == ["1400", "1400", None]
    assert code == 0 and len(NO_CHANGE.findall(again)) == 3, again
