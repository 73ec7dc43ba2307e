# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What declaring many overlays costs: our module, community.docker's in a loop, and the engine's bare API.

Usage: python bench/overlays.py [--networks 50]

Makes a lab of one container node called "bench-overlays", and removes it at the end. Seconds are of whole commands,
Ansible's start included, but for the bare API, which is timed on the node.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from runs import environment, play, run

BARE = """
import docker, sys, time
client, count = docker.APIClient(), int(sys.argv[1])
start = time.monotonic()
made = [client.create_network(f"bare-{number}", driver="overlay", scope="swarm")["Id"] for number in range(count)]
while not all(raw["IPAM"]["Config"] for raw in client.networks() if raw["Id"] in made):
    time.sleep(0.02)
created = time.monotonic()
for dummy in made:
    client.inspect_network(dummy)
looked = time.monotonic()
for identity in made:
    client.remove_network(identity)
print(*(round(end - begin, 2) for begin, end in ((start, created), (created, looked), (looked, time.monotonic()))))
"""

LOOP = """
- hosts: vm1
  gather_facts: false
  tasks:
    - community.docker.docker_network:
        name: "loop-{{ item }}"
        driver: overlay
        state: "{{ state }}"
      loop: "{{ range(count | int) | list }}"
"""


def ours(variables: dict[str, str], count: int, state: str) -> float:
    """Seconds of our module."""
    declared = json.dumps({"networks": [{"name": f"ours-{number}"} for number in range(count)], "state": state})
    start = time.monotonic()
    run(["ansible", "vm1", "-m", "swarmlab.overlay.overlay_network", "-a", declared], variables)
    return time.monotonic() - start


def bare(variables: dict[str, str], count: int) -> list[float]:
    """Seconds of the engine's API alone."""
    output = run(["ansible", "vm1", "-m", "ansible.builtin.command", "-a", json.dumps({"argv": ["python3", "-c", BARE, str(count)]})], variables)
    return [float(number) for number in output.splitlines()[-1].split()]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--networks", type=int, default=50)
    count = options.parse_args().networks
    variables = environment(
        SWARMLAB_LAB="bench-overlays", SWARMLAB_DRIVER="container", SWARMLAB_NODES="1", SWARMLAB_SUBNET="10.85.0.0/24"
    )
    play(variables, "playbooks/destroy.yml")
    try:
        play(variables, "playbooks/lab.yml")
        play(variables, "playbooks/swarm.yml")
        rows = {"overlay_network": [ours(variables, count, state) for state in ("present", "present", "absent")]}
        with tempfile.TemporaryDirectory() as folder:
            loop = Path(folder) / "loop.yml"
            loop.write_text(LOOP, encoding="utf-8")
            rows["community.docker loop"] = [
                play(variables, str(loop), "-e", f"state={state} count={count}")[0] for state in ("present", "present", "absent")
            ]
        rows["bare API"] = bare(variables, count)
    finally:
        play(variables, "playbooks/destroy.yml")
    print(f"{count} overlays, seconds    create   again  remove")
    for name, seconds in rows.items():
        print(f"{name:25}" + "".join(f"{number:8.1f}" for number in seconds))


if __name__ == "__main__":
    main()
