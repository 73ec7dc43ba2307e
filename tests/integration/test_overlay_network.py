# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules overlay_network and overlay_network_info against a real swarm; the docker CLI looks from outside."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

OTHER = {
    "encrypted": True,
    "attachable": True,
    "internal": True,
    "mtu": 1400,
    "labels": {"a": "b"},
    "subnets": ["10.211.0.0/24"],
    "driver_options": {"com.docker.network.driver.overlay.vxlanid_list": "70001"},
}
# What a network may be declared as, given something to draw from and its number.
CHOICES = (
    lambda draw, number: {"state": "absent"},
    lambda draw, number: {},
    lambda draw, number: {"mtu": draw.choice([1300, 1400]), "encrypted": draw.random() < 0.5},
    lambda draw, number: {"attachable": True, "labels": {"drawn": str(draw.randrange(3))}},
    lambda draw, number: {"subnets": [{"subnet": f"10.221.{number}.0/24", "gateway": f"10.221.{number}.{draw.choice([1, 9])}"}]},
    lambda draw, number: {"internal": True, "driver_options": {
        "com.docker.network.driver.overlay.vxlanid_list": str(71000 + number)}},
)  # fmt: skip


def inspect(swarm, name: str, host: str = "vm1") -> dict:
    return json.loads(swarm.docker(host, "network", "inspect", name))[0]


def exists(swarm, name: str) -> bool:
    return name in swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}").splitlines()


def declare(swarm, check: bool = False, host: str = "vm1", **args: object) -> dict:
    result = swarm.run("overlay_network", args, host=host, check=check)
    assert not result.get("failed"), result
    return result


def refuse(swarm, host: str = "vm1", **args: object) -> dict:
    result = swarm.run("overlay_network", args, host=host)
    assert result.get("failed"), result
    assert not result.get("changed"), result
    assert "Traceback" not in result["msg"]
    return result


def test_create_twice_and_remove_twice(swarm, unique) -> None:
    args = {**OTHER, "name": unique, "subnets": [{"subnet": "10.212.0.0/24", "gateway": "10.212.0.9"}]}
    assert declare(swarm, **args)["changed"]
    there = inspect(swarm, unique)
    assert (there["Driver"], there["Scope"], there["Attachable"], there["Internal"]) == ("overlay", "swarm", True, True)
    assert there["Options"]["com.docker.network.driver.mtu"] == "1400"
    assert "encrypted" in there["Options"]
    assert there["IPAM"]["Config"] == [{"Subnet": "10.212.0.0/24", "Gateway": "10.212.0.9"}]
    assert there["Labels"]["a"] == "b"
    assert there["Labels"]["swarmlab.overlay/managed"] == "true"
    assert not declare(swarm, **args)["changed"]
    assert inspect(swarm, unique)["Id"] == there["Id"]
    assert declare(swarm, name=unique, state="absent")["changed"]
    assert not exists(swarm, unique)
    assert not declare(swarm, name=unique, state="absent")["changed"]


def test_check_mode_predicts_what_a_run_does(swarm, unique) -> None:
    """Twelve networks go their own ways at the same time; what is drawn differs each time, and is told if it fails."""
    draw = random.Random(seed := random.randrange(10**6))
    names = [f"{unique}-{number:02}" for number in range(12)]
    for round_ in range(3):
        declared = [dict({"name": name}, **draw.choice(CHOICES)(draw, number)) for number, name in enumerate(names)]
        told = f"seed {seed}, round {round_}: {declared}"
        there = swarm.docker("vm1", "network", "ls")
        predicted = swarm.shown("overlay_network", {"networks": declared}, "--check")
        assert swarm.docker("vm1", "network", "ls") == there, told
        assert predicted == swarm.shown("overlay_network", {"networks": declared}), told
        assert predicted or round_, told
        assert swarm.shown("overlay_network", {"networks": declared}) == [], told
        wanted = {network["name"] for network in declared if network.get("state") != "absent"}
        there = swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}").splitlines()
        assert wanted == {name for name in there if name.startswith(unique)}, told


def test_a_property_that_differs_is_seen_in_both_directions(swarm, unique) -> None:
    plain = [{"name": f"{unique}-{field}"} for field in OTHER]
    with_it = [{**network, field: OTHER[field]} for network, field in zip(plain, OTHER)]

    def seen(networks: list[dict], check: bool = False) -> set[str]:
        result = declare(swarm, check=check, networks=networks)
        return {action["name"] for action in result["actions"] if action["action"] == "recreate"}

    names = {network["name"] for network in plain}
    declare(swarm, networks=plain)
    assert seen(with_it) == names
    assert not declare(swarm, networks=with_it)["changed"]
    assert seen(plain, check=True) == names, "what is dropped must be seen too"


def test_fifty_networks_in_one_call(swarm, unique) -> None:
    networks = [{"name": f"{unique}-{number:02}", "attachable": True} for number in range(50)]
    start = time.monotonic()
    created = declare(swarm, networks=networks)
    seconds = time.monotonic() - start
    assert len(created["networks"]) == 50
    assert len({network["vxlan_ids"][0] for network in created["networks"]}) == 50
    assert not declare(swarm, networks=networks)["changed"]
    assert declare(swarm, networks=networks, state="absent")["changed"]
    assert seconds < 20


def test_a_network_in_use_is_not_touched_and_users_are_named(swarm, unique) -> None:
    declare(swarm, networks=[{"name": f"{unique}-used", "attachable": True}, {"name": f"{unique}-free"}])
    used = inspect(swarm, f"{unique}-used")["Id"]
    swarm.docker(
        "vm1",
        "service",
        "create",
        "--detach",
        "--no-resolve-image",
        "--name",
        f"{unique}-svc",
        "--network",
        f"{unique}-used",
        "--stop-grace-period",
        "1s",
        swarm.image,
        "sleep",
        "1000",
    )
    swarm.docker(
        "vm2", "run", "--detach", "--name", f"{unique}-box", "--network", f"{unique}-used", swarm.image, "sleep", "1000"
    )
    networks = [{"name": f"{unique}-used", "encrypted": True}, {"name": f"{unique}-free", "mtu": 1400}]
    result = refuse(swarm, networks=networks)
    for words in (
        f"service {unique}-svc",
        "container ",
        "on vm2",
        "encrypted: False -> True",
        "attachable: True -> False",
    ):
        assert words in result["msg"]
    assert result["refused"][0]["network"] == f"{unique}-used"
    assert inspect(swarm, f"{unique}-used")["Id"] == used
    assert "com.docker.network.driver.mtu" not in inspect(swarm, f"{unique}-free")["Options"]
    assert f"service {unique}-svc" in refuse(swarm, name=f"{unique}-used", state="absent")["msg"]
    swarm.docker("vm2", "rm", "--force", f"{unique}-box")
    swarm.docker("vm1", "service", "rm", f"{unique}-svc")
    assert declare(swarm, networks=networks)["changed"], "a service that was just removed must not be in the way"


def test_a_local_network_of_the_same_name_is_an_error(swarm, unique) -> None:
    swarm.docker("vm1", "network", "create", unique)
    assert "local-scoped bridge network" in refuse(swarm, name=unique)["msg"]
    assert "local-scoped bridge network" in refuse(swarm, name=unique, state="absent")["msg"]


def test_a_swarm_network_of_another_driver_is_nobodys_to_replace(swarm, unique) -> None:
    """A macvlan of the swarm has no subnet on a manager, as an overlay that was not allocated: it was removed and made anew as an overlay."""
    name = f"{unique}-m"
    swarm.docker("vm1", "network", "create", "--config-only", f"{unique}-c")
    for driver in ("macvlan", "bridge"):
        origin = ["--config-from", f"{unique}-c"] if driver == "macvlan" else []
        made = swarm.docker("vm1", "network", "create", "-d", driver, "--scope", "swarm", *origin, name)
        for declared in ({"name": name}, {"name": name, "state": "absent"}):
            result = swarm.run("overlay_network", declared)
            assert result["failed"] and f"the name is taken by a swarm network of driver {driver}" in result["msg"], (
                result
            )
        assert swarm.docker("vm1", "network", "inspect", name, "--format", "{{.Id}}") == made
        swarm.docker("vm1", "network", "rm", name)


def test_overlap_with_an_existing_network(swarm, unique) -> None:
    declare(swarm, name=f"{unique}-a", subnets=["10.213.0.0/24"])
    result = refuse(swarm, networks=[{"name": f"{unique}-c"}, {"name": f"{unique}-b", "subnets": ["10.213.0.0/16"]}])
    assert f"overlaps 10.213.0.0/24 of the existing network {unique}-a" in result["msg"]
    assert not exists(swarm, f"{unique}-c")


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"subnets": ["10.214.0.0/33"]}, "is not a subnet"),
        ({"subnets": ["10.214.0.7/24"]}, "host bits set"),
        ({"mtu": 67}, "68 to 65535"),
        ({"mtu": 65536}, "68 to 65535"),
        ({"encryptd": True}, "encryptd"),
        ({"driver_options": {"encrypted": "false"}}, "presence only"),
        ({"driver_options": {"com.docker.network.driver.mtuu": "1"}}, "ignore it silently"),
        ({"labels": {"a": True}}, "quote it"),
    ],
)
def test_bad_input_changes_nothing(swarm, unique, entry: dict, words: str) -> None:
    result = refuse(swarm, networks=[{"name": f"{unique}-good"}, dict(entry, name=f"{unique}-bad")])
    assert words in result["msg"]
    assert not exists(swarm, f"{unique}-good")


def test_ingress_and_missing_name_are_refused(swarm, unique) -> None:
    assert "ingress" in refuse(swarm, name="ingress", state="absent")["msg"]
    assert "one of the following is required" in refuse(swarm, attachable=True)["msg"]
    assert "mutually exclusive" in refuse(swarm, name=unique, networks=[])["msg"]


def test_a_worker_names_the_managers(swarm, unique) -> None:
    result = refuse(swarm, host="vm2", name=unique)
    assert "vm2 is a worker" in result["msg"]
    assert ":2377" in result["msg"]


def test_unreachable_engine(swarm, unique) -> None:
    result = refuse(swarm, name=unique, docker_host="unix:///run/no-engine.sock")
    assert "unix:///run/no-engine.sock" in result["msg"]
    assert "does not exist" in result["msg"]


def test_missing_sdk(swarm, unique) -> None:
    isolated = '#!/bin/sh\\nexec /usr/bin/python3 -S "$@"\\n'
    swarm.shell("vm1", f"printf '{isolated}' > /tmp/{unique}-python && chmod +x /tmp/{unique}-python")
    done = swarm.ansible(
        "ansible",
        "vm1",
        "-m",
        "swarmlab.overlay.overlay_network",
        "-a",
        json.dumps({"name": unique}),
        "-e",
        f"ansible_python_interpreter=/tmp/{unique}-python",
    )
    swarm.shell("vm1", f"rm /tmp/{unique}-python")
    told = " ".join(done.stdout.split())
    assert "Docker SDK for Python" in told
    assert "python3-docker" in told


def test_what_the_engine_takes_without_a_word_is_found(swarm, unique) -> None:
    subnet = f"10.219.{int(unique[1:3], 16)}.0/29"
    create = ("network", "create", "--driver", "overlay", "--subnet", subnet, "--opt", "encrypted=false",
              "--opt", "encryptd=yes", f"{unique}-bad")  # fmt: skip
    swarm.docker("vm1", *create)
    swarm.docker(
        "vm1",
        "service",
        "create",
        "--detach",
        "--no-resolve-image",
        "--name",
        f"{unique}-svc",
        "--replicas",
        "9",
        "--network",
        f"{unique}-bad",
        "--constraint",
        "node.hostname==none",
        swarm.image,
        "true",
    )
    deadline = time.monotonic() + 60
    while not inspect(swarm, f"{unique}-bad")["IPAM"]["Config"]:
        assert time.monotonic() < deadline
    seen = swarm.run("overlay_network_info", {"names": [f"{unique}-bad", "ingress"], "avoid": ["10.219.0.0/16"]})
    bad, ingress = sorted(seen["networks"], key=lambda network: network["ingress"])
    assert {finding["code"] for finding in bad["findings"]} == {
        "encrypted-false",
        "unknown-option",
        "shadow",
        "too-small",
    }
    assert bad["capacity"]["size"] == 6 and bad["capacity"]["missing"] > 0 and bad["encrypted"]
    assert ingress["findings"] == [] and ingress["capacity"]["load_balancers"] == 3
    assert seen["underlay"]["interface"] == "eth0" and seen["underlay"]["mtu"] > 1000
    refused = refuse(
        swarm,
        networks=[
            {"name": f"{unique}-a"},
            {"name": f"{unique}-b", "subnets": [swarm.subnet.replace(".0/24", ".128/25")]},
        ],
    )
    assert f"overlaps {swarm.subnet}, which this node has on eth0; choose another subnet" in refused[
        "msg"
    ] and not exists(swarm, f"{unique}-a")


def test_subnets_and_mtu_that_fit_and_purge(swarm, unique) -> None:
    swarm.docker("vm1", "network", "create", "--driver", "overlay", f"{unique}-foreign")
    networks = [{"name": f"{unique}-a", "mtu": "auto"}, {"name": f"{unique}-b", "mtu": "auto", "encrypted": True}]
    chosen = {
        "underlay_mtu": [1400, 1500],
        "address_pools": ["10.218.0.0/16"],
        "avoid": ["10.218.0.0/20"],
        "subnet_size": 26,
    }
    made = declare(swarm, networks=networks, **chosen)["networks"]
    assert [network["mtu"] for network in made] == [1400, 1400]
    assert [network["subnets"][0]["subnet"] for network in made] == ["10.218.16.0/26", "10.218.16.64/26"]
    assert not declare(swarm, networks=networks, **chosen)["changed"]
    predicted = declare(swarm, check=True, networks=networks[:1], purge=True, **chosen)
    purged = declare(swarm, networks=networks[:1], purge=True, **chosen)
    assert purged["actions"] == predicted["actions"]
    assert {"action": "remove", "name": f"{unique}-b", "differences": {}} in purged["actions"]
    assert exists(swarm, f"{unique}-foreign") and exists(swarm, f"{unique}-a") and not exists(swarm, f"{unique}-b")
    assert "whole list" in refuse(swarm, name=unique, purge=True)["msg"]


@pytest.fixture
def second_manager(swarm) -> Iterator[str]:
    """A worker that is a manager for the time of a test."""
    swarm.docker("vm1", "node", "promote", "vm2")
    await_status(swarm, "vm2", "Reachable")
    yield "vm2"
    swarm.docker("vm1", "node", "demote", "vm2")
    await_status(swarm, "vm2", "")
    swarm.await_nodes("vm1")


def await_status(swarm, host: str, status: str) -> None:
    """Wait until the swarm says so of a node, and the node knows it itself."""
    deadline = time.monotonic() + 120
    look = f"node ls --filter name={host} --format {{{{.ManagerStatus}}}}".split()
    while swarm.docker("vm1", *look) != status or (
        swarm.docker(host, "info", "--format", "{{.Swarm.ControlAvailable}}") != str(bool(status)).lower()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_two_runs_against_two_managers_end_as_declared(swarm, unique, second_manager) -> None:
    networks = [{"name": f"{unique}-{number:02}", "mtu": 1400} for number in range(40)]
    # Every third is there, and differs: both runs want to replace it.
    declare(swarm, networks=[{"name": network["name"]} for network in networks[::3]])
    with ThreadPoolExecutor() as runs:
        both = [runs.submit(declare, swarm, host=host, networks=networks) for host in ("vm1", second_manager)]
    results = [run.result() for run in both]
    for result in results:
        assert [network["mtu"] for network in result["networks"]] == [1400] * 40
        assert not any(network["id"] is None for network in result["networks"])
    created = sorted(action["name"] for result in results for action in result["actions"])
    assert set(created) == {network["name"] for network in networks}
    assert not declare(swarm, networks=networks)["changed"]


@pytest.fixture
def three_managers(swarm, second_manager) -> Iterator[None]:
    swarm.docker("vm1", "node", "promote", "vm3")
    await_status(swarm, "vm3", "Reachable")
    yield
    # Whoever leads now: vm1 shall be the only manager again.
    swarm.await_nodes("vm1")
    swarm.docker("vm1", "node", "demote", "vm3")
    await_status(swarm, "vm3", "")


@pytest.mark.long
def test_the_leader_dies_while_a_hundred_networks_are_made(swarm, unique, three_managers) -> None:
    networks = [{"name": f"{unique}-{number:03}"} for number in range(100)]
    count = "docker network ls --format '{{.Name}}' | grep -c " + unique
    with ThreadPoolExecutor() as pool:
        run = pool.submit(swarm.run, "overlay_network", {"networks": networks, "engine_timeout": 30}, "vm2")
        swarm.shell("vm2", f"for try in $(seq 600); do [ $({count}) -gt 0 ] && exit 0; sleep 0.05; done; exit 1")
        swarm.restart_engine("vm1")
        first = run.result()
    swarm.await_nodes("vm2")
    print(f"the run {'failed: ' + first['msg'] if first['failed'] else 'ended as declared by itself'}")
    once_more = declare(swarm, host="vm2", networks=networks)
    assert [network["name"] for network in once_more["networks"]] == [network["name"] for network in networks]
    assert all(network["id"] for network in once_more["networks"])
    assert swarm.shell("vm2", count) == "100"
    assert not declare(swarm, host="vm2", networks=networks)["changed"]


def test_info_on_manager_and_worker(swarm, unique) -> None:
    declare(swarm, name=unique)
    manager = swarm.run("overlay_network_info", {"names": [unique, f"{unique}-none"]})
    assert manager["missing"] == [f"{unique}-none"]
    assert manager["networks"][0]["records"] == {}
    assert manager["networks"][0]["id"] == inspect(swarm, unique)["Id"]
    worker = swarm.run("overlay_network_info", {"names": [unique]}, host="vm2")
    assert worker["networks"] == [], "a worker knows no overlay before its first endpoint there"
    assert "is a worker" in worker["records_missing_because"]
    everything = swarm.run("overlay_network_info", {"engine_timeout": 30})
    assert {"ingress", unique} <= {network["name"] for network in everything["networks"]}
