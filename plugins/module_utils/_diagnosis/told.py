# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whose failure is a cause by itself: what they look at lies deep. Pure.

Private to swarmlab.overlay. One line each; a check that is not part of a run says nothing.
"""

from __future__ import annotations

from typing import Callable, Iterable

from .model import Claim, Finding, Rule
from .view import View

DATA = (Claim("DP-*"), Claim("LB-*"), Claim("MESH-*"))
NAMES = (Claim("SD-*", wide=True), Claim("NET-ATTACH", wide=True))

# (id of the cause, the check, words in its evidence that tell it from others of the same check, title, what suffers besides, what to do)
TOLD: tuple = ()


def told(check: str, words: tuple, title: str) -> Callable[[View], Iterable[Finding]]:
    """The rule of one line of the table."""

    def find(view: View) -> Iterable[Finding]:
        found = [item for item in view.failed(check) if not words or any(word in item["evidence"]["summary"].lower() for word in words)]
        nodes = view.ordered({node for item in found for node in item["nodes"]})
        networks = tuple(sorted({item["network"] for item in found if item["network"]}))
        if found:
            because = tuple(dict.fromkeys("%s: %s" % (check, item["evidence"]["summary"]) for item in found))
            hints = [item["hint"] for item in found if item["hint"]]
            yield Finding(title.format(nodes=view.names(nodes), networks=" and ".join(networks) or "the swarm"), nodes, because[:4],
                          networks or None, todo=hints[0] if hints else None)

    return find


def rules() -> tuple:
    """A rule for each line."""
    return tuple(Rule(ident, told(check, words, title), (Claim(check), *suffers), todo)
                 for ident, check, words, title, suffers, todo in TOLD)
