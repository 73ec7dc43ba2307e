# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-EXISTS: what was asked for by name is there."""

from __future__ import annotations

import sys

from ._result import FAIL, PASS, count, listed, result

ID = "NET-EXISTS"
TITLE = "Every network asked for exists"
HINT = "Declare it (role overlays), or correct verify_networks."
ORDER = 35
NEEDS: tuple = ()
TAGS = ("P0", "networks")
CHECK = sys.modules[__name__]


def plan(facts: dict) -> dict:
    """Asks nothing."""
    return {}


def judge(facts: dict) -> list[dict]:
    """Silent when no network was asked for by name."""
    if facts["unmatched"]:
        return [result(CHECK, FAIL, "no overlay network is called %s" % listed(facts["unmatched"]))]
    if not facts["leader"] or facts["settings"]["networks"] == ["*"]:
        return []
    return [result(CHECK, PASS, "%s found" % count(len(facts["networks"]), "network"))]
