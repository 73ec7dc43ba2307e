# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes of a lab told during a whole lesson (three container nodes, a kernel without esp4), to be judged again and changed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import lesson, planning, registered, story

RECORDED = Path(__file__).with_name("walk.json.gz")
LESSON = lesson.load()


class Hostvars(dict):
    """Ansible's variables of all hosts, as far as they are read here."""

    def raw_get(self, host: str) -> dict:
        return self[host]


def load() -> dict[str, Any]:
    """A fresh copy of the recording."""
    return json.loads(gzip.decompress(RECORDED.read_bytes()))


def moment(walk: dict[str, Any], number: int) -> planning.Moment:
    """A round of the recording."""
    told = {**walk["rounds"][number]["registered"], registered.READY: walk["rounds"][0]["registered"][registered.READY]}
    hosts = walk["settings"]["hosts"]
    variables = {
        "hostvars": Hostvars(
            {host: {name: rows[host] for name, rows in told.items() if host in rows} for host in hosts}
        )
    }
    return planning.Moment(LESSON, walk["settings"], number, variables)


def number_of(step: str) -> int:
    """The round of a step."""
    return next(number for number, steps in enumerate(lesson.rounds(LESSON.steps)) if step in [row.id for row in steps])


def seen(walk: dict[str, Any], number: int) -> Any:
    """What a round showed, with the looks of the one before."""
    before = moment(walk, number - 1).seen({}).looks if number else {}
    return moment(walk, number).seen(before)


def tell(walk: dict[str, Any]) -> story.Story:
    """The story of the whole recording."""
    told = story.begin({**walk["settings"], "began": 1795713600.0}, moment(walk, 0).ready)
    for number in range(walk["settings"]["rounds"]):
        told["steps"] += story.tell(seen(walk, number), moment(walk, number).steps)
    return told
