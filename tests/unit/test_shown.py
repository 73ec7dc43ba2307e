# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check and every cause was shown on a real swarm, by a control or by a fault. What was not says what it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import table

ROOT = Path(__file__).resolve().parents[2]

# Causes that only unit tests show so far, on changed facts or on recorded words of engines, and what a fault in a lab would take.
ON_FACTS = {
    "attach-refused": "an attachment that an engine refuses for a reason that is no cause of its own",
    "clear-text-accepted": "a kernel with esp4, and a rule of the engine that stays away while the checks look",
    "engine-skew": "an engine 29.0 or 29.1, which no suite of the labs has",
    "gateway-missing": "a docker_gwbridge that stays away while a task starts",
    "gossip-differs": "two engines that lose each other's messages and keep their sessions",
    "half-joined": "a join that dies between two messages to a manager",
    "join-pending": "a node that joins while no manager takes it in, and managers that answer everything else",
    "network-left": "an engine that leaves a swarm and keeps one of its networks",
    "no-manager": "a swarm whose leader is no host of the play and cannot be learnt from those that are",
    "node-unjudged": "trouble of a node that fits no other cause",
    "tunnel-left": "an engine that dies while it takes a network down",
    "vni-taken": "a device with the number that a manager gives out next",
    "xfrm-errors": "a kernel with esp4",
}


def named(files: Iterable[Path]) -> set[str]:
    """The ids in quotes in these files."""
    return {word for path in files for word in re.findall(r'"([A-Za-z][A-Za-z0-9-]+)"', path.read_text("utf-8"))}


TESTS = named((ROOT / "tests" / "integration").glob("*.py"))
STRANGERS = named((ROOT / "bench" / "strangers").glob("*.py"))


def test_every_check_was_shown_on_a_real_swarm() -> None:
    missing = {check.ID for check in _checks.load()} - TESTS
    assert not missing, f"no control in tests/integration (faults.py, test_verify_controls.py) names {sorted(missing)}"


def test_every_cause_was_shown_on_a_real_swarm_or_says_what_it_takes() -> None:
    missing = {rule.id for rule in table.RULES} - TESTS - STRANGERS - set(ON_FACTS)
    assert not missing, (
        f"no fault has the causes {sorted(missing)}: add one to tests/integration/faults.py, or what it would take to"
        " ON_FACTS"
    )


def test_what_was_shown_takes_nothing_more() -> None:
    assert {name for name in ON_FACTS if name in TESTS | STRANGERS} == set()
    assert set(ON_FACTS) <= {rule.id for rule in table.RULES}
