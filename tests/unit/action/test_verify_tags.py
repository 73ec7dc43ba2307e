# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks chosen by Ansible's own tags."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import selection

ROLE = Path(__file__).resolve().parents[3] / "roles" / "verify" / "tasks" / "main.yml"


def chosen(only: list | tuple = ("all",), without: list | tuple = (), checks: list | tuple = ("*",)) -> set[str]:
    typed = {"ansible_run_tags": list(only), "ansible_skip_tags": list(without)}
    switches = {"performance": True, "disruptive": [check.SWITCH for check in selection.disruptions()]}
    return {module.ID for module in selection.choose({"checks": list(checks), **switches}, typed)}


def having(tag: str) -> set[str]:
    return {module.ID for module in _checks.load() if tag in module.TAGS}


def test_without_tags_every_check_runs() -> None:
    assert chosen() == chosen(["verify"]) == chosen(["tagged"]) == {module.ID for module in _checks.load()}


def test_tags_choose_and_skip() -> None:
    assert chosen(["dns"]) == having("dns") != set()
    assert chosen(["dns", "verify", "web"]) == having("dns")
    assert chosen(["dns", "lint"]) == having("dns") | having("lint")
    assert chosen(without=["lint"]) & having("lint") == set() != chosen(without=["lint"])
    assert chosen(["dns"], ["lint"]) == having("dns") - having("lint")
    assert chosen(["dns"], checks=["SD-VIP", "DP-MATRIX"]) == {"SD-VIP"}


def test_nothing_left_is_told() -> None:
    with pytest.raises(
        AnsibleActionFail,
        match=r"No check is left: verify_checks chooses SD-VIP, --tags lint.*Tags: P0, P1, P2, P3, balancing",
    ):
        chosen(["lint"], checks=["SD-VIP"])


def test_the_tasks_of_the_role_carry_every_tag() -> None:
    """What ``--skip-tags`` names must not skip the task itself, so the list is worked out; ``--tags`` must find each."""
    block = next(task for task in yaml_load(ROLE.read_text(encoding="utf-8")) if "block" in task)
    own, listed = block["tags"]
    words = yaml_load(listed[2:].partition("|")[0].strip())
    assert own == selection.OWN_TAG and words == _checks.tags(_checks.load())


@pytest.mark.parametrize(("playbook", "strict"), [
    ("swarmlab.overlay.verify", True), ("playbooks/verify.yml", True), ("/x/verify.yaml", True), ("site.yml", False),
    ("swarmlab.overlay.site", False), ("proverify.yml", False),
])  # fmt: skip
def test_an_unknown_tag_is_refused_where_it_can_only_be_meant_for_a_check(playbook: str, strict: bool) -> None:
    selection.know_tags({"ansible_run_tags": ["all"], "ansible_skip_tags": ["dns"]}, [playbook])
    for typed in ({"ansible_run_tags": ["dns", "dsn"]}, {"ansible_skip_tags": ["dsn"]}):
        if strict:
            with pytest.raises(
                AnsibleActionFail, match="no check has the tag dsn. There are: P0, P1, P2, P3, balancing"
            ):
                selection.know_tags(typed, [playbook])
        else:
            selection.know_tags(typed, [playbook])


@pytest.mark.parametrize(
    ("only", "without", "refused"),
    [
        (["all"], ["verify"], True),
        (["all"], ["all"], True),
        (["never"], [], True),
        (["always"], [], True),
        (["untagged", "never"], [], True),
        (["verify"], [], False),
        (["tagged"], [], False),
        (["dns", "never"], [], False),
        (["all"], ["dns"], False),
    ],
)
def test_tags_that_leave_nothing_of_the_verification_are_refused(only: list, without: list, refused: bool) -> None:
    typed = {"ansible_run_tags": only, "ansible_skip_tags": without}
    if refused:
        with pytest.raises(AnsibleActionFail, match="leave nothing of the verification"):
            selection.know_tags(typed, ["swarmlab.overlay.verify"])
    else:
        selection.know_tags(typed, ["swarmlab.overlay.verify"])
