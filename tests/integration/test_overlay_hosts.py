# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role overlays in inventories as people have them: who is spoken to, and which host a declared node is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

ROLE = "swarmlab.overlay.overlays"
CHANGED = re.compile(r"^(\S+) +: .*changed=(\d+)", re.MULTILINE)


def inventory(swarm, folder: Path, managers: dict[str, str], workers: dict[str, str]):
    """The same nodes under names of one's own (name -> node of the lab)."""

    def hosts(named: dict[str, str]) -> dict:
        return {
            "hosts": {name: {"ansible_host": swarm.container(node), **swarm.connection} for name, node in named.items()}
        }

    path = folder / "hosts.json"
    path.write_text(
        json.dumps(
            {
                "all": {
                    "children": {
                        "swarm": {"children": {"swarm_managers": hosts(managers), "swarm_workers": hosts(workers)}}
                    }
                }
            }
        )
    )
    return replace(swarm, inventory=path)


def box(swarm, unique: str, node: str, network: str) -> dict:
    return {
        "node": node,
        "name": f"{unique}-{node[:6]}",
        "image": swarm.image,
        "command": "sleep 100000",
        "networks": [network],
    }


def test_a_play_of_workers_alone_speaks_to_a_manager_outside(swarm, unique) -> None:
    network = f"{unique}-n"
    kept = f"{unique}-kept"
    assert swarm.run("overlay_network", {"name": kept})["changed"]
    declared = {
        "overlays_networks": [{"name": network, "attachable": True}], "overlays_containers": [box(swarm, unique, name, network) for name in ("vm2", "vm3")],
        "overlays_services": [{"name": f"{unique}-s", "image": swarm.image, "command": "sleep 100000", "stop_grace_period": 1, "networks": [network]}],
        "overlays_purge": True,
    }  # fmt: skip
    code, output = swarm.playbook(ROLE, declared, "--limit", "vm2")
    assert code == 0, output
    assert {network, kept} <= set(swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}").split()), (
        "what a limited play does not declare stays"
    )
    assert f"{unique}-vm2" in swarm.docker("vm2", "ps") and unique not in swarm.docker(
        "vm3", "ps", "--filter", "name=vm3"
    )
    code, output = swarm.playbook(ROLE, declared, "--limit", "vm2")
    assert code == 0 and CHANGED.findall(output) == [("vm2", "0")], output
    code, output = swarm.playbook(
        ROLE, {"overlays_networks": [{"name": f"{unique}-auto", "mtu": "auto"}]}, "--limit", "vm2"
    )
    assert code != 0 and "vm1, vm3 are not in this play" in " ".join(output.split()), output


def test_names_of_the_inventory_are_not_host_names(swarm, unique, tmp_path) -> None:
    """vm2 is the inventory's name for the node vm3: that name means that host, and the other one is called by its id or host name."""
    identity = swarm.docker("vm1", "node", "inspect", "vm2", "--format", "{{.ID}}")
    mine = inventory(swarm, tmp_path, {"mgr": "vm1"}, {"vm2": "vm3", "w": "vm2"})
    network = f"{unique}-n"
    declared = {
        "overlays_networks": [{"name": network, "attachable": True}],
        "overlays_containers": [box(swarm, unique, node, network) for node in ("vm1", "vm2", identity)],
    }
    code, output = mine.playbook(ROLE, declared)
    assert code == 0, output
    found = {
        node: swarm.docker(node, "ps", "--format", "{{.Names}}", "--filter", f"name={unique}").split()
        for node in swarm.nodes
    }
    assert found == {"vm1": [f"{unique}-vm1"], "vm2": [f"{unique}-{identity[:6]}"], "vm3": [f"{unique}-vm2"]}
    code, output = mine.playbook(ROLE, {"overlays_networks": [{"name": network}], "overlays_manager": "w"})
    assert code != 0 and "overlays_manager names w, which cannot manage the swarm: it is a worker" in " ".join(
        output.split()
    ), output


def test_a_group_does_not_make_a_manager(swarm, unique, tmp_path) -> None:
    """The first of the managers' group is a worker, the second does not answer, and the manager is in the other group."""
    mine = inventory(swarm, tmp_path, {"first": "vm2", "second": "vm9"}, {"third": "vm1"})
    declared = {"overlays_networks": [{"name": f"{unique}-n"}]}
    code, output = mine.playbook(ROLE, declared)
    assert f"{unique}-n" in swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}").split(), output
    assert dict(CHANGED.findall(output))["third"] == "1", output
    code, output = mine.playbook(ROLE, dict(declared, overlays_networks=[{"name": f"{unique}-m"}]), "--limit", "first")
    assert code == 0 and f"{unique}-m" in swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}").split(), output


def test_a_play_that_declares_nothing_needs_no_manager(swarm, tmp_path) -> None:
    mine = inventory(swarm, tmp_path, {"second": "vm9"}, {"w": "vm2"})
    code, output = mine.playbook(ROLE, {}, "--limit", "w")
    assert code == 0, output
    code, output = mine.playbook(ROLE, {"overlays_networks": [{"name": "never"}]}, "--limit", "w")
    assert code != 0 and "No host can manage the swarm" in " ".join(output.split()), output


def test_a_local_network_of_a_compose_file_is_not_taken_for_the_overlay(swarm, unique) -> None:
    network = f"{unique}-n"
    swarm.docker("vm2", "network", "create", network)
    declared = {
        "overlays_networks": [{"name": network, "attachable": True}],
        "overlays_containers": [box(swarm, unique, "vm2", network)],
    }
    code, output = swarm.playbook(ROLE, declared)
    assert code != 0 and f"this node has a bridge network {network} of its own" in " ".join(output.split()), output
    swarm.docker("vm2", "network", "rm", network)
    code, output = swarm.playbook(ROLE, declared)
    assert code == 0, output


def test_what_is_given_as_a_string_means_what_it_says(swarm, unique) -> None:
    """-e name=value gives strings: overlays_purge=false removed networks, and what a dictionary said was not heard."""
    kept = f"{unique}-kept"
    assert swarm.run("overlay_network", {"name": kept})["changed"]
    code, output = swarm.playbook(ROLE, {"overlays_networks": [{"name": f"{unique}-n"}]}, "-e", "overlays_purge=false")
    assert code == 0, output
    assert {f"{unique}-n", kept} <= set(swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}").split())
    code, output = swarm.playbook(ROLE, {}, "-e", "overlays_ingress='{\"mtu\": 1400}'", "--check", "--diff")
    assert code == 0 and "1400" in output and ("vm1", "1") in CHANGED.findall(output), output
    code, output = swarm.playbook(ROLE, {}, "-e", f"overlays_networks=name={unique}-s", "--check", "--diff")
    assert code == 0 and f"{unique}-s" in output and ("vm1", "1") in CHANGED.findall(output), output
