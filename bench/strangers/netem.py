# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link's faults on machines, by the kernel's netem."""

from __future__ import annotations

import typing as t


def netem(told: dict[str, t.Any] | None, host: str, words: dict[str, str]) -> str:
    """Shell commands for a machine: what it sends over these links becomes bad; without ``told`` all is good again.

    A kernel with netem needs no program beside the nodes. Loss, delay, copies, order, damage, width and filters are possible.
    """
    device = words[f"dev:{host}"]
    clear = f"tc qdisc del dev {device} root 2>/dev/null || true"
    mine = words[host]
    links = [link for link in (told or {}).get("links", []) if link[0] in (None, mine) and link[1] != mine]
    if not told or not links:
        return clear
    words_of: dict[str, t.Callable[[t.Any], str]] = {
        "loss": lambda value: f"loss {value:.1%}", "delay": lambda value: f"delay {value * 1000:.0f}ms {told.get('jitter', 0) * 1000:.0f}ms",
        "duplicate": lambda value: f"duplicate {value:.1%}", "corrupt": lambda value: f"corrupt {value:.1%}",
        "reorder": lambda value: f"delay {told['gap'] * 1000:.0f}ms reorder {value:.1%}", "rate": lambda value: f"rate {value}bit",
        "protocol": lambda value: "loss 100%",
    }  # fmt: skip
    bad = " ".join(words_of[name](value) for name, value in told.items() if name in words_of)
    port = told.get("protocol", [])
    only = f" match ip protocol {port[0]} 0xff" if port else ""
    ends = [f" match ip {end} {port[1]} 0xffff" for end in ("dport", "sport")] if len(port) > 1 else [""]
    lines = [
        clear,
        f"tc qdisc add dev {device} root handle 1: prio bands 4",
        f"tc qdisc add dev {device} parent 1:4 netem {bad}",
    ]
    for link in links:
        target = f" match ip dst {link[1]}/32" if link[1] else " match u32 0 0"
        lines += [f"tc filter add dev {device} parent 1: protocol ip u32{target}{only}{end} flowid 1:4" for end in ends]
    return " && ".join(lines)
