# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report about a made-up fault is worth, and the table of many. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from strangers.model import Scenario, Stranger
from strangers.seeds import DEVELOPED

MARKS = ("detected", "right", "sound")
FIRST = 2  # causes that people read; one more for each fault more


def names(cause: dict, fault: Stranger) -> bool:
    """Whether a cause is one of those that are accepted, at the nodes at fault and no other."""
    where = set(cause["nodes"])
    return cause["id"] in fault.causes and (not fault.nodes or (bool(where) and where <= set(fault.nodes)))


def remarked(report: dict, fault: Stranger) -> bool:
    """Whether a remark names a fault from which no overlay suffers, and its nodes."""
    told = [words for item in report.get("checks", []) for words in item["evidence"].get("remarks") or []]
    return bool(fault.remark) and any(
        fault.remark in words and all(node in words for node in fault.nodes) for words in told
    )


def scored(scenario: Scenario, report: dict | None, fresh: list[dict], loose: list[dict]) -> dict[str, bool]:
    """detected: not green, or a remark where that is right; right: each fault's cause is among the first; sound: the first cause blames no node that is sound.

    ``fresh``: the causes that were not there without the fault; ``loose``: the bad results without a cause. No report, no mark.
    """
    if report is None:
        return dict.fromkeys(MARKS, False)
    first = fresh[: FIRST + len(scenario.faults) - 1]
    at_fault = {node for fault in scenario.faults for node in fault.nodes}
    return {
        "detected": bool(fresh or loose or any(remarked(report, fault) for fault in scenario.faults)),
        "right": all(
            any(names(cause, fault) for cause in first) or remarked(report, fault) for fault in scenario.faults
        ),
        "sound": all(
            set(cause["nodes"]) <= at_fault or any(names(cause, fault) for fault in scenario.faults)
            for cause in fresh[:1]
        ),
    }


def share(rows: list[dict], mark: str) -> str:
    """'9 of 10 (90 %)'."""
    hit = sum(bool(row[mark]) for row in rows)
    return f"{hit} of {len(rows)} ({100 * hit / len(rows):.0f} %)" if rows else "-"


def latest(rows: Iterable[dict]) -> list[dict]:
    """The last run of each seed, by seed."""
    return sorted({row["seed"]: row for row in rows}.values(), key=lambda row: row["seed"])


def table(rows: list[dict]) -> str:
    """By family, and the sum."""
    families = sorted({row["family"] for row in rows})
    lines = [
        "| family | runs | detected | right cause among the first two | no sound node blamed | seconds, median | seconds, longest |"
    ]
    lines.append("| --- " * 7 + "|")
    for name, some in [
        *((name, [row for row in rows if row["family"] == name]) for name in families),
        ("**all**", rows),
    ]:
        seconds = sorted(row["seconds"] for row in some)
        cells = [name, str(len(some)), *(share(some, mark) for mark in MARKS)]
        cells += [f"{seconds[len(seconds) // 2]:.0f}", f"{seconds[-1]:.0f}"] if seconds else ["-", "-"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def misses(rows: Iterable[dict]) -> str:
    """What was not right on seeds for developing, with what was said instead and what makes it again."""
    lines = []
    for row in latest(rows):
        if "not made" in row or row["seed"] >= DEVELOPED or all(row[mark] for mark in MARKS):
            continue
        lines.append(f"seed {row['seed']}  [{row['family']}]  {row['what']}")
        lines.append(
            "  " + ", ".join(mark if row[mark] else f"NOT {mark}" for mark in MARKS) + f"; {row['seconds']:.0f} s"
        )
        for fault in row["faults"]:
            lines.append(f"  wanted: {' or '.join(fault['causes'])} at {', '.join(fault['nodes']) or 'no node'}")
            for step in fault["make"]:
                lines.append(f"  done ({step['how']} {step['node']} {step['where']}): {step['text'][:300]}")
        for cause in row.get("causes", [])[:3]:
            lines.append(
                f"  said: {cause['id']} at {', '.join(cause['nodes']) or 'no node'} ({cause['certainty']}): {cause['title']}"
            )
            lines += [f"        because {text}" for text in cause["because"][:3]]
        lines += [f"  no cause: {text}" for text in row.get("loose", [])]
        if "no report" in row:
            lines.append(f"  no report: {row['no report'][-600:]}")
        lines.append("")
    return "\n".join(lines)


PAGE = """\
<!-- SPDX-FileCopyrightText: 2026 swarmlab contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What the diagnosis finds that it was never shown

Measured by `make blind`. Each seed makes up a fault of some family, or two at once, with random parameters, place and direction
(`bench/strangers/`). The fault is made on a running swarm. Then the swarm is verified with all checks, and the first two causes of the report are
compared with the fault (`bench/scoring.py`). A run without a report within 300 seconds counts as none of these:

| word | meaning |
| --- | --- |
| detected | the report is not green; for a setting that harms no overlay (ping switched off): a remark names it |
| right cause | its id is accepted for this fault, and it names the nodes at fault and no other; or that remark does |
| no sound node blamed | the first cause names no node that is sound |

`make blind ARGS="--seed 17"` makes a fault again; `--seed 17 --show` prints it. [detection.md](detection.md) has the faults that the diagnosis was
developed with.

## Seeds that rules were developed on (below {border})

{developed}

## Seeds that nobody looked at ({border} and more)

{unseen}
{rest}"""


def page(rows: Iterable[dict]) -> str:
    """The page in docs/."""
    found = latest(rows)
    made = [row for row in found if "not made" not in row]
    failed = [row for row in found if "not made" in row]
    rest = (
        f"\n{len(failed)} faults could not be made: seeds {', '.join(str(row['seed']) for row in failed)}.\n"
        if failed
        else ""
    )
    return PAGE.format(
        border=DEVELOPED,
        developed=table([row for row in made if row["seed"] < DEVELOPED]),
        unseen=table([row for row in made if row["seed"] >= DEVELOPED]),
        rest=rest,
    )
