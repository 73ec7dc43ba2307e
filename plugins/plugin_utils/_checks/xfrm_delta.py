# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM-DELTA: the kernel's IPsec error counters do not rise while encrypted networks are used."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Requests, Result
from . import _paths, _requests
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = "XFRM-DELTA"
TITLE = "IPsec reports no errors"
HINT = (
    "XfrmInNoStates: the sender uses a state this node does not have (ENC-SA-AGREE). XfrmInStateProtoError: keys differ. "
    "XfrmOutNoStates: a policy without a state. XfrmInTmplMismatch or XfrmInNoPols: policies differ."
)
ORDER = 74
NEEDS = ("probe", "xfrm")
TAGS = ("P1", "encryption")
CHECK = sys.modules[__name__]
# A race in the kernel when states are replaced; the sender tries again.
HARMLESS = ("XfrmAcquireError", "XfrmOutBundleCheckError")


def plan(facts: Facts) -> Requests:
    """No requests: every node reads its counters before and after."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    if not facts.leader:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told which networks are encrypted")]
    if not any(network["encrypted"] for network in facts.networks):
        return [result(CHECK, SKIP, "not-encrypted", "no encrypted network is selected")]
    hosts = [host for host in facts.hosts if host in facts.opened]
    counters = {host: found for host, found in ((host, _counters(facts, host)) for host in hosts) if found}
    deltas = {host: risen(facts, host, *found) for host, found in counters.items()}
    if any(deltas.values()):
        return [_failed(facts, {host: rows for host, rows in deltas.items() if rows})]
    if not counters and hosts and all(host in facts.probed for host in hosts):
        return [result(CHECK, SKIP, "no-counters", "the kernels keep no IPsec counters (CONFIG_XFRM_STATISTICS)")]
    silent = [host for host in hosts if host not in counters]
    if silent or not hosts:
        text = f"no counters from {listed(silent) or 'any node'}"
        return [result(CHECK, INCONCLUSIVE, "not-told", text, nodes=silent)]
    text = f"no counter of errors rose on {count(len(counters), 'node')}"
    return [result(CHECK, PASS, "ok", text, nodes=list(counters))]


def _counters(facts: Facts, host: str) -> tuple[dict[str, int], dict[str, int]] | None:
    """The host's counters before and after; None unless it reported both."""
    probed = facts.probed.get(host, {})
    before, after = probed.get("counters_before") or facts.opened[host].get("counters"), probed.get("counters")
    return (before, after) if before and after else None


def risen(facts: Facts, host: str, before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """The counters that rose, without the effect of this run's own requests over protocol 50 (PRE-PORT)."""
    rows = {name: value - before.get(name, 0) for name, value in after.items() if name not in HARMLESS}
    own = sum(number for key, number in facts.heard.get(host, {}).items() if key.startswith("50/"))
    own += sum(
        seen.get("tries", 0)
        for knock, seen in ((_requests.knock(ident), seen) for ident, seen in facts.observations.get(host, {}).items())
        if knock and knock.kind == "port-esp"
    )
    if "XfrmInNoStates" in rows and not facts.probed[host].get("counters_before"):  # the requests are not repeated
        rows["XfrmInNoStates"] -= own
    return {name: value for name, value in rows.items() if value > 0}


def _failed(facts: Facts, deltas: dict[str, dict[str, int]]) -> Result:
    text = listed(
        f"{host}: {listed(f'{counter} +{delta}' for counter, delta in sorted(rows.items()))}"
        for host, rows in sorted(deltas.items())
    )
    lacking = _paths.lacks_esp(facts)
    reason = "kernel-lacks-esp" if set(deltas) <= set(lacking) else "errors-rose"
    hint = (
        f"The kernel of {listed(lacking)} lacks {_paths.esp(facts)}: encryption fails there (see PRE-KMOD)."
        if lacking
        else HINT
    )
    return result(CHECK, FAIL, reason, text, nodes=sorted(deltas), hint=hint, details={"counters": deltas})
