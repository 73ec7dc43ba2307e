# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of a lab that nobody made are told as that, before each of them is called unreachable."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.swarmlab.overlay.plugins.action import swarm_hosts


def test_a_lab_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="LAB-E-NOLAB: there is no lab ana in .*Make it first"):
        swarm_hosts._refuse_without_lab({"name": "ana", "directory": str(tmp_path / "ana")})


def test_a_record_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    (tmp_path / swarm_hosts.state.FILE).write_text("{", encoding="utf-8")
    with pytest.raises(AnsibleActionFail, match="LAB-E-"):
        swarm_hosts._refuse_without_lab({"name": "ana", "directory": str(tmp_path)})


def test_hosts_of_no_lab_need_none() -> None:
    swarm_hosts._refuse_without_lab(None)


@pytest.mark.parametrize(
    ("given", "found"), [("", None), (" ", None), (None, None), (["a"], None), (" vm2.example ", "vm2.example")]
)
def test_an_address_of_a_found_node_is_a_text(given: object, found: str | None) -> None:
    """What is empty was taken for a machine that is off."""
    templar = SimpleNamespace(template=lambda text: given)
    action = swarm_hosts.ActionModule.__new__(swarm_hosts.ActionModule)
    action._templar = SimpleNamespace(copy_with_new_env=lambda available_variables: templar)
    if found is None:
        with pytest.raises(AnsibleActionFail, match="swarm_discovered_host is .* for node n2"):
            action._address({"id": "n2"}, {"swarm_discovered_host": "{{ x }}"})
    else:
        assert action._address({"id": "n2"}, {"swarm_discovered_host": "{{ x }}"}) == found
