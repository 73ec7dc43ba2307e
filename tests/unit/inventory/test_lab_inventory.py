# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.swarmlab.overlay.plugins.inventory.lab import (
    DOCUMENTATION,
    ENVIRONMENT,
    NOT_IN_FILE,
    in_file,
    project_folder,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import state
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.settings import NodeSettings
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import DEFAULTS

Run = Inventory = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def inventory(ansible: Run, tmp_path: Path) -> Inventory:
    """What ansible-inventory says of an inventory file with this text."""

    def run(text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "lab.yml"
        file.write_text("plugin: swarmlab.overlay.lab\n" + text)
        return ansible("ansible-inventory", "-i", str(file), "--list", "--export", directory=Path("/"), **environment)

    return run


@pytest.fixture
def listing(inventory: Inventory) -> Callable[..., dict]:
    def run(text: str, **environment: str) -> dict:
        completed = inventory(text, **environment)
        assert completed.returncode == 0, completed.stderr
        return json.loads(completed.stdout)

    return run


def plain(value):
    return value["__ansible_unsafe"] if isinstance(value, dict) and "__ansible_unsafe" in value else value


def test_two_lines_make_three_nodes(listing, tmp_path):
    found = listing("name: demo\n")
    assert found["swarm_managers"]["hosts"] == ["vm1"]
    assert found["swarm_workers"]["hosts"] == ["vm2", "vm3"]
    assert set(found["swarm"]["children"]) == {"swarm_managers", "swarm_workers"}
    shared = found["all"]["vars"]
    assert plain(shared["lab_directory"]) == str(tmp_path / ".lab" / "demo")
    host = found["_meta"]["hostvars"]["vm2"]
    assert plain(host["swarm_advertise_addr"]) == "10.77.0.12"
    assert "verify_engine_restart" not in host  # of machines: systemd does it
    assert plain(host["ansible_host"]).startswith("vm2.demo-")


def test_the_environment_wins_over_the_file(listing):
    found = listing(
        "nodes: 2\nname: file\n",
        SWARMLAB_NODES="5",
        SWARMLAB_MANAGERS="3",
        SWARMLAB_LAB="env",
        SWARMLAB_DRIVER="container",
    )
    assert found["swarm_managers"]["hosts"] == ["vm1", "vm2", "vm3"]
    assert len(found["_meta"]["hostvars"]) == 5
    host = found["_meta"]["hostvars"]["vm1"]
    assert plain(host["ansible_host"]) == "swarmlab-env-vm1"
    assert plain(host["ansible_connection"]) == "community.docker.docker_api"
    assert plain(host["verify_engine_restart"]) == plain(host["engine_restart_command"]) == "kill -HUP 1"


def made(folder: Path, nodes: int, driver: str = "vm", subnet: str = "10.77.0.0/24", **settings: str) -> None:
    """The record of a lab of this size."""
    entries = {
        f"vm{n}": state.NodeRecord(n, f"10.77.0.{10 + n}", "0", 768, 1, 8, settings=NodeSettings(**settings))
        for n in range(1, nodes + 1)
    }
    target = folder / ".lab" / "lab"
    target.mkdir(parents=True)
    state.save(target, state.LabRecord("lab", driver, subnet, nodes=entries))


@pytest.mark.parametrize(
    ("text", "environment", "stay", "leave"),
    [
        ("nodes: 3\n", {}, 3, ["vm4", "vm5"]),
        ("", {"SWARMLAB_NODES": "4"}, 4, ["vm5"]),
        ("nodes: 7\n", {}, 7, []),
        # Nobody said how many: all stay.
        ("", {}, 5, []),
        ("managers: 5\n", {}, 5, []),
        # Of another driver: the module refuses that, and nobody could be reached.
        ("nodes: 3\ndriver: container\n", {}, 3, []),
    ],
)
def test_nodes_that_a_lab_has_and_shall_not_have_leave(listing, tmp_path, text, environment, stay, leave):
    made(tmp_path, 5)
    found = listing(text, **environment)
    swarm = found["swarm_managers"]["hosts"] + found.get("swarm_workers", {}).get("hosts", [])
    assert sorted(swarm) == [f"vm{n}" for n in range(1, stay + 1)]
    assert found.get("lab_leaving", {}).get("hosts", []) == leave
    for name in leave:
        assert plain(found["_meta"]["hostvars"][name]["ansible_host"]).startswith(f"{name}.lab-")


@pytest.mark.parametrize(
    ("text", "environment", "connection"),
    [
        ("", {}, "community.docker.docker_api"),  # made with DRIVER=container, and nobody says it again
        ("driver: vm\n", {}, "ansible.builtin.ssh"),
        ("", {"SWARMLAB_DRIVER": "vm"}, "ansible.builtin.ssh"),
    ],
)
def test_a_lab_is_what_it_was_made_as_unless_somebody_says_otherwise(listing, tmp_path, text, environment, connection):
    made(tmp_path, 2, "container", subnet="10.88.0.0/24")
    found = listing(text, **environment)
    assert plain(found["_meta"]["hostvars"]["vm1"]["ansible_connection"]) == connection
    assert plain(found["all"]["vars"]["lab_subnet"]) == "10.88.0.0/24"


USER = "node_settings: {all: {user: student}}\n"


def test_a_user_becomes_root_by_a_password_that_the_inventory_does_not_hold(listing, tmp_path):
    found = listing(USER)
    host = found["_meta"]["hostvars"]["vm1"]
    assert plain(host["ansible_user"]) == "student" and host["ansible_become"] is True
    assert (
        plain(host["ansible_become_password"])
        == f"{{{{ lookup('ansible.builtin.file', '{tmp_path}/.lab/lab/password') }}}}"
    )
    assert plain(found["all"]["vars"]["lab_node_settings"]["vm2"]["user"]) == "student"


def test_firewalls_of_a_lab_are_opened_for_its_nodes(listing):
    found = listing("node_settings: {vm2: {firewall: ufw}}\n")
    assert plain(found["all"]["vars"]["engine_firewall"]) == "auto"
    assert "engine_firewall" not in listing("")["all"]["vars"]


def test_nodes_that_exist_are_reached_as_they_were_made(listing, tmp_path):
    made(tmp_path, 3, user="admin")
    hosts = listing("nodes: 4\n" + USER)["_meta"]["hostvars"]
    assert [plain(hosts[name]["ansible_user"]) for name in ("vm1", "vm3", "vm4")] == ["admin", "admin", "student"]


def test_a_broken_record_does_not_break_the_inventory(listing, tmp_path):
    made(tmp_path, 5)
    (tmp_path / ".lab" / "lab" / state.FILE).write_text("{")
    assert len(listing("")["_meta"]["hostvars"]) == 3


def test_values_may_be_templates(listing):
    found = listing("nodes: \"{{ 1 + 1 }}\"\nname: \"{{ lookup('env', 'MY_LAB') }}\"\n", MY_LAB="mine")
    assert len(found["_meta"]["hostvars"]) == 2
    assert plain(found["all"]["vars"]["lab_name"]) == "mine"


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("driver: vmware\n", {}, ["driver", "vm, container"]),
        ("nodes: 0\n", {}, ["nodes", "between 1"]),
        ("", {"SWARMLAB_NODES": "many"}, ["nodes", "whole number"]),
        ("nodes: 1\nmanagers: 2\n", {}, ["managers", "1 node(s)"]),
        ("noodes: 3\n", {}, ["noodes", "did you mean 'nodes'"]),
        ("state: absent\n", {}, ["state", "no such option"]),
        ("image: {suit: sid}\n", {}, ["image.suit", "image.suite"]),
        ("node_settings: {vm7: {suite: forky}}\n", {}, ["node_settings.vm7", "vm1 to vm3"]),
        ("", {"SWARMLAB_NODE_SETTINGS": '{"vm1": {"suite": "potato"}}'}, ["node_settings.vm1.suite", "trixie"]),
    ],
)
def test_a_bad_value_is_one_error_that_names_it(inventory, text, environment, words):
    completed = inventory(text, **environment)
    assert completed.returncode != 0
    assert completed.stderr.count("[ERROR]") == 1
    assert "[WARNING]" not in completed.stderr
    assert all(word in completed.stderr for word in words)


def test_an_even_number_of_managers_is_one_warning(inventory):
    completed = inventory("managers: 2\n")
    assert completed.returncode == 0
    assert completed.stderr.count("[WARNING]") == 1
    assert "even number" in completed.stderr


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("/p/lab.yml", "/p"),
        ("/p/inventory/lab.yml", "/p"),
        ("/p/inventory/lab/lab.yml", "/p"),
        ("/p/other/lab.yml", "/p/other"),
    ],
)
def test_the_project_is_where_the_inventory_is(file, folder):
    assert project_folder(Path(file)) == Path(folder)


def test_documented_options_are_those_of_a_lab():
    options = yaml_load(DOCUMENTATION)["options"]
    names = {in_file(name): name for name in set(DEFAULTS) - set(NOT_IN_FILE)}
    assert set(options) - {"plugin"} == set(names)
    for given, name in names.items():
        if name != "image":
            assert options[given].get("default") == DEFAULTS[name], name
            assert options[given]["env"] == [{"name": ENVIRONMENT[name]}]


@pytest.mark.parametrize(("text", "environment"), [("image_cache: /images\n", {}), ("", {"SWARMLAB_CACHE": "/images"})])
def test_images_may_lie_elsewhere(listing, text, environment):
    """Ansible has a use of its own for an inventory's option called cache, and read no such inventory at all."""
    found = listing(text, **environment)
    assert plain(found["all"]["vars"]["lab_cache"]) == "/images"
