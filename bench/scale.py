# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swarm costs against its size: seconds, tasks, memory, on labs of container nodes.

Usage: make scale                 with ARGS="--nodes 3 5 10 --networks 1 10 50 --write"

Makes a lab for every number of nodes, forms the swarm, declares overlays in one call, declares them again, removes
them, verifies, and destroys it. On the first lab it also declares overlays as a loop of community.docker's module does, and as
the engine's API alone does. Prints tables; --write keeps them in docs/scale.md, with a plot in docs/scale.svg.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from runs import CHECKOUT, environment, play, recap, run

LAB = "scale"
SUBNET = "10.84.0.0/16"
VERIFY_NETWORKS = 2
COMPARED = 50  # overlays, as a loop of other modules takes long
API_ALONE = """
import docker, json, time
client = docker.APIClient(version="auto")
start = time.monotonic()
made = [client.create_network(f"alone-{number}", driver="overlay", attachable=True)["Id"] for number in range(%d)]
print(time.monotonic() - start)
for network in made:
    client.remove_network(network)
"""


@dataclass
class Measured:
    """Seconds, unless the name says otherwise."""

    nodes: int
    load: float = 0.0  # of the machine, before
    make: float = 0.0
    form: float = 0.0
    again: float = 0.0
    declare: dict[int, float] = field(default_factory=dict)
    unchanged: dict[int, float] = field(default_factory=dict)
    ping: float = 0.0
    verify: float = 0.0
    again_tasks: int = 0  # a node
    again_calls: float = 0.0
    verify_tasks: int = 0
    verify_calls: float = 0.0
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


@contextlib.contextmanager
def calls(nodes: int) -> Iterator[list[float]]:
    """How often Ansible connected to a node, on average: an exec in its container each time."""
    found: list[float] = []
    prefix = f"swarmlab-{LAB}-"
    with subprocess.Popen(
        ["docker", "events", "--filter", "event=exec_start", "--format", "{{.Actor.Attributes.name}}"],
        stdout=subprocess.PIPE, text=True,
    ) as events:  # fmt: skip
        try:
            yield found
        finally:
            events.terminate()
            counted = Counter(events.communicate()[0].split())
            found.append(sum(count for name, count in counted.items() if name.startswith(prefix)) / nodes)


def compare(variables: dict[str, str]) -> dict[str, float]:
    """Seconds of each task that declares the same overlays in some way, in one run of one playbook."""
    with tempfile.TemporaryDirectory() as folder:
        told = {
            **variables,
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
            "JUNIT_OUTPUT_DIR": folder,
            "JUNIT_HIDE_TASK_ARGUMENTS": "true",
        }
        play(told, "bench/compared.yml", "-e", networks(COMPARED, "present"))
        results = next(Path(folder).glob("*.xml"))
        found = {
            case.get("name", "").rpartition(": ")[2]: float(case.get("time", 0))
            for case in ElementTree.parse(results).iter("testcase")
        }
    alone = subprocess.run(
        ["docker", "exec", f"swarmlab-{LAB}-vm1", "python3", "-c", API_ALONE % COMPARED],
        capture_output=True,
        text=True,
        check=True,
    )
    return {**found, "the engine's API alone, without Ansible": float(alone.stdout)}


def memory(nodes: int) -> float:
    """MiB that a node uses, on average, page cache left out."""
    names = [f"swarmlab-{LAB}-vm{number}" for number in range(1, nodes + 1)]
    listed = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *names],
        capture_output=True,
        text=True,
        check=True,
    )
    units = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}
    used = [line.split("/")[0].strip() for line in listed.stdout.splitlines()]
    return sum(float(text[:-3]) * units[text[-3:]] for text in used) / nodes


def measure(nodes: int, counts: list[int], compared: dict[str, float]) -> Measured:
    """Everything at one size, and the comparison where there is none yet. The lab goes away, whatever happens."""
    found = Measured(nodes, os.getloadavg()[0])
    variables = environment(
        SWARMLAB_LAB=LAB, SWARMLAB_DRIVER="container", SWARMLAB_NODES=str(nodes), SWARMLAB_SUBNET=SUBNET
    )
    play(variables, "playbooks/destroy.yml")
    try:
        found.make, dummy = play(variables, "playbooks/lab.yml")
        found.form, dummy = play(variables, "playbooks/swarm.yml")
        with calls(nodes) as counted:
            found.again, output = play(variables, "playbooks/swarm.yml")
        found.again_tasks = max(ok for ok, changed in recap(output).values())
        found.again_calls = counted[0]
        found.ping = timed(variables, "ansible.builtin.ping", "")
        for count in counts:
            found.declare[count] = timed(variables, "swarmlab.overlay.overlay_network", networks(count, "present"))
            found.unchanged[count] = timed(variables, "swarmlab.overlay.overlay_network", networks(count, "present"))
            timed(variables, "swarmlab.overlay.overlay_network", networks(count, "absent"))
        if not compared:
            compared.update(compare(variables))
        timed(variables, "swarmlab.overlay.overlay_network", networks(VERIFY_NETWORKS, "present"))
        # Kernels without ip_vs fail checks of virtual addresses, truly: it is the time that is asked for here.
        with calls(nodes) as counted:
            found.verify, output = play(variables, "playbooks/verify.yml", "-e", "verify_fail=false")
        found.verify_calls = counted[0]
        found.verify_tasks = max(ok for ok, changed in recap(output).values())
        found.memory = memory(nodes)
    finally:
        play(variables, "playbooks/destroy.yml")
    return found


def table(rows: list[Measured], counts: list[int]) -> str:
    """A table in Markdown, which reads well in a terminal too."""
    header = ["nodes", "load before", "make", "form", "again", "ping"]
    header += [f"{count} overlays" for count in counts] + [f"{count} again" for count in counts]
    header += ["verify", "again: tasks, calls a node", "verify: tasks, calls a node", "MiB a node"]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        numbers = [
            row.load,
            row.make,
            row.form,
            row.again,
            row.ping,
            *row.declare.values(),
            *row.unchanged.values(),
            row.verify,
        ]
        each = [(row.again_tasks, row.again_calls), (row.verify_tasks, row.verify_calls)]
        counted = [f"{tasks}, {made:.1f}" for tasks, made in each]
        lines.append([str(row.nodes), *(f"{number:.1f}" for number in numbers), *counted, f"{row.memory:.0f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT = 460, 300, 50, 40, 110


def panel(offset: int, below: str, marks: list[int], series: dict[str, list[float]]) -> list[str]:
    """Seconds against ``marks``. Colours need not be told apart: lines carry their names, and differ in their dashes."""
    most = max(value for values in series.values() for value in values)

    def place(mark: float, seconds: float) -> tuple[float, float]:
        x = offset + LEFT + (WIDTH - LEFT - RIGHT) * mark / max(marks)
        return x, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 30) * seconds / most

    end = offset + WIDTH - RIGHT
    parts = [
        f'<path d="M{offset + LEFT} 20V{HEIGHT - BOTTOM}H{end}" fill="none" stroke="#888"/>',
        f'<text x="{(offset + LEFT + end) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{below}</text>',
        f'<text x="{offset + 4}" y="14">seconds</text>',
        f'<text x="{offset + LEFT - 6}" y="34" text-anchor="end">{most:.0f}</text>',
        f'<text x="{offset + LEFT - 6}" y="{HEIGHT - BOTTOM + 4}" text-anchor="end">0</text>',
    ]
    taken = 0.0
    for mark in marks:
        x = place(mark, 0)[0]
        parts.append(f'<path d="M{x:.0f} {HEIGHT - BOTTOM}v4" stroke="#888"/>')
        if x - taken >= 24:  # numbers that would touch are left out; their ticks are not
            parts.append(f'<text x="{x:.0f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{mark}</text>')
            taken = x
    free = HEIGHT - BOTTOM + 20.0
    by_height = sorted(zip(series.items(), ("none", "6 4", "2 3", "9 3 2 3")), key=lambda entry: entry[0][1][-1])
    for (name, values), dash in by_height:
        points = [place(mark, value) for mark, value in zip(marks, values)]
        line = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        free = min(points[-1][1] + 4, free - 15)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="#246" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        parts.append(f'<text x="{points[-1][0] + 8:.0f}" y="{free:.0f}">{name}</text>')
    return parts


def plot(rows: list[Measured], counts: list[int]) -> str:
    """Seconds against nodes, and against overlays on the largest lab, as a drawing."""
    largest = rows[-1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *panel(0, "nodes", [row.nodes for row in rows], {
            "make": [row.make for row in rows], "form": [row.form for row in rows],
            "form again": [row.again for row in rows], "verify": [row.verify for row in rows],
        }),
        *panel(WIDTH, f"overlays in one call, {largest.nodes} nodes", counts, {
            "declare": list(largest.declare.values()), "unchanged": list(largest.unchanged.values()),
        }),
    ]  # fmt: skip
    return "\n".join([*parts, "</svg>"]) + "\n"


PAGE = """\
<!-- SPDX-FileCopyrightText: 2026 swarmlab contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What a swarm costs against its size

Measured by `make scale ARGS=--write` on container nodes of one machine with {processors} processors. Seconds are of whole
commands, with Ansible's own start ("ping" is a run that does nothing else). "again" is a second run of playbook `swarm` that
changes nothing. "verify" proves {networks} overlays from every node. "calls" are connections that Ansible makes to a node.
"load before" is the load average of the machine just before: where it is above the number of processors, others were at work, and
all seconds are longer than they would be on an idle machine.

{table}
![Seconds to make a lab, to form the swarm and to verify it against the number of nodes; seconds to declare overlays](scale.svg)

{count} overlays declared in other ways, on the first of these labs: seconds of each task, all in one run of `bench/compared.yml`.

{compared}"""


def page(rows: list[Measured], counts: list[int], compared: dict[str, float]) -> str:
    """The page in docs/."""
    other = "".join(f"| {way} | {seconds:.2f} |\n" for way, seconds in compared.items())
    return PAGE.format(
        networks=VERIFY_NETWORKS, table=table(rows, counts), processors=os.cpu_count(),
        count=COMPARED, compared=f"| way | seconds |\n| --- | --- |\n{other}",
    )  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--nodes", type=int, nargs="+", default=[3, 5, 10, 20])
    options.add_argument("--networks", type=int, nargs="+", default=[1, 10, 50, 200])
    options.add_argument("--write", action="store_true", help="keep the result in docs/, after each size")
    given = options.parse_args()
    rows: list[Measured] = []
    compared: dict[str, float] = {}
    docs = CHECKOUT / "docs"
    for nodes in given.nodes:
        rows.append(measure(nodes, given.networks, compared))
        print(table(rows[-1:], given.networks), file=sys.stderr, flush=True)
        if given.write:
            (docs / "scale.md").write_text(page(rows, given.networks, compared), encoding="utf-8")
            (docs / "scale.svg").write_text(plot(rows, given.networks), encoding="utf-8")
    print(page(rows, given.networks, compared))


if __name__ == "__main__":
    main()
