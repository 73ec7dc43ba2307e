# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files in the archive of a failed verification: the report, and the data behind it. Pure.

Private to swarmlab.overlay. It uses the data that the nodes have sent, and asks for no more. ``_archive.py`` removes
secrets.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass

from . import junit, text

PREFIX = "diagnostics-"
KEPT = 5
README = """Diagnostics of a verification of Docker Swarm overlay networks, by the collection swarmlab.overlay.

summary.txt    what the terminal showed
report.json    the results and causes; its format is in docs/report.md of the collection
junit.xml      the same for CI systems
facts.json     the facts that the checks were judged by
told/          what each node told, phase by phase

Join tokens, keys and credentials were taken out. Names and addresses of nodes, networks and services are in here.
"""


def files(report: dict[str, t.Any], facts: t.Any, phases: dict[str, t.Any]) -> dict[str, str]:
    """Name -> text."""
    found = {
        "README.txt": README,
        "summary.txt": "".join(line.text + "\n" for line in text.lines(report, {})),
        "report.json": _json(report),
        "junit.xml": junit.render(report),
        "facts.json": _json(facts),
    }
    hosts = {host for results in phases.values() for host in results}
    for number, host in enumerate(sorted(hosts), 1):
        found[f"told/{number:02}-{_file(host)}.json"] = _json(
            {phase: results[host] for phase, results in phases.items() if host in results}
        )
    return found


def _file(host: str) -> str:
    """A host's name as a file name. An inventory may give a host any name."""
    return "".join(char if char.isalnum() or char in "._-" else "_" for char in host).lstrip(".") or "_"


def _json(value: t.Any) -> str:
    return json.dumps(value, indent=1, default=_plain) + "\n"


def _plain(value: t.Any) -> t.Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def superfluous(names: Iterable[str], suffix: str) -> list[str]:
    """The archives to remove: all except the newest, since their names sort by time."""
    return sorted(name for name in names if name.startswith(PREFIX) and name.endswith(suffix))[:-KEPT]
