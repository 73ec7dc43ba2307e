# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long from nothing to a green report, and what a second run costs.

Usage: make bench        with ARGS="--cold" the golden image is built too; --driver container for container nodes

Prints seconds, tasks a host and ssh connections opened, as a table. The lab it makes is called
"bench" and is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

from runs import CHECKOUT, environment, play, recap

STEP_SECONDS = re.compile(r"^(.+?) -+ ([\d.]+)s$", re.MULTILINE)


def connections(folder: Path, nodes: int) -> int:
    """ssh log-ins that the lab's machines have accepted since they booted, this look not counted."""
    total = 0
    for index in range(1, nodes + 1):
        command = "journalctl -b -u ssh -o cat | grep -c 'Accepted publickey'"
        done = subprocess.run(
            ["ssh", "-F", str(folder / "ssh_config"), f"vm{index}", command], capture_output=True, text=True, check=True
        )
        total += int(done.stdout) - 1
    return total


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cold", action="store_true", help="build the golden image too, in a cache of its own")
    options.add_argument("--driver", choices=["vm", "container"], default="vm")
    options.add_argument("--nodes", type=int, default=3)
    given = options.parse_args()

    with tempfile.TemporaryDirectory(prefix="swarmlab-bench-") as cache:
        variables = environment(
            SWARMLAB_LAB="bench",
            SWARMLAB_DRIVER=given.driver,
            SWARMLAB_NODES=str(given.nodes),
            ANSIBLE_CALLBACKS_ENABLED="ansible.posix.profile_roles",
        )
        if given.cold:
            variables["SWARMLAB_CACHE"] = cache
        folder = CHECKOUT / ".lab" / "bench"
        play(variables, "playbooks/destroy.yml")
        try:
            rows = []
            logins = 0
            for label in ("from nothing to a green report", "second run"):
                seconds, output = play(variables, "site.yml")
                counts = recap(output).values()
                tasks = max(ok for ok, changed in counts)
                changed = sum(changed for ok, changed in counts)
                now = connections(folder, given.nodes) if given.driver == "vm" else 0
                rows.append((label, f"{seconds:.0f}", str(tasks), str(changed), str(now - logins)))
                logins = now
                print(f"{label}: seconds by role")
                for role, spent in STEP_SECONDS.findall(output):
                    print(f"  {role:40} {spent:>8}")
            summary = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["summary"]
        finally:
            play(variables, "playbooks/destroy.yml")

    print(
        f"\n{given.nodes} nodes, driver {given.driver}, image {'built' if given.cold else 'cached if it was there'}; report: {summary}"
    )
    header = ("run", "seconds", "tasks a host", "changed", "ssh connections")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)))


if __name__ == "__main__":
    main()
