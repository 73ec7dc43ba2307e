# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as people have them: groups of any name or none, names that are no host names, parts of a swarm; and no harm done."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

SWARM = "swarmlab.overlay.swarm"
VERIFY = "swarmlab.overlay.verify"
QUICK = {"verify_checks": ["PRE-REACH", "CP-ADDR", "CP-TLS"]}


def node_id(swarm, host: str) -> str:
    return swarm.docker(host, "info", "--format", "{{.Swarm.NodeID}}")


def states(swarm) -> dict[str, str]:
    """Host name -> state, role of a manager, and availability, of every record in the swarm's list."""
    listed = swarm.docker(
        "vm1", "node", "ls", "--format", "{{.Hostname}}={{.Status}}/{{.ManagerStatus}}/{{.Availability}}"
    )
    return dict(line.split("=") for line in listed.splitlines())


def forget(swarm, host: str) -> None:
    """A node that is in no swarm, and in no list."""
    node = node_id(swarm, host)
    if node:
        swarm.docker(host, "swarm", "leave")
        swarm.docker("vm1", "node", "rm", "--force", node)


def test_groups_without_a_parent(swarm, tmp_path: Path) -> None:
    other = swarm.given(tmp_path, {"swarm_managers": {"m1": "vm1"}, "swarm_workers": {"w1": "vm2", "w2": "vm3"}})
    code, output = other.playbook(SWARM)
    assert code == 0 and output.count("changed=0") == 3, output
    code, output = other.playbook(VERIFY, {**QUICK, "verify_directory": str(tmp_path / "report")})
    assert code == 0 and "VERIFIED: 3 passed" in output and "3 nodes" in output, output


def test_groups_of_other_names(swarm, tmp_path: Path) -> None:
    other = swarm.given(tmp_path, {"leaders": {"m1": "vm1"}, "workers": {"w1": "vm2", "w2": "vm3"}})
    code, output = other.playbook(SWARM, {"swarm_managers_group": "leaders"})
    assert code == 0 and output.count("changed=0") == 3, output


@pytest.mark.parametrize(
    ("groups", "limit", "words"),
    [
        ({}, [], "The inventory has no host for the swarm"),
        (
            {"swarm_managers": {"m1": "vm1"}, "db": {"d1": "vm2"}},
            ["--limit", "d1"],
            "--limit d1 leaves no host of the swarm",
        ),
        ({"swarm_managers": {"m1": "vm1"}, "swarm_workers": {"m1": "vm1"}}, [], "m1: in both groups"),
        ({"swarm_managers": {"m1": "vm1"}}, ["--skip-tags", "tagged"], "--skip-tags tagged leaves out the tasks"),
    ],
)
@pytest.mark.parametrize("playbook", [VERIFY, SWARM, "swarmlab.overlay.overlays"])
def test_a_run_that_looks_at_nobody_is_no_success(
    swarm, tmp_path: Path, playbook: str, groups: dict, limit: list[str], words: str
) -> None:
    code, output = swarm.given(tmp_path, groups).playbook(playbook, {}, *limit)
    assert code != 0 and words in " ".join(output.split()), output


def test_one_manager_is_enough_to_prove_all(swarm, tmp_path: Path) -> None:
    one = swarm.given(
        tmp_path,
        {"ungrouped": {"first": "vm1"}},
        swarm_discovered_host=f"swarmlab-{swarm.lab}-{{{{ node.hostname }}}}",
    )
    code, output = one.playbook(VERIFY, {**QUICK, "verify_directory": str(tmp_path / "report")})
    assert code == 0 and "VERIFIED: 3 passed" in output, output
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert [node["name"] for node in report["nodes"]] == ["first", "vm2", "vm3"]


def test_nodes_beyond_a_group_are_looked_for_on_request(swarm, tmp_path: Path) -> None:
    one = swarm.given(
        tmp_path,
        {"swarm_managers": {"first": "vm1"}},
        swarm_discovered_host=f"swarmlab-{swarm.lab}-{{{{ node.hostname }}}}",
    )
    for found, nodes in ((False, 1), (True, 3)):
        code, output = one.playbook(
            VERIFY, {**QUICK, "verify_directory": str(tmp_path / "report"), "swarm_discover": found}
        )
        assert code == 0 and "VERIFIED: 3 passed" in output, output
        report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
        assert len(report["nodes"]) == nodes


def test_a_misspelt_declaration_is_told_and_removes_nothing(swarm) -> None:
    """It declared nothing, and with a purge everything was removed that it meant to declare."""
    wanted = [{"name": "spelt", "attachable": True}]
    for name, code, words in (
        ("overlays_networks", 0, "changed=1"),
        ("overlay_networks", 0, "overlay_networks is set, and no variable of this collection has that name"),
    ):
        ended, output = swarm.playbook("swarmlab.overlay.overlays", {name: wanted})
        assert ended == code and words in " ".join(output.split()), output
    ended, output = swarm.playbook("swarmlab.overlay.overlays", {"overlay_networks": wanted, "overlays_purge": True})
    assert ended != 0 and "Is overlays_networks meant? overlays_purge would remove" in " ".join(output.split()), output
    assert "spelt" in swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}")


def test_the_swarm_itself_as_the_inventory(swarm, tmp_path: Path, engine_socket: str) -> None:
    """The groups manager and worker of community.docker.docker_swarm, whose hosts have ids as names."""
    told = {
        "plugin": "community.docker.docker_swarm", "docker_host": engine_socket, "verbose_output": True,
        "compose": {
            "ansible_connection": "'community.docker.docker_api'", "ansible_host": f"'swarmlab-{swarm.lab}-' ~ Description.Hostname",
            "ansible_docker_docker_host": repr(swarm.address),
            "ansible_python_interpreter": "'/usr/bin/python3'",
            "ansible_pipelining": "true",  # or the connection asks for the user's ids first, and an engine under load loses that answer
        },
    }  # fmt: skip
    inventory = tmp_path / "lab.docker_swarm.yml"
    inventory.write_text(json.dumps(told), encoding="utf-8")
    other = dataclasses.replace(swarm, inventory=inventory)
    code, output = other.playbook(SWARM)
    assert code == 0 and output.count("changed=0") == 3, output
    code, output = other.playbook(VERIFY, {**QUICK, "verify_directory": str(tmp_path / "report")})
    assert code == 0 and "VERIFIED: 3 passed" in output and "3 nodes" in output, output


def test_a_worker_alone_cannot_tell_the_swarm(swarm, tmp_path: Path) -> None:
    code, output = swarm.given(tmp_path, {"ungrouped": {"w": "vm2"}}).playbook(VERIFY)
    assert code != 0 and "w is a worker; its managers are at" in " ".join(output.split()), output


def test_a_node_that_cannot_be_reached_is_named(swarm, tmp_path: Path) -> None:
    one = swarm.given(
        tmp_path, {"ungrouped": {"first": "vm1"}}, swarm_discovered_host="no-such-container-{{ node.hostname }}"
    )
    code, output = one.playbook(VERIFY, {**QUICK, "verify_directory": str(tmp_path / "report")})
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    reach = next(check for check in report["checks"] if check["id"] == "PRE-REACH")
    assert code != 0 and reach["status"] == "fail" and reach["nodes"] == ["vm2", "vm3"], output


def test_a_new_worker_joins_with_a_limit_to_it(swarm) -> None:
    forget(swarm, "vm3")
    code, output = swarm.playbook(SWARM, {}, "--limit", "vm3")
    assert code == 0 and "vm3 joins as worker through vm1" in output, output
    assert states(swarm)["vm3"] == "Ready//Active"


@pytest.mark.long
@pytest.mark.parametrize(
    "how", [pytest.param("REJECT --reject-with icmp-host-unreachable", marks=pytest.mark.rare), "DROP"]
)
def test_a_node_joins_when_its_manager_answers_late(swarm, how: str) -> None:
    """Fifty nodes that join at once keep a manager so busy that some are not answered; their engines give up, in state error."""
    forget(swarm, "vm3")
    rule = f"INPUT -p tcp --dport 2377 -s {swarm.subnet.replace('0/24', '13')} -j {how}"
    later = f"sleep 45; iptables -w -D {rule}"
    swarm.shell("vm1", f"iptables -w -I {rule}; (setsid sh -c '{later}' >/dev/null 2>&1 &)")
    code, output = swarm.playbook(SWARM, {}, "--limit", "vm3")
    assert code == 0, output
    assert states(swarm)["vm3"] == "Ready//Active"


@pytest.mark.parametrize(
    "address",
    [
        "{{ ansible_eth0.ipv4.address }}",
        "{{ ansible_facts['eth0']['ipv4']['address'] }}:2377",
        "eth0",
        "own-name.example",
    ],
)
def test_an_address_is_what_it_means(swarm, tmp_path: Path, address: str) -> None:
    own = swarm.shell("vm3", "hostname -i").split()[0]
    swarm.shell("vm3", f"grep -q own-name /etc/hosts || echo {own} own-name.example >> /etc/hosts")
    forget(swarm, "vm3")
    groups = {"swarm_managers": {"vm1": "vm1"}, "swarm_workers": {"vm2": "vm2", "vm3": "vm3"}}
    other = swarm.given(tmp_path, groups)
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "vm3.yml").write_text(json.dumps({"swarm_advertise_addr": address}), encoding="utf-8")
    code, output = other.playbook(SWARM)
    assert code == 0, output
    assert swarm.docker("vm3", "info", "--format", "{{.Swarm.NodeAddr}}") == own
    code, output = other.playbook(VERIFY, {**QUICK, "verify_directory": str(tmp_path / "report")})
    assert code == 0 and "VERIFIED: 3 passed" in output, output


def test_the_node_that_leaves_is_the_one_that_its_engine_says(swarm, tmp_path: Path) -> None:
    """The inventory calls vm2 what is vm3, and the other way round; and its groups are not called as ours."""
    crossed = swarm.given(tmp_path, {"managers": {"vm1": "vm1"}, "workers": {"vm3": "vm2"}, "going": {"vm2": "vm3"}})
    book = tmp_path / "leave.yml"
    book.write_text(
        json.dumps(
            [
                {
                    "name": "Leave",
                    "hosts": "going",
                    "gather_facts": False,
                    "tasks": [
                        {
                            "name": "Leave",
                            "ansible.builtin.include_role": {"name": "swarmlab.overlay.swarm", "tasks_from": "leave"},
                        }
                    ],
                }
            ]
        ),
        encoding="utf-8",
    )
    gone, stays = node_id(swarm, "vm3"), node_id(swarm, "vm2")
    try:
        code, output = crossed.playbook(str(book))
        assert code == 0, output
        listed = swarm.docker("vm1", "node", "ls", "-q").split()
        assert gone not in listed and stays in listed and states(swarm)["vm2"] == "Ready//Active"
        assert swarm.docker("vm3", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive"
        code, output = crossed.playbook(str(book))
        assert code == 0 and "changed=0" in output, output
    finally:
        code, output = swarm.playbook(SWARM)
        assert code == 0, output


@pytest.mark.long
def test_a_manager_made_anew_joins_the_swarm_of_the_others(swarm, tmp_path: Path) -> None:
    """Case 3B of the field; and on the way, managers come and go as the groups say."""
    three = swarm.given(tmp_path, {"swarm_managers": {"vm1": "vm1", "vm2": "vm2", "vm3": "vm3"}})
    try:
        code, output = three.playbook(SWARM)
        assert code == 0 and "vm3: becomes a manager" in output, output
        assert sorted(state.split("/")[1] for state in states(swarm).values()) == ["Leader", "Reachable", "Reachable"]
        first = node_id(swarm, "vm1")
        swarm.docker("vm1", "swarm", "leave", "--force")
        swarm.shell(
            "vm2",
            f"for try in $(seq 60); do docker node demote {first} && docker node rm -f {first} && exit 0; sleep 1; done; exit 1",
        )
        code, output = three.playbook(SWARM, {}, "--limit", "vm1")
        assert code == 0 and "vm1 joins as manager through vm2" in output, output
        assert len(set(states(swarm))) == 3 and node_id(swarm, "vm1") != first
        # Nobody can tell whether there is a swarm when the other managers do not answer.
        swarm.docker("vm1", "swarm", "leave", "--force")
        for host in ("vm2", "vm3"):
            swarm.shell(host, "pkill -STOP -x dockerd")
        code, output = three.playbook(SWARM, {"engine_timeout": 15}, "--limit", "vm1")
        assert code != 0 and "It is unknown whether a swarm exists already" in " ".join(output.split()), output
        assert swarm.docker("vm1", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive"
    finally:
        for host in ("vm2", "vm3"):
            swarm.shell(host, "pkill -CONT -x dockerd")
        three.playbook(SWARM)
        swarm.shell(
            "vm1",
            "for id in $(docker node ls --filter role=manager -q); do docker node inspect $id --format '{{.Status.State}}' | grep -q ready"
            " || docker node demote $id; done; docker node rm $(docker node ls -q | while read id; do docker node inspect $id"
            " --format '{{.ID}} {{.Status.State}}' | grep -v ready | cut -d' ' -f1; done) 2>/dev/null || true",
        )
        code, output = swarm.playbook(SWARM)
        assert code == 0, output
        swarm.await_nodes("vm1")
    assert sorted(state.split("/")[1] for state in states(swarm).values()) == ["", "", "Leader"]
