# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which faults the diagnosis finds that nobody prepared it for: faults made up from seeds, given to a lab for real, one after the other.

Usage: make blind ARGS="--seeds 1-25"       with --seed 1234 for one alone, --show to see what seeds give, --driver vm for machines

Seeds below 1000 are for developing: look at what they show and mend the kind. Of seeds from 1000 on nobody looks at more than the table.
Every run is a line of JSON in --results; a seed that is there is not tried again, so a bench that was stopped goes on. --write makes
docs/detection-blind.md of that file. A fault that this lab cannot have is left out, with the reason.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import scoring
from detection import Lab, faults, kernel, known
from runs import CHECKOUT, environment, play
from strangers import seeds
from strangers.model import WEB, Scenario, Step
from strangers.netem import netem

LAB = "blind"
SUBNET = "10.87.0.0/24"
BARE = {"overlays_networks": [], "overlays_services": []}  # the inventory's own are not in this lab
LIMIT = 300  # seconds for a report, which is promised in 120
HEALTHY = {
    "verify_networks": [faults.PLAIN, faults.OTHER],
    "verify_checks": ["PRE-REACH", "CP-TLS", "SD-TASKS", "DP-MATRIX", "PEER-FDB", "GOSSIP-HASH"],
}
TASK = (
    "$(docker inspect -f '{{.State.Pid}}' $(docker ps -q --filter label=com.docker.swarm.service.name=%s | head -n 1))"
)


class Hands:
    """What making a fault needs: the lab, and what it calls things."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.before: set = set()

    def begin(self) -> None:
        """A lab that is new and furnished."""
        lab = self.lab
        self.unplug()
        play(lab.variables, "playbooks/destroy.yml")
        play(lab.variables, "playbooks/lab.yml")
        play(lab.variables, "playbooks/swarm.yml")
        lab.kernel = lab.kernel or kernel(lab)
        faults.furnish(lab, "esp4" in lab.kernel, "ip_vs" in lab.kernel, "httpd -f -p 80")
        self.words = {"image": lab.image, "free": "", "restart": self.restart}
        for host in lab.nodes:
            address = lab.shell(host, "docker info -f '{{.Swarm.NodeAddr}}'")
            card = lab.shell(host, f"ip -o -4 address | grep ' {address}/' | awk '{{print $2}}'")
            self.words |= {host: address, f"dev:{host}": card}
            self.words[f"mac:{host}"] = lab.shell(host, f"cat /sys/class/net/{card}/address")
        self.words["free"] = str(ipaddress.ip_address(self.words[lab.nodes[0]]) + 100)
        subnet = ipaddress.ip_network(faults.subnet(lab))
        self.words |= {"subnet": str(subnet), "inside": str(subnet[53])}

    @property
    def restart(self) -> str:
        return "systemctl restart docker" if self.lab.driver == "vm" else "kill -HUP 1"

    def said(self, text: str, step: Step) -> str:
        """The text with what the lab calls things."""

        def word(found: re.Match) -> str:
            name = found.group(1)
            if name == "pid":
                return TASK % WEB
            kind, dummy, network = name.partition(":")
            if kind in ("task", "prefix"):
                subnet = self.lab.shell(
                    "vm1", f"docker network inspect -f '{{{{(index .IPAM.Config 0).Subnet}}}}' {network}"
                )
                prefix = subnet.rpartition(".")[0]
                if kind == "prefix":
                    return prefix
                inside = f"nsenter -t {TASK % WEB} -n ip -o -4 address"
                return self.lab.shell(step.node, f"{inside} | grep ' {prefix}[.]' | awk '{{print $2}}'")
            return self.words[name]

        return re.sub(r"@([a-z][a-z0-9:-]*)@", word, text)

    def do(self, step: Step) -> None:
        text = self.said(step.text, step)
        network = f"$(docker network inspect -f '{{{{.Id}}}}' {step.where} | cut -c1-"
        if step.how == "lab":
            self.lab.fault(**({"faults": [json.loads(text)]} if text else {"state": "absent"}))
        elif step.how == "wire":
            self.wire(json.loads(text) if text else None)
        elif step.how == "host":
            self.outside(text.replace("{}", f"swarmlab-{self.lab.name}-{step.node}"))
        else:
            way = {
                "shell": "",
                "network": f"nsenter --net=/var/run/docker/netns/1-{network}10) ",
                "balancer": f"nsenter --net=/var/run/docker/netns/lb_{network}9) ",
                "task": f"nsenter -t {TASK % WEB} -n ",
            }[step.how]
            self.lab.shell(step.node, way + text)

    def outside(self, command: str) -> str:
        """Something on this machine, about its engine."""
        done = subprocess.run(
            ["sh", "-c", command], env=self.lab.variables, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise AssertionError(f"{command[:200]}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    @property
    def plug(self) -> str:
        return f"swarmlab-{self.lab.name}-wire"

    def wire(self, told: dict | None) -> None:
        """A bad link, or good ones again."""
        if self.lab.driver == "vm":
            for host in self.lab.nodes:
                self.lab.shell(host, netem(told, host, self.words))
            return
        self.unplug()
        if told:
            image = self.outside(f"docker inspect -f '{{{{.Image}}}}' swarmlab-{self.lab.name}-{self.lab.nodes[0]}")
            code = Path(__file__).with_name("wire.py").read_text(encoding="utf-8")
            argv = ["docker", "run", "-d", "--rm", "--name", self.plug, "--network", "host", "--cap-add", "NET_ADMIN",
                    "--cap-add", "NET_RAW", image, "python3", "-c", code, json.dumps(told)]  # fmt: skip
            subprocess.run(argv, env=self.lab.variables, capture_output=True, check=True)
            faults.until("the link did not turn bad", lambda: "ready" in self.outside(f"docker logs {self.plug}"))

    def unplug(self) -> None:
        if self.lab.driver == "container":
            self.outside(f"docker stop -t 10 {self.plug} >/dev/null 2>&1 || true")
            self.outside(
                f"for try in $(seq 50); do docker inspect {self.plug} >/dev/null 2>&1 || exit 0; sleep 0.1; done"
            )

    def sound(self) -> bool:
        """Whether the lab is as it was before the fault."""
        try:
            faults.until("the lab did not heal", lambda: faults.whole(self.lab), 45)
            report = self.lab.verify({**HEALTHY, **BARE}, limit=120)
        except (AssertionError, subprocess.TimeoutExpired):
            return False
        return not faults.fresh(report, self.before) and not faults.loose(report)

    def lacks(self, scenario: Scenario) -> str | None:
        """Why this lab cannot have a fault."""
        here = self.lab.kernel | {self.lab.driver}
        missing = sorted(scenario.needs - here)
        if "vm" in missing:
            return "machines only"
        return f"needs {', '.join(missing)}" if missing else None


def tried(hands: Hands, scenario: Scenario) -> dict:
    """One seed, from injection to the score. The faults are still there."""
    made, report, trouble, seconds = False, None, "", 0.0
    try:
        for fault in scenario.faults:
            for step in fault.make:
                hands.do(step)
        made = True
        began = time.monotonic()
        try:
            report = hands.lab.verify(BARE, limit=LIMIT)
        finally:
            seconds = time.monotonic() - began
    except (AssertionError, subprocess.SubprocessError) as error:
        trouble = str(error)[-1500:]
    told = {
        **scenario.data, "what": scenario.what, "lab": f"{hands.lab.driver}, {len(hands.lab.nodes)} nodes",
        "seconds": round(seconds, 1), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    if not made:
        told["not made"] = trouble
    elif report is None:
        told |= {**scoring.scored(scenario, None, [], []), "no report": trouble}
    else:
        fresh, loose = faults.fresh(report, hands.before), faults.loose(report)
        told |= {
            **scoring.scored(scenario, report, fresh, loose), "summary": report["summary"],
            "causes": [{key: cause[key] for key in ("id", "title", "nodes", "certainty", "because")} for cause in fresh[:4]],
            "loose": [f"{item['id']} {','.join(item['nodes'])}: {item['evidence']['summary']}" for item in loose[:6]],
        }  # fmt: skip
    return told


def heal(hands: Hands, scenario: Scenario, made: bool) -> None:
    """Let the lab be sound again for the next seed: undo the faults, or make it anew."""
    healed = made and not any(fault.renew for fault in scenario.faults)
    if healed:
        try:
            for fault in reversed(scenario.faults):
                for step in fault.mend:
                    hands.do(step)
        except (AssertionError, subprocess.SubprocessError) as error:
            healed = False
            print(f"  could not be undone: {error}", file=sys.stderr)
    if not healed or not hands.sound():
        hands.begin()


def line(found: dict) -> str:
    """One run in a few words; of a seed that nobody looks at, no more than that it ran."""
    if found["seed"] >= seeds.DEVELOPED:
        return f"{found['seed']:5} {'could not be made' if 'not made' in found else 'measured'}"
    if "not made" in found:
        return f"{found['seed']:5} NOT MADE  {found['what']}: {found['not made'][-300:]}"
    marks = " ".join(name if found[name] else f"NOT-{name}" for name in scoring.MARKS)
    said = " | ".join(f"{cause['id']} {','.join(cause['nodes'])}" for cause in found.get("causes", [])[:3])
    return f"{found['seed']:5} {marks} {found['seconds']:.0f} s  {found['what']}  =>  {said or found.get('no report', '')[-200:]}"


def numbers(text: str) -> list[int]:
    """'3', '1-25', '1-5,9'."""
    found: list[int] = []
    for part in text.split(","):
        first, dummy, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=numbers, default=numbers("1-25"), metavar="FIRST-LAST,...")
    options.add_argument("--seed", type=int, help="one seed; its run is made again, whatever is there")
    options.add_argument("--family", nargs="+", choices=[*seeds.FAMILIES, "two at once"], help="only these")
    options.add_argument("--driver", choices=["vm", "container"], default="container")
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--results", type=Path, default=CHECKOUT / "bench" / "blind.jsonl")
    options.add_argument("--show", action="store_true", help="print what seeds give, and make nothing")
    options.add_argument("--table", action="store_true", help="print the table of what was measured, and make nothing")
    options.add_argument("--misses", action="store_true", help="print what was not found on seeds below 1000 too")
    options.add_argument("--keep", action="store_true", help="leave the lab, for another run")
    options.add_argument("--write", action="store_true", help="keep the table in docs/detection-blind.md")
    given = options.parse_args()
    nodes = [f"vm{number}" for number in range(1, given.nodes + 1)]
    wanted = [seeds.scenario(seed, nodes) for seed in ([given.seed] if given.seed is not None else given.seeds)]
    wanted = [scenario for scenario in wanted if not given.family or scenario.family in given.family]
    if given.show:
        for scenario in wanted:
            print(json.dumps(scenario.data, indent=1))
        return
    results = given.results
    there = [json.loads(row) for row in results.read_text(encoding="utf-8").splitlines()] if results.exists() else []
    if not given.table:
        done = set() if given.seed is not None else {row["seed"] for row in there if "not made" not in row}
        measure(given, nodes, [scenario for scenario in wanted if scenario.seed not in done])
        there = [json.loads(row) for row in results.read_text(encoding="utf-8").splitlines()]
    text = scoring.page(there)
    if given.write:
        (CHECKOUT / "docs" / "detection-blind.md").write_text(text, encoding="utf-8")
    print(text)
    if given.misses:
        print(scoring.misses(there))


def measure(given: argparse.Namespace, nodes: list[str], wanted: list[Scenario]) -> None:
    """Try the scenarios on one lab, and keep each as a line."""
    variables = environment(
        SWARMLAB_LAB=LAB, SWARMLAB_DRIVER=given.driver, SWARMLAB_NODES=str(given.nodes), SWARMLAB_SUBNET=SUBNET
    )
    lab = Lab(given.driver, nodes, variables, CHECKOUT / ".lab" / LAB, name=LAB)
    hands = Hands(lab)
    try:
        hands.begin()
        report = lab.verify(BARE)
        hands.before = known(report)
        if faults.loose(report) or {ident for ident, dummy in hands.before} - {"kernel-lacks"}:
            sys.exit(f"blind: the lab is not sound to begin with: {sorted(hands.before)} {faults.loose(report)}")
        given.results.parent.mkdir(parents=True, exist_ok=True)
        for scenario in wanted:
            why = hands.lacks(scenario)
            if why:
                print(f"{scenario.seed:5} not tried, {why}: {scenario.what}", flush=True)
                continue
            found = tried(hands, scenario)
            print(line(found), flush=True)
            with given.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            heal(hands, scenario, "not made" not in found)
    finally:
        if not given.keep:
            hands.unplug()
            play(variables, "playbooks/destroy.yml")


if __name__ == "__main__":
    main()
