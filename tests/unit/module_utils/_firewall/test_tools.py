# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tool filters on a host, from what its programs answer."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall import tools
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.model import Plan, Refusal, wanted

WANTED = wanted(("10.0.0.11", "10.0.0.12"), True, 2377, 4789)
FIREWALLD = ("firewall-cmd", "--list-all-zones")
UFW = ("ufw", "status")
DOWN = (252, "", "FirewallD is not running")
OFF = (0, "Status: inactive\n", "")
ON = (0, "Status: active\n", "")
ZONES = (0, "public (active)\n  target: default\n  interfaces: eth0\n  sources: \n  services: ssh\n  ports: \n", "")


def host(folder: Path, answers: dict[tuple[str, ...], tuple[int, str, str]]) -> tools.Host:
    """A host that has the programs which answer here, and no others."""

    def run(argv: list[str], **_unused: t.Any) -> tuple[int, str, str]:
        return answers[tuple(argv)]

    for argv in answers:
        program = folder / argv[0]
        program.touch()
        program.chmod(0o755)
    found = tools.Host(run)
    found.path = str(folder)
    return found


@pytest.mark.parametrize(
    ("answers", "idle"),
    [
        ({}, []),
        ({FIREWALLD: DOWN}, ["firewalld is installed and does not run"]),
        ({UFW: OFF}, ["ufw is installed and not enabled"]),
        ({FIREWALLD: DOWN, UFW: OFF}, ["firewalld is installed", "ufw is installed"]),
    ],
)
def test_a_tool_that_does_not_run_is_told_and_left_alone(
    tmp_path: Path, answers: dict[tuple[str, ...], tuple[int, str, str]], idle: list[str]
) -> None:
    found = tools.opening(host(tmp_path, answers), WANTED, sure=True)
    assert (found.tool, found.plan) == ("none", Plan())
    assert [sentence.startswith(words) for sentence, words in zip(found.idle, idle, strict=True)] == [True] * len(idle)
    assert all("run this again then" in sentence for sentence in found.idle)
    assert found.notes == [*found.idle, tools.NOTHING_FILTERS]


def test_two_tools_that_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"firewalld \(it runs\); ufw \(it is enabled\).*7946"):
        tools.opening(host(tmp_path, {FIREWALLD: ZONES, UFW: ON}), WANTED, sure=True)


def test_a_tool_that_cannot_be_asked_is_not_taken_for_idle(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="'ufw status' failed: you need to be root"):
        tools.opening(host(tmp_path, {UFW: (1, "", "you need to be root")}), WANTED, sure=True)
