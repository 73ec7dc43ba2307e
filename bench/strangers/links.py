# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link between nodes: what it does to packets, and what a wall between nodes drops."""

from __future__ import annotations

import json
import typing as t

from .model import Place, Step, Stranger


def wired(
    place: Place, what: str, told: dict[str, t.Any], causes: tuple[str, ...], everywhere: bool = False
) -> Stranger:
    """A link that does something to packets: of a node in one direction or both, or between two nodes."""
    mine, theirs = f"@{place.node}@", f"@{place.peer}@"
    sorts = {
        f"what {place.node} sends": [[mine, None]],
        f"what {place.node} is sent": [[None, mine]],
        f"everything from and to {place.node}": [[mine, None], [None, mine]],
        f"what {place.node} sends {place.peer}": [[mine, theirs]],
        f"everything between {place.node} and {place.peer}": [[mine, theirs], [theirs, mine]],
    }
    side = place.pick(list(sorts))
    if everywhere:
        side = f"everything from and to {place.node}"
    order = json.dumps({"links": sorts[side], **told, "seed": place.chance.randrange(1 << 16)})
    return Stranger(
        "link",
        f"link: {side}: {what}",
        place.both if place.peer in side else (place.node,),
        causes,
        (Step("wire", place.node, order),),
        (Step("wire", place.node, ""),),
        # Neither is in netem.
        needs=("container",) if {"flap", "largest"} & set(told) else (),
    )


def lossy(place: Place) -> Stranger:
    share = place.between(8, 75)
    return wired(place, f"{share} % lost", {"loss": share / 100}, ("link-lossy", "link-flaps"))


def slow(place: Place) -> Stranger:
    delay, jitter = place.between(60, 1200), place.pick([0, 10, 50])
    return wired(
        place,
        f"{delay} ms late, give or take {jitter}",
        {"delay": delay / 1000, "jitter": jitter / 1000},
        ("link-slow",),
    )


def jittery(place: Place) -> Stranger:
    jitter = place.between(50, 500)
    return wired(
        place, f"0 to {jitter} ms late", {"delay": jitter / 2000, "jitter": jitter / 2000},
        ("link-slow", "link-jitters", "link-reorders"),
    )  # fmt: skip


def doubled(place: Place) -> Stranger:
    share = place.between(20, 95)
    return wired(place, f"{share} % arrive twice", {"duplicate": share / 100}, ("link-duplicates",))


def reordered(place: Place) -> Stranger:
    share, gap = place.between(15, 60), place.between(15, 80)
    return wired(
        place, f"{share} % overtake the others, which are {gap} ms late", {"reorder": share / 100, "gap": gap / 1000},
        ("link-reorders", "link-slow", "link-jitters"),
    )  # fmt: skip


def damaging(place: Place) -> Stranger:
    share = place.between(4, 40)
    return wired(place, f"{share} % with a wrong bit", {"corrupt": share / 100}, ("link-corrupts", "link-lossy"))


def narrow(place: Place) -> Stranger:
    rate = place.between(12, 400)
    return wired(place, f"{rate} kbit/s at most", {"rate": rate * 1000}, ("link-capped", "link-slow", "link-lossy"))


def flapping(place: Place) -> Stranger:
    up, down = place.between(1, 8), place.between(1, 5)
    return wired(place, f"{up} s up and {down} s down in turns", {"flap": [up, down]}, ("link-flaps", "link-lossy"))


def hole(place: Place) -> Stranger:
    size = place.between(400, 1490)
    return wired(
        place, f"packets of more than {size} bytes vanish", {"largest": size}, ("mtu-too-small", "link-drops-large")
    )


PORTS = {
    "VXLAN (udp/4789)": ([17, 4789], ("data-port-blocked",)),
    "gossip (udp/7946)": ([17, 7946], ("gossip-udp-blocked",)),
    "gossip (tcp/7946)": ([6, 7946], ("gossip-tcp-blocked",)),
    "the managers' port (tcp/2377)": ([6, 2377], ("manager-port-blocked", "lost-by-managers")),
    "all UDP": ([17], ("data-port-blocked",)),
    "all TCP": ([6], ("manager-port-blocked", "gossip-tcp-blocked", "cut-off", "lost-by-managers")),
    "ESP": ([50], ("esp-blocked",)),
}


def walled(place: Place) -> Stranger:
    """A security group between the nodes, which none of them can see."""
    name = place.pick(list(PORTS))
    protocol, causes = PORTS[name]
    found = wired(place, f"{name} dropped on the way", {"protocol": protocol}, causes, everywhere=protocol[-1] == 2377)
    return Stranger("wall", found.what.replace("link", "wall", 1), found.nodes, causes, found.make, found.mend,
                    ("esp4",) if name == "ESP" else ())  # fmt: skip
