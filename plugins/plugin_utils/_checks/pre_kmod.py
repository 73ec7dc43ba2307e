# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-KMOD: the kernel of every node has the features that the selected networks need."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from . import _paths
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "PRE-KMOD"
TITLE = "The kernel has what overlay networks need"
HINT = (
    "Install the kernel's full module package (Debian: linux-image-amd64, Ubuntu: linux-modules-extra), "
    "or boot a kernel with these options."
)
ORDER = 20
NEEDS: tuple[str, ...] = ()
TAGS = ("P0", "preflight")
CHECK = sys.modules[__name__]
Found = dict[tuple[tuple[str, ...], str], list[str]]  # (modules, effect) -> hosts

# Each entry needs one of its modules; the text is the effect without it.
ALWAYS = (
    (("vxlan",), "no overlay carries traffic between nodes"),
    (("bridge",), "no overlay can be made"),
    (("veth",), "no container can be attached"),
    (("ip_vs",), "virtual IPs do not answer"),
    (("ip_vs_rr",), "virtual IPs do not answer"),
)
ENCRYPTED = (
    (("xfrm_user",), "encryption cannot be set up"),
    (("xt_bpf", "xt_u32"), "encryption rules cannot be set"),
    (("xt_policy",), "clear text cannot be refused"),
)


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its kernel during the setup."""
    return {}


def _encrypted(facts: Facts) -> tuple[tuple[tuple[str, ...], str], ...]:
    return (((_paths.esp(facts),), "encrypted networks carry no traffic between nodes"), *ENCRYPTED)


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    needed = ALWAYS + (_encrypted(facts) if any(network["encrypted"] for network in facts.networks) else ())
    missing: Found = {}
    unknown: Found = {}
    told = [host for host in facts.hosts if _paths.kernel(facts, host)]
    for host in told:
        for names, effect in needed:
            state = _state(_paths.kernel(facts, host), names)
            if state != "there":
                (missing if state == "missing" else unknown).setdefault((names, effect), []).append(host)
    return [_result(facts, told, missing, unknown)]


def _state(modules: dict[str, t.Any], names: tuple[str, ...]) -> str:
    states = {modules.get(name, "unknown") for name in names}
    if states & {"loaded", "builtin", "loadable"}:
        return "there"
    return "unknown" if "unknown" in states else "missing"


def _result(facts: Facts, told: list[str], missing: Found, unknown: Found) -> Result:
    details = {
        "missing": _by_module(missing),
        "unknown": _by_module(unknown),
        "kernels": {host: facts.opened[host]["kernel"]["release"] for host in told},
    }
    if missing:
        words = [f"{' or '.join(names)} ({effect})" for names, effect in missing]
        nodes = sorted({host for hosts in missing.values() for host in hosts})
        return result(CHECK, FAIL, "modules-missing", "missing: " + listed(words), nodes=nodes, details=details)
    if unknown or not told:
        nodes = sorted({host for hosts in unknown.values() for host in hosts})
        text = "no node tells of: " + listed(details["unknown"]) if unknown else "no node told about its kernel"
        return result(
            CHECK, INCONCLUSIVE, "modules-unknown" if unknown else "not-told", text, nodes=nodes, details=details
        )
    return result(
        CHECK, PASS, "ok", f"{count(len(told), 'node')} have every module needed", nodes=told, details=details
    )


def _by_module(found: Found) -> dict[str, list[str]]:
    return {" or ".join(names): hosts for (names, _effect), hosts in found.items()}
