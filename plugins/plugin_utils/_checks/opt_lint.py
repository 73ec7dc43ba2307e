# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPT-LINT: the options of a network mean what they seem to mean."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, listed, result

ID = "OPT-LINT"
TITLE = "The network's options mean what they look like"
HINT = "Make the network anew without them: the engine ignores options it does not know, and encrypts when 'encrypted' is there at all."
ORDER = 39
NEEDS: tuple[str, ...] = ()
TAGS = ("P1", "lint")
CHECK = sys.modules[__name__]
MTU = "com.docker.network.driver.mtu"
KNOWN = ("encrypted", MTU, "com.docker.network.driver.overlay.vxlanid_list")
YES = ("", "true", "1", "yes")


def plan(facts: Facts) -> Requests:
    """No requests: the leader reports the options."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return [_judge(network) for network in facts.networks]


def _judge(network: Network) -> Result:
    options = network.get("options")
    if options is None:
        return result(CHECK, INCONCLUSIVE, "not-told", "the options were not told", network=network["name"])
    wrong = strange(options)
    if wrong:
        return result(
            CHECK, FAIL, "option-misspelt", listed(wrong), network=network["name"], details={"options": options}
        )
    return result(CHECK, PASS, "ok", f"options: {listed(sorted(options)) or 'none'}", network=network["name"])


def strange(options: dict[str, t.Any]) -> list[str]:
    """The options that do not mean what they seem to mean."""
    found = [f"unknown option {key} is ignored" for key in sorted(options) if key not in KNOWN]
    if "encrypted" in options and str(options["encrypted"]).lower() not in YES:
        found.append(f"encrypted={options['encrypted']} encrypts all the same")
    if MTU in options and not str(options[MTU]).isdigit():
        found.append(f"{MTU}={options[MTU]} is no number")
    return found
