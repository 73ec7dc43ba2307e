# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of all checks of a run. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from .. import _checks
from .._checks._result import FAIL, INCONCLUSIVE
from .._facts.model import Facts, Result


def judged(facts: Facts) -> list[Result]:
    """The results of the chosen checks, and the bad results of guards, chosen or not.

    They reduce what the other checks prove.
    """
    chosen: list[str] = facts.settings["checks"]
    results: list[Result] = []
    for check in _checks.load():
        found = check.judge(facts) if check.ID in chosen or _checks.is_guard(check, facts) else []
        results += [item for item in found if check.ID in chosen or item["status"] in (FAIL, INCONCLUSIVE)]
    return results
