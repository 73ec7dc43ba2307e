# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left when no known cause explains it: the lowest layer that breaks, and where. Pure.

Private to swarmlab.overlay. It names no cause, so it sends nobody the wrong way.
"""

from __future__ import annotations

import typing as t
from fnmatch import fnmatchcase

from .._checks import _blame
from .._checks._result import FAIL
from .._facts.model import Cause, Result
from .model import INFERRED, Atom
from .view import View

ID = "cause-unknown"
TODO = "Look there first: everything above depends on it. The evidence of the results below says what was asked and what came."


class Layer(t.NamedTuple):
    """A layer of traffic: its checks by pattern, and what it is in words. ``wire``: only results without a network."""

    checks: tuple[str, ...]
    words: str
    wire: bool = False


# From the lowest to the highest.
LAYERS = (
    Layer(("PRE-PORT", "PATH-QUALITY"), "the wire between nodes", wire=True),
    Layer(("CP-*",), "the managers' port"),
    Layer(("NET-*", "PEER-FDB"), "the tunnels of {networks}"),
    Layer(("PATH-QUALITY", "MTU-FIT", "DP-MATRIX"), "the paths of {networks}"),
    Layer(("ENC-*", "XFRM-*"), "the encryption of {networks}"),
    Layer(("LB-IPVS", "LB-SPREAD"), "the balancing on {networks}"),
    Layer(("DP-TASK", "LB-SERVICE"), "the services on {networks}"),
    Layer(("MESH-*",), "published ports"),
    Layer(("GOSSIP-*",), "the records of {networks}"),
    Layer(("SD-*",), "the names of {networks}"),
)


def rest(view: View, left: dict[int, set[Atom]]) -> Cause | None:
    """An entry for the failures that no cause explains; None without any, or without a layer to name."""
    bad = {
        place: view.results[place] for place, atoms in left.items() if atoms and view.results[place]["status"] == FAIL
    }
    for layer in LAYERS:
        places = [place for place, item in bad.items() if _in(layer, item)]
        if not places:
            continue
        pairs = {atom.nodes for place in places for atom in left[place] if len(atom.nodes) == 2}
        nodes = _blame.blame(pairs) or sorted({node for place in places for node in bad[place]["nodes"]})
        networks = sorted({str(bad[place]["network"]) for place in places if bad[place]["network"]})
        above = LAYERS[LAYERS.index(layer) :]
        where = f" at {view.names(view.ordered(nodes))}" if nodes else ""
        words = layer.words.replace("{networks}", " and ".join(networks) or "the swarm")
        return {
            "id": ID,
            "title": f"No known cause explains this: the lowest layer that breaks is {words}{where}",
            "nodes": list(view.ordered(nodes)),
            "networks": networks,
            "todo": TODO,
            "because": [f"{bad[place]['id']}: {bad[place]['evidence']['summary']}" for place in places[:3]],
            "certainty": INFERRED,
            "explains": sorted(place for place, item in bad.items() if any(_in(one, item) for one in above)),
            "shares": [],
        }
    return None


def _in(layer: Layer, item: Result) -> bool:
    return any(fnmatchcase(item["id"], pattern) for pattern in layer.checks) and not (layer.wire and item["network"])
