# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module overlay_service against a real swarm."""

from __future__ import annotations

import json
import re

import pytest


@pytest.fixture
def network(swarm, unique) -> str:
    result = swarm.run("overlay_network", {"name": f"{unique}-net", "attachable": True})
    assert result["changed"], result
    return f"{unique}-net"


def service(swarm, name: str, network: str, **more: object) -> dict:
    return dict(
        {"name": name, "image": swarm.image, "command": "sleep 100000", "stop_grace_period": 1, "networks": [network]},
        **more,
    )


def warned(swarm, declared: dict, *mode: str) -> str:
    """What Ansible prints, warnings among it, when a service is declared, which must succeed."""
    done = swarm.ansible("ansible", "vm1", "-m", "swarmlab.overlay.overlay_service", "-a", json.dumps(declared), *mode)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def spec(swarm, name: str) -> dict:
    return json.loads(swarm.docker("vm1", "service", "inspect", name))[0]["Spec"]


def test_services_converge_and_their_records_are_known(swarm, unique, network) -> None:
    services = [
        service(swarm, f"{unique}-web", network, replicas=2, networks=[{"name": network, "aliases": ["www"]}]),
        service(swarm, f"{unique}-all", network, mode="global", endpoint_mode="dnsrr"),
    ]
    predicted = swarm.run("overlay_service", {"services": services}, check=True)
    assert predicted["changed"] and unique not in swarm.docker("vm1", "service", "ls")
    created = swarm.run("overlay_service", {"services": services})
    assert created["changed"], created
    assert created["actions"] == predicted["actions"]
    assert swarm.docker("vm1", "service", "ls", "--filter", f"name={unique}", "--format", "{{.Replicas}}").split() == [
        "3/3",
        "2/2",
    ]
    assert not swarm.run("overlay_service", {"services": services})["changed"]
    records = swarm.run("overlay_network_info", {"names": [network]})["networks"][0]["records"]
    assert records["www"] == records[f"{unique}-web"] == [created["services"][0]["vips"][network]]
    assert len(records["tasks.www"]) == 2
    assert records[f"{unique}-all"] == records[f"tasks.{unique}-all"]
    assert len(records[f"{unique}-all"]) == 3


def test_an_update_keeps_what_is_not_declared(swarm, unique, network) -> None:
    swarm.docker(
        "vm1",
        "service",
        "create",
        "--detach",
        "--no-resolve-image",
        "--name",
        unique,
        "--update-parallelism",
        "7",
        "--limit-memory",
        "64M",
        "--stop-grace-period",
        "1s",
        "--network",
        network,
        swarm.image,
        "sleep",
        "100000",
    )
    before = spec(swarm, unique)
    result = swarm.run("overlay_service", {"name": unique, "replicas": 2, "env": {"A": "b"}})
    assert result["changed"], result
    after = spec(swarm, unique)
    assert after["Mode"]["Replicated"]["Replicas"] == 2
    assert after["TaskTemplate"]["ContainerSpec"].pop("Env") == ["A=b"]
    after["Mode"] = before["Mode"]
    assert after == before


def test_what_does_not_converge_is_told_task_by_task(swarm, unique, network) -> None:
    # A registry that refuses at once: to look for one by name may take longer than the test.
    services = [
        service(
            swarm,
            f"{unique}-bad",
            network,
            image="localhost:9/swarmlab/none:local",
            constraints=["node.hostname == vm3"],
        ),
        service(swarm, f"{unique}-nowhere", network, constraints=["node.hostname == vm9"]),
        service(swarm, f"{unique}-good", network),
    ]
    for dummy in range(10):  # a slow machine may not know after 10 s what will not work
        result = swarm.run("overlay_service", {"services": services, "timeout": 10})
        assert result["failed"] and re.search(r"have not converged after \d+ s", result["msg"]), result["msg"]
        if "rejected" in result["msg"] and f"{unique}-good" not in result["msg"]:
            break
    # Its next task may be on the way already.
    assert re.search(
        rf"{unique}-bad\.1 on vm3: (\w+ \(the task before: )?rejected: No such image: localhost:9/swarmlab/none:local",
        result["msg"],
    ), result["msg"]
    assert f"{unique}-nowhere.1 on no node yet: pending: no suitable node" in result["msg"]
    assert f"{unique}-good" not in result["msg"]


def test_absent_waits_so_that_the_network_can_go(swarm, unique, network) -> None:
    assert swarm.run("overlay_service", service(swarm, unique, network, replicas=3))["changed"]
    assert swarm.run("overlay_service", {"name": unique, "state": "absent"})["changed"]
    swarm.docker("vm1", "network", "rm", network)
    assert not swarm.run("overlay_service", {"name": unique, "state": "absent"})["changed"]


def test_bad_declarations_change_nothing(swarm, unique, network) -> None:
    good = service(swarm, f"{unique}-good", network)
    for bad, words in (
        (service(swarm, f"{unique}-bad", "nonesuch"), "there is no swarm network nonesuch"),
        (service(swarm, f"{unique}-bad", network, mode="global", replicas=2), "cannot go with mode global"),
        ({"name": f"{unique}-bad"}, "image is needed"),
    ):
        result = swarm.run("overlay_service", {"services": [good, bad]})
        assert result["failed"] and words in result["msg"], result
    assert unique not in swarm.docker("vm1", "service", "ls")


def test_a_worker_names_the_managers(swarm, unique) -> None:
    result = swarm.run("overlay_service", {"name": unique, "image": swarm.image}, host="vm2")
    assert "vm2 is a worker" in result["msg"] and ":2377" in result["msg"]


@pytest.mark.parametrize("own, more", [("host", False), ("bridge", True)])
def test_the_engines_own_networks_are_networks_of_a_service(swarm, unique, network, own: str, more: bool) -> None:
    names = [own, network] if more else [own]
    declared = service(swarm, unique, own, networks=names)
    created = swarm.run("overlay_service", declared)
    assert created["changed"] and list(created["services"][0]["vips"]) == names[1:], created
    assert not swarm.run("overlay_service", declared)["changed"]
    changed = swarm.run("overlay_service", dict(declared, networks=[network]))
    assert [entry["name"] for entry in changed["actions"][0]["differences"]["networks"]["before"]] == sorted(names), (
        changed
    )


def test_the_network_host_beside_others_is_warned_of(swarm, unique, network) -> None:
    """The swarm takes it, and its tasks start where they are lucky."""
    assert "together with the network host" in warned(
        swarm, service(swarm, unique, network, networks=["host", network]), "--check"
    )


def test_networks_of_one_node_alone_are_refused_with_the_reason(swarm, unique, network) -> None:
    swarm.docker("vm1", "network", "create", f"{unique}-compose")
    for name, words in (("none", "is a network of this node alone (driver null)"), (f"{unique}-compose", "of this node alone (driver bridge)"),
                        ("ingress", "carries published ports only")):  # fmt: skip
        refused = swarm.run(
            "overlay_service",
            {"services": [service(swarm, f"{unique}-a", network), service(swarm, f"{unique}-b", name)]},
        )
        assert refused["failed"] and words in refused["msg"] and "Nothing was changed" in refused["msg"], refused
    assert unique not in swarm.docker("vm1", "service", "ls")


def test_a_port_of_mode_host_is_had_by_many_as_long_as_there_are_nodes(swarm, unique, network) -> None:
    number = 20000 + int(unique[1:4], 16)
    host, mesh = [{"target": 80, "published": number, "mode": "host"}], [{"target": 80, "published": number}]
    apart = [
        service(swarm, f"{unique}-one", network, ports=host, constraints=["node.hostname == vm2"]),
        service(swarm, f"{unique}-two", network, ports=host, constraints=["node.hostname != vm2"], replicas=2),
    ]
    together = service(swarm, f"{unique}-three", network, ports=host)
    refused = swarm.run("overlay_service", {"services": [*apart, together]})
    assert refused["failed"] and f"port {number}/tcp of mode host can be used once on each node" in refused["msg"], (
        refused
    )
    assert unique not in swarm.docker("vm1", "service", "ls")
    assert swarm.run("overlay_service", {"services": apart})["changed"]
    assert not swarm.run("overlay_service", {"services": apart})["changed"]
    # As the swarm sees it: there may be a node for it one day. Nobody waits for that.
    assert "too few nodes" in warned(swarm, dict(together, wait=False))
    clash = swarm.run(
        "overlay_service",
        {"services": [service(swarm, f"{unique}-new", network), service(swarm, f"{unique}-four", network, ports=mesh)]},
    )
    assert (
        clash["failed"] and "is published by service" in clash["msg"] and "through the routing mesh" in clash["msg"]
    ), clash
    assert f"{unique}-new" not in swarm.docker("vm1", "service", "ls")
