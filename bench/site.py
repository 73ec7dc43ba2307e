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
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
RECAP = re.compile(r"^(vm\d+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
STEP_SECONDS = re.compile(r"^(.+?) -+ ([\d.]+)s$", re.MULTILINE)


def play(environment: dict[str, str], playbook: str) -> tuple[float, str]:
    """Seconds and output of a playbook; a playbook that fails ends the bench."""
    start = time.monotonic()
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), playbook], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"bench: {playbook} failed:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return time.monotonic() - start, done.stdout


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
        environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "SWARMLAB_LAB": "bench",
            "SWARMLAB_DRIVER": given.driver,
            "SWARMLAB_NODES": str(given.nodes),
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_roles",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "ANSIBLE_FORCE_COLOR": "0",
        }
        if given.cold:
            environment["SWARMLAB_CACHE"] = cache
        folder = CHECKOUT / ".lab" / "bench"
        play(environment, "playbooks/destroy.yml")
        try:
            rows = []
            logins = 0
            for label in ("from nothing to a green report", "second run"):
                seconds, output = play(environment, "site.yml")
                recap = RECAP.findall(output)
                tasks = max(int(ok) for _host, ok, *_rest in recap)
                changed = sum(int(row[2]) for row in recap)
                now = connections(folder, given.nodes) if given.driver == "vm" else 0
                rows.append((label, f"{seconds:.0f}", str(tasks), str(changed), str(now - logins)))
                logins = now
                print(f"{label}: seconds by role")
                for role, spent in STEP_SECONDS.findall(output):
                    print(f"  {role:40} {spent:>8}")
            summary = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["summary"]
        finally:
            play(environment, "playbooks/destroy.yml")

    print(f"\n{given.nodes} nodes, driver {given.driver}, image {'built' if given.cold else 'cached if it was there'}; report: {summary}")
    header = ("run", "seconds", "tasks a host", "changed", "ssh connections")
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)))


if __name__ == "__main__":
    main()
