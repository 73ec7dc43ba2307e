# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swarm costs against its size: seconds, tasks, memory, on labs of container nodes.

Usage: make scale                 with ARGS="--nodes 3 5 10 --networks 1 10 50 --write"

Makes a lab for every number of nodes, forms the swarm, declares overlays in one call, declares them again, removes
them, verifies, and destroys it. Prints a table; --write keeps it in docs/scale.md, with a plot in docs/scale.svg.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from runs import CHECKOUT, environment, play, recap, run

LAB = "scale"
SUBNET = "10.84.0.0/16"
VERIFY_NETWORKS = 2


@dataclass
class Measured:
    """Seconds, unless the name says otherwise."""

    nodes: int
    make: float = 0.0
    form: float = 0.0
    again: float = 0.0
    declare: dict[int, float] = field(default_factory=dict)
    unchanged: dict[int, float] = field(default_factory=dict)
    ping: float = 0.0
    verify: float = 0.0
    verify_tasks: int = 0
    memory: float = 0.0  # MiB a node


def networks(count: int, state: str) -> str:
    """Arguments that declare so many overlays, or their absence."""
    names = [{"name": f"scale-{number}", "attachable": True} for number in range(count)]
    return json.dumps({"networks": names, "state": state})


def timed(variables: dict[str, str], module: str, arguments: str) -> float:
    """Seconds of one module on the first manager, Ansible's own start included."""
    start = time.monotonic()
    run(["ansible", "vm1", "-m", module, *(["-a", arguments] if arguments else [])], variables)
    return time.monotonic() - start


def memory(nodes: int) -> float:
    """MiB that a node uses, on average, page cache left out."""
    names = [f"swarmlab-{LAB}-vm{number}" for number in range(1, nodes + 1)]
    listed = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *names], capture_output=True, text=True, check=True
    )
    units = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}
    used = [line.split("/")[0].strip() for line in listed.stdout.splitlines()]
    return sum(float(text[:-3]) * units[text[-3:]] for text in used) / nodes


def measure(nodes: int, counts: list[int]) -> Measured:
    """Everything at one size. The lab goes away, whatever happens."""
    found = Measured(nodes)
    variables = environment(SWARMLAB_LAB=LAB, SWARMLAB_DRIVER="container", SWARMLAB_NODES=str(nodes), SWARMLAB_SUBNET=SUBNET)
    play(variables, "playbooks/destroy.yml")
    try:
        found.make, dummy = play(variables, "playbooks/lab.yml")
        found.form, dummy = play(variables, "playbooks/swarm.yml")
        found.again, dummy = play(variables, "playbooks/swarm.yml")
        found.ping = timed(variables, "ansible.builtin.ping", "")
        for count in counts:
            found.declare[count] = timed(variables, "swarmlab.overlay.overlay_network", networks(count, "present"))
            found.unchanged[count] = timed(variables, "swarmlab.overlay.overlay_network", networks(count, "present"))
            timed(variables, "swarmlab.overlay.overlay_network", networks(count, "absent"))
        timed(variables, "swarmlab.overlay.overlay_network", networks(VERIFY_NETWORKS, "present"))
        # Kernels without ip_vs fail checks of virtual addresses, truly: it is the time that is asked for here.
        found.verify, output = play(variables, "playbooks/verify.yml", "-e", "verify_fail=false")
        found.verify_tasks = max(ok for ok, changed in recap(output).values())
        found.memory = memory(nodes)
    finally:
        play(variables, "playbooks/destroy.yml")
    return found


def table(rows: list[Measured], counts: list[int]) -> str:
    """A table in Markdown, which reads well in a terminal too."""
    header = ["nodes", "make", "form", "again", "ping"]
    header += [f"{count} overlays" for count in counts] + [f"{count} again" for count in counts]
    header += ["verify", "tasks a node", "MiB a node"]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        numbers = [row.make, row.form, row.again, row.ping, *row.declare.values(), *row.unchanged.values(), row.verify]
        lines.append([str(row.nodes), *(f"{number:.1f}" for number in numbers), str(row.verify_tasks), f"{row.memory:.0f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def plot(rows: list[Measured]) -> str:
    """Seconds against nodes as a drawing of its own, in colours that need not be told apart: lines carry their names."""
    width, height, left, bottom = 640, 320, 50, 40
    series = {"make": [r.make for r in rows], "form": [r.form for r in rows], "verify": [r.verify for r in rows]}
    most_nodes = max(row.nodes for row in rows)
    most_seconds = max(value for values in series.values() for value in values)

    def place(nodes: float, seconds: float) -> tuple[float, float]:
        x = left + (width - left - 90) * nodes / most_nodes
        return x, height - bottom - (height - bottom - 20) * seconds / most_seconds

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<path d="M{left} 20V{height - bottom}H{width - 90}" fill="none" stroke="#888"/>',
        f'<text x="{width / 2 - 40}" y="{height - 8}">nodes</text>',
        f'<text x="4" y="16">seconds</text><text x="12" y="36">{most_seconds:.0f}</text>',
    ]
    parts += [f'<text x="{place(r.nodes, 0)[0] - 6:.0f}" y="{height - bottom + 18}">{r.nodes}</text>' for r in rows]
    for (name, values), dash in zip(series.items(), ("", "6 4", "2 3")):
        points = [place(row.nodes, value) for row, value in zip(rows, values)]
        line = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="#246" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(f'<text x="{points[-1][0] + 8:.0f}" y="{points[-1][1] + 4:.0f}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


PAGE = """\
<!-- SPDX-FileCopyrightText: 2026 swarmlab contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What a swarm costs against its size

Measured by `make scale` on container nodes of one machine. Seconds are of whole commands, with Ansible's own start
("ping" is a run that does nothing else). "again" is a second run that changes nothing. "verify" proves {networks} overlays
from every node.

{table}
![Seconds to make a lab, to form the swarm and to verify it, against the number of nodes](scale.svg)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--nodes", type=int, nargs="+", default=[3, 5, 10, 20])
    options.add_argument("--networks", type=int, nargs="+", default=[1, 10, 50, 200])
    options.add_argument("--write", action="store_true", help="keep the result in docs/")
    given = options.parse_args()
    rows = []
    for nodes in given.nodes:
        rows.append(measure(nodes, given.networks))
        print(table(rows[-1:], given.networks), file=sys.stderr, flush=True)
    text = table(rows, given.networks)
    print(text)
    if given.write:
        docs = Path(CHECKOUT) / "docs"
        (docs / "scale.md").write_text(PAGE.format(networks=VERIFY_NETWORKS, table=text), encoding="utf-8")
        (docs / "scale.svg").write_text(plot(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
