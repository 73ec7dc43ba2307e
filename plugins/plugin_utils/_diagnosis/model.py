# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The elements of rules, and the parts of a result that they account for. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from .._checks import _reasons
from .._checks._blame import Pair
from .._checks._result import FAIL, INCONCLUSIVE
from .._facts.model import Result

EVERY = "*"  # check: all that a node has to do with, but for what stands whatever it suffers from
SEEN, INFERRED = "seen", "inferred"
BAD = (FAIL, INCONCLUSIVE)


class Atom(t.NamedTuple):
    """The smallest part of a bad result: a pair (source, target), one node, or none; with its kind or module."""

    nodes: tuple[str, ...]
    kind: str | None = None


class Claim(t.NamedTuple):
    """Checks that suffer from a cause, by pattern.

    ``kinds``: only these kinds; ``wide``: everywhere, not only at the cause's nodes; ``unsure``: only results without
    evidence; ``reasons``: only results with one of these reasons.
    """

    checks: str
    kinds: tuple[str, ...] | None = None
    wide: bool = False
    unsure: bool = False
    reasons: tuple[str, ...] = ()


class Finding(t.NamedTuple):
    """A cause that was found.

    ``networks`` None: all of them. ``links``: only these ordered pairs suffer, not all at the nodes. ``follows``: another cause, which
    is found too, has this as its effect, so it is named before, whatever each explains. ``told``: the engine gave this reason in words,
    so it is a cause even where one at other nodes would explain all that it does.
    """

    title: str
    nodes: tuple[str, ...]
    because: tuple[str, ...]
    networks: tuple[str, ...] | None = None
    links: tuple[Pair, ...] | None = None
    certainty: str = SEEN
    todo: str | None = None
    claims: tuple[Claim, ...] | None = None
    follows: bool = False
    told: bool = False


class Rule(t.NamedTuple):
    """``find(view)`` looks for the cause. ``claims`` and ``todo`` are the defaults of its findings."""

    id: str
    find: Callable[[t.Any], Iterable[Finding]]
    claims: tuple[Claim, ...]
    todo: str


def atoms(result: Result, knocks: dict[str, dict[Pair, bool]]) -> frozenset[Atom]:
    """The parts of a bad result; none of a good one. ``knocks`` are the pairs that PRE-PORT tried (``View.knocks``)."""
    if result["status"] not in BAD:
        return frozenset()
    evidence = result["evidence"]
    found = set(PARTS.get(result["id"], lambda _result: ())(result)) | set(
        _of_matrix(evidence.get("matrix") or {"kinds": {}})
    )
    if result["id"] == "PRE-PORT":
        found |= _of_port(result, knocks)
    return frozenset(found or {Atom((node,)) for node in result["nodes"]} or {Atom(())})


def _of_matrix(matrix: dict[str, t.Any]) -> Iterable[Atom]:
    """The failed pairs, whose cell is a text, and the unknown pairs, whose cell is null."""
    for kind, rows in matrix["kinds"].items():
        for source, row in rows.items():
            for target, cell in row.items():
                if cell is None or isinstance(cell, str):
                    yield Atom((source, target), kind)


def _of_kernel(result: Result) -> Iterable[Atom]:
    for key in ("missing", "unknown"):
        for module, hosts in (result["evidence"].get(key) or {}).items():
            for host in hosts:
                yield Atom((host,), module)


def _of_port(result: Result, knocks: dict[str, dict[Pair, bool]]) -> set[Atom]:
    kind = str(result["evidence"].get("purpose"))
    pairs = {Atom(pair, kind) for pair, ok in knocks.get(kind, {}).items() if not ok}
    return pairs or {Atom((node,), kind) for node in result["nodes"]}


def _of_spread(result: Result) -> Iterable[Atom]:
    """A backend that a source never reached."""
    shares = result["evidence"].get("shares") or {}
    return [
        Atom((source, backend), "vip")
        for source, row in shares.items()
        for backend, number in row.items()
        if not number
    ]


def _of_mesh(result: Result) -> Iterable[Atom]:
    """The pairs of a published port: from the node that was asked to the node of the task."""
    home = result["evidence"].get("task_on")
    return [Atom((node, home)) for node in result["nodes"]] if home else ()


def _of_tasks(result: Result) -> Iterable[Atom]:
    """The tasks that are broken by themselves, by name; with the other node where the way to it is all that fails."""
    items = [item for key in ("tasks", "still") for item in result["evidence"].get(key) or []]
    return [Atom((item["node"], *([item["far"]] if item.get("far") else [])), item["task"]) for item in items]


def _of_injection(result: Result) -> Iterable[Atom]:
    """The ways on which clear text did not arrive where it must."""
    return [Atom((source, target)) for source, target in result["evidence"].get("unproven") or []]


def _of_paths(result: Result) -> Iterable[Atom]:
    """The paths that failed inside a network: a cause at either end may be the reason, whichever end the check names."""
    return [Atom(tuple(nodes)) for nodes in result["evidence"].get("between") or []]


def _of_service(result: Result) -> Iterable[Atom]:
    """The ways to a service's tasks, each with the task's name; for its virtual IP the nodes that asked."""
    evidence = result["evidence"]
    return [
        *(Atom((source, target), task) for source, target, task in evidence.get("ways") or []),
        *(Atom((source,), "vip") for source in evidence.get("sources") or []),
    ]


PARTS: dict[t.Any, t.Any] = {
    "PRE-KMOD": _of_kernel,
    "LB-SPREAD": _of_spread,
    "MESH-ALL": _of_mesh,
    "DP-TASK": _of_tasks,
    "LB-SERVICE": _of_service,
    "ENC-REJECT": _of_injection,
    "MTU-FIT": _of_paths,
    "DP-IPV6": _of_paths,
}


def covers(finding: Finding, claims: tuple[Claim, ...], result: Result, atom: Atom) -> bool:
    """Whether the cause accounts for this part of the result."""
    # A control that failed suffers from what is wrong with the network that it is on, too.
    networks = {result["network"], result["evidence"].get("control")} - {None}
    if finding.networks is not None and networks and not networks & set(finding.networks):
        return False
    return any(_claimed(finding, claim, result, atom) for claim in claims)


def _claimed(finding: Finding, claim: Claim, result: Result, atom: Atom) -> bool:
    if not fnmatchcase(result["id"], claim.checks):
        return False
    if claim.unsure and result["status"] != INCONCLUSIVE:
        return False
    if claim.reasons and result["reason"] not in claim.reasons:
        return False
    if claim.kinds is not None and atom.kind not in claim.kinds:
        return False
    if claim.checks == EVERY and not claim.wide and result["reason"] in _reasons.STANDING:
        return False
    if claim.wide:
        return True
    if finding.links is not None:
        # Either the question or its answer is lost.
        return (
            atom.nodes in finding.links
            or atom.nodes[::-1] in finding.links
            or (len(atom.nodes) == 1 and atom.nodes[0] in finding.nodes)
        )
    if not atom.nodes:  # no node: a problem of a network itself
        return not finding.nodes
    return bool(set(atom.nodes) & set(finding.nodes))
