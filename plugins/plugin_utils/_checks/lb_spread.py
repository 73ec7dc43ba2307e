# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-SPREAD: connections to a virtual IP rotate over all backends, and no backend gets more than its share."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, dp_matrix
from ._result import FAIL, INCONCLUSIVE, PASS, count, each_network, listed, result

ID = "LB-SPREAD"
TITLE = "Connections to a virtual IP are spread over all backends"
HINT = "Look at the load balancer: 'nsenter --net=/var/run/docker/netns/lb_* ipvsadm -Ln' on the node; 'docker service update --force'."
ORDER = 62
NEEDS = ("probe",)
TAGS = ("P0", "dataplane", "balancing")
TIMES = 2
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """The connections through the virtual IP that DP-MATRIX makes too: they are made once."""
    requests: Requests = {}
    for network in facts.networks:
        for source in _paths.asking(facts, network["id"]):
            requests.setdefault(source, []).extend(dp_matrix.balanced(facts, network, source))
    return requests


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge, "probe")


def _judge(facts: Facts, network: Network) -> Result:
    hosts = _paths.probed(facts, network["id"])
    shares = {}
    for source in _paths.asking(facts, network["id"]):
        seen = _paths.seen(facts, source, dp_matrix.ident(dp_matrix.ID, network, "*", "vip"))
        if seen is not None:
            shares[source] = dict(dict.fromkeys(hosts, 0), **seen.get("shares") or {})
    silent = [source for source in _paths.asking(facts, network["id"]) if source not in shares]
    wrong = {source: row for source, row in shares.items() if uneven(row)}
    details = {"shares": shares}
    if wrong:
        nodes, hint = sorted(wrong), HINT
        no_ipvs, no_esp = _paths.lacks(facts, "ip_vs"), _paths.lacks_esp(facts) if network["encrypted"] else []
        if set(wrong) <= set(no_ipvs):
            hint = dp_matrix.NO_IPVS % listed(no_ipvs)
        elif no_esp:
            nodes, hint = no_esp, dp_matrix.NO_ESP % (listed(no_esp), _paths.esp(facts))
        rows = [
            f"{source}: {', '.join(f'{backend} {number}' for backend, number in sorted(row.items()))}"
            for source, row in sorted(wrong.items())
        ]
        return result(
            CHECK,
            FAIL,
            "spread-uneven",
            "connections by backend, from " + listed(rows, 2),
            network=network["name"],
            nodes=nodes,
            hint=hint,
            details=details,
        )
    if silent or not hosts:
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-observation",
            f"no observation from {listed(silent) or 'any node'}",
            network=network["name"],
            nodes=silent,
            details=details,
        )
    text = (
        f"from {count(len(hosts), 'node')}, {TIMES * len(hosts)} fresh connections each met every backend, "
        "none more than twice its share"
    )
    return result(CHECK, PASS, "ok", text, network=network["name"], nodes=hosts, details=details)


def uneven(row: dict[str, t.Any]) -> bool:
    """Whether a backend got no connection, or more than twice its share."""
    share = sum(row.values()) / len(row)
    return not row or min(row.values()) == 0 or max(row.values()) > 2 * share
