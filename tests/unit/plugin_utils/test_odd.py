# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound swarm with one thing odd: what every check asks and says, and the causes, stay as they are. Texts for people may change.

``tests/odd.py`` makes the swarms by rule. ``odd.json.gz`` keeps faults of the field, and those that show every result there is: which check, status,
reason, network, nodes and keys of evidence. With SWARMLAB_NEW_REPORTS=1 this test chooses and writes them anew, for a change that is meant.
"""

from __future__ import annotations

import gzip
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks._result import PASS
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from broken import Swarm, rules, wordless
from odd import faulty, worlds
from sound import CHECKS, HOSTS

KEPT = Path(__file__).with_name("odd.json.gz")
WORLDS = worlds()
TEXTS = ("title", "hint", "summary")
PARTS = 8  # tests that run at once
SOUND = "sound"
RENEW = "SWARMLAB_NEW_REPORTS=1 pytest tests/unit/plugin_utils/test_odd.py"
ODD = (KeyError, TypeError, AttributeError, IndexError, ValueError, AssertionError)  # of a report that no node gives


def machine(value: t.Any) -> t.Any:
    """The same without texts for people, which have blanks."""
    if isinstance(value, dict):
        return {str(key): machine(part) for key, part in value.items() if key not in TEXTS}
    if isinstance(value, (list, tuple)):
        return [machine(part) for part in value]
    return "text" if isinstance(value, str) and " " in value else value


Told = dict[str, list[str]]


def told(swarm: Swarm) -> Told:
    """The results, the requests with their check and host, and the causes of a swarm: each row as text."""
    facts, results = swarm.facts(), swarm.results()
    plans = [
        [ident, host, request]
        for ident, check in CHECKS.items()
        for host, requests in check.plan(facts).items()
        for request in requests
    ]
    for item in results:  # that there is a text, and whose advice it is
        item["texts"] = [
            bool(item["title"]),
            bool(item["evidence"]["summary"]),
            item["hint"] not in (None, CHECKS[item["id"]].HINT),
        ]
    found = {"results": results, "plans": plans, "causes": wordless(diagnose(results, facts, rules()))}
    return {part: [text_of(row) for row in rows] for part, rows in found.items()}


def text_of(row: t.Any) -> str:
    """A row as text, without texts for people. Most rows of odd swarms are those of the sound one: each is made into text once."""
    seen = repr(row)
    if seen not in TEXT_OF:
        TEXT_OF[seen] = json.dumps(machine(row), sort_keys=True)
    return TEXT_OF[seen]


TEXT_OF: dict[str, str] = {}


def difference(found: Told, sound: Told) -> dict[str, list[t.Any]]:
    """What a swarm has that the sound one does not have, and the other way round."""
    new = {part: without(rows, sound[part]) for part, rows in found.items()}
    gone = {f"no {part}": without(rows, found[part]) for part, rows in sound.items()}
    return {part: [json.loads(row) for row in rows] for part, rows in {**new, **gone}.items() if rows}


def without(rows: list[str], others: list[str]) -> list[str]:
    known = set(others)
    return [row for row in rows if row not in known]


def shapes(odd: dict[str, list[t.Any]]) -> set[str]:
    """What counts as one more result, or one more change of what is asked."""
    keys = ("id", "status", "reason", "network", "service", "nodes")
    results = {
        str([*(row[key] for key in keys), sorted(row["evidence"]), row["texts"]]) for row in odd.get("results", [])
    }
    return results | {str(["asks", row[0], sorted(row[2])]) for row in odd.get("plans", [])}


def chosen() -> dict[str, t.Any]:
    """The sound swarm; those with a fault of the field; and of the others the fewest that show all shapes."""
    sound = told(Swarm())
    odd = {}
    for name, make in WORLDS.items():
        try:
            odd[name] = difference(told(make()), sound)
        except ODD:
            continue
    left = {name: shapes(found) for name, found in odd.items()}
    kept = {name: odd[name] for name in dict(faulty()) if name in odd}
    wanted = set().union(*left.values()) - set().union(*(left[name] for name in kept))
    while wanted:
        name = max(left, key=lambda name: len(left[name] & wanted))
        wanted -= left[name]
        kept[name] = odd[name]
    return {
        SOUND: {part: [json.loads(row) for row in rows] for part, rows in sound.items()},
        "odd": dict(sorted(kept.items())),
    }


if os.environ.get("SWARMLAB_NEW_REPORTS") == "1":
    KEPT.write_bytes(gzip.compress(json.dumps(chosen()).encode(), mtime=0))
EXPECTED = json.loads(gzip.decompress(KEPT.read_bytes()))
EXPECTED_SOUND: Told = {
    part: [json.dumps(row, sort_keys=True) for row in rows] for part, rows in EXPECTED[SOUND].items()
}


def test_the_sound_swarm_is_as_it_was() -> None:
    found = difference(told(Swarm()), EXPECTED_SOUND)
    assert not found, f"{RENEW} keeps this, if it is meant, such as a new check: {found}"


@pytest.mark.parametrize("part", range(PARTS))
def test_odd_swarms_are_judged_as_they_were(part: int) -> None:
    for name in list(EXPECTED["odd"])[part::PARTS]:
        found = difference(told(WORLDS[name]()), EXPECTED_SOUND)
        assert found == EXPECTED["odd"][name], f"{name}: {RENEW} keeps this, if it is meant"


def passes(swarm: Swarm, check: str) -> bool:
    """Whether every result of a check is a pass."""
    return all(item["status"] == PASS for item in CHECKS[check].judge(swarm.facts()))


ASKED = {host: Swarm().asked(host) for host in HOSTS}
ASKING = sorted({ident.partition("/")[0] for asked in ASKED.values() for ident in asked} & set(CHECKS))
# What these judge is what came, or how a task's answers differ from those of the probe beside it.
BY_CONTENT = {"CP-TLS", "DP-TASK", "SD-SCOPE"}


UNANSWERED = [
    (check, what, where)
    for check in ASKING
    for what in ("unmet", "unasked")
    for where in ("everywhere", "there")
    if what == "unasked" or check not in BY_CONTENT
    if where == "everywhere" or any(ident.startswith(check + "/") for ident in ASKED["vm3"])
]


@pytest.mark.parametrize(("check", "what", "where"), UNANSWERED)
def test_without_an_answer_no_check_passes(check: str, what: str, where: str) -> None:
    assert passes(Swarm(), check)
    assert not passes(WORLDS[f"{check}/ {what} {where}"](), check)
