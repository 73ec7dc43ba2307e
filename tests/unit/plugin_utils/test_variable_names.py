# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable that is almost called like ours is told, and no other."""

from __future__ import annotations

import re

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import variable_names

KNOWN = variable_names.names()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("overlay_networks", "overlays_networks"),
        ("overlays_network", "overlays_networks"),
        ("overlays_service", "overlays_services"),
        ("verify_chekcs", "verify_checks"),
        ("swarm_manager_group", "swarm_managers_group"),
        ("swarm_advertise_address", "swarm_advertise_addr"),
        ("engine_damon", "engine_daemon"),
        ("swarm_node_label", "swarm_node_labels"),
    ],
)
def test_a_misspelt_name_is_found(given: str, meant: str) -> None:
    assert variable_names.misspelt([given, "other"], KNOWN) == {given: meant}
    (told,) = variable_names.told({given: meant})
    assert told.startswith(f"{given} is set") and told.endswith(f"Is {meant} meant?")


@pytest.mark.parametrize(
    "name",
    [
        *sorted(KNOWN.documented), "swarm_hosts_lab", "swarm_told", "docker_version", "ansible_swarm_timeout", "swarm_port", "overlay_mtu",
        "verify", "lab", "swarm_manager_ip", "swarm_labels", "engine_version", "my_overlays_networks", "_x",
    ],
)  # fmt: skip
def test_other_names_are_nobodys_business(name: str) -> None:
    assert variable_names.misspelt([name], KNOWN) == {}


def test_every_variable_of_the_documentation_is_known() -> None:
    text = (variable_names.COLLECTION / "docs" / "inventories.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(swarm_\w+)`", text))
    assert told and told <= KNOWN.documented | KNOWN.used
