# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which faults the diagnosis finds: each is given to a lab for real, and the report is held against what is true.

Usage: make detection                 with ARGS="--only data-port-in killed" --driver vm --nodes 3 --write

Makes a lab, and for each fault: injects it, verifies, compares, mends, and verifies again that the swarm is as it was. Prints a table;
--write keeps it in docs/detection.md, where the rows of faults that this run did not try stay as they are: container nodes and machines
each add what they can have. Faults that this lab or its kernel cannot have are listed as not tried, with the reason.

With ARGS="--healthy 20" no fault is made: a sound swarm is verified so often in a row, in turns as in HEALTHY below, and whatever is
not green is a false alarm.

With ARGS="--record tests/unit/recorded" what the nodes told is kept there, of the sound swarm and of each fault: the tests judge it again.

With ARGS="--suites bookworm,trixie,forky" the nodes are of these Debian suites in turn, so that engines of several years are in one swarm.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from runs import BIN, CHECKOUT, environment, play

sys.path.insert(0, str(CHECKOUT / "tests" / "integration"))
faults = importlib.import_module("faults")

CALLBACKS = CHECKOUT / "tests" / "integration" / "callbacks"
LAB = "detection"
SUBNET = "10.85.0.0/24"
HEADINGS = ("detected", "right cause", "right nodes", "no other node", "healthy after")


@dataclass
class Lab:
    """A lab to break. On machines a shell is ssh, on container nodes the engine's exec."""

    driver: str
    nodes: list[str]
    variables: dict[str, str]
    folder: Path
    image: str = "localhost/swarmlab/busybox:local"
    kernel: set[str] = field(default_factory=set)
    suites: list[str] = field(default_factory=list)
    record: Path | None = None
    name: str = LAB

    @property
    def sort(self) -> str:
        """What kind of lab this is."""
        return f"{self.driver} of {', '.join(self.suites)}" if self.suites else self.driver

    def shell(self, host: str, command: str) -> str:
        argv = ["docker", "exec", f"swarmlab-{self.name}-{host}", "sh", "-c", command]
        if self.driver == "vm":
            argv = ["ssh", "-F", str(self.folder / "ssh_config"), host, command]
        done = subprocess.run(argv, env=self.variables, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise AssertionError(f"{host}: {command}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def fault(self, **arguments) -> object:
        given = json.dumps({"name": self.name, "directory": str(self.folder), **arguments})
        argv = [str(BIN / "ansible"), "localhost", "-m", "swarmlab.overlay.lab_fault", "-a", given]
        done = subprocess.run(argv, cwd=CHECKOUT, env=self.variables, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout

    def recorded(self, name: str) -> dict[str, str]:
        """Environment that lets a verification keep what it was judged by under this name."""
        if not self.record or not name:
            return {}
        self.record.mkdir(parents=True, exist_ok=True)
        path = self.record.resolve() / f"{name}.json.gz"
        return {"ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS), "SWARMLAB_TEST_RECORDING": str(path)}

    def verify(self, variables: dict, name: str = "", limit: int = 1800) -> dict:
        """The report of a verification, which is recorded under its name, if it has one and there is a folder for it.

        One that takes more than ``limit`` seconds is ended, with all its processes, and leaves none.
        """
        with tempfile.TemporaryDirectory() as folder:
            given = json.dumps({**variables, "verify_fail": False, "verify_directory": folder})
            done = subprocess.run(
                ["timeout", "-k", "10", str(limit), str(BIN / "ansible-playbook"), "playbooks/verify.yml", "-e", given],
                cwd=CHECKOUT,
                env={**self.variables, **self.recorded(name)},
                capture_output=True,
                text=True,
                check=False,
            )
            path = Path(folder) / "report.json"
            if not path.exists():
                late = f"no report within {limit} s\n" if done.returncode in (124, 137) else ""
                raise AssertionError(late + done.stdout[-4000:] + done.stderr[-2000:])
            return json.loads(path.read_text(encoding="utf-8"))


def why_not(fault, lab: Lab) -> str | None:
    """Why this lab cannot have a fault."""
    lacking = [need for need in fault.needs if need != "vm" and need not in lab.kernel]
    if "vm" in fault.needs and lab.driver != "vm":
        return "needs a machine of its own: run with --driver vm"
    if lacking:
        return f"the kernel lacks {', '.join(lacking)}"
    return f"needs {fault.smallest} nodes" if len(lab.nodes) < fault.smallest else None


def known(report: dict) -> set:
    """What is wrong without any fault: a kernel may lack something."""
    return {(cause["id"], tuple(cause["nodes"])) for cause in report["causes"]}


def tried(fault, lab: Lab, before: set) -> dict:
    """One fault, from injection to the all-clear. ``before`` is what is wrong without it."""
    fault.make(lab)
    try:
        began = time.monotonic()
        report = lab.verify(fault.variables, fault.name)
        seconds = time.monotonic() - began
    finally:
        fault.mend(lab)
    found = faults.judged(fault, report, before)
    faults.until("the lab did not heal", lambda: faults.whole(lab))
    # What a long fault did to gossip may take a while to heal; names that then stay wrong are no part of the fault.
    after = lab.verify({**fault.variables, "verify_convergence_timeout": 60, **fault.after})
    found["healthy after"] = not faults.fresh(after, before) and not faults.loose(after)
    said = "; ".join(cause["title"] for cause in faults.fresh(report, before)) or "no single cause found"
    return {**found, "seconds": seconds, "said": said, "report": report}


def row(fault, result: dict | str, lab: Lab) -> str:
    where = "; ".join(", ".join(nodes) for nodes in (fault.nodes, *(nodes for dummy, nodes in fault.also))) or "no node"
    if isinstance(result, str):
        return (
            f"| {fault.name} | {fault.what} | {where} | not tried: {result} |"
            + " |" * len(HEADINGS)
            + f" {lab.driver} |"
        )
    marks = ["yes" if result[heading] else "**no**" for heading in HEADINGS]
    return (
        f"| {fault.name} | {fault.what} | {where} | {result['said']} | "
        + " | ".join(marks)
        + f" | {lab.sort}, {len(lab.nodes)} nodes |"
    )


SCALED = f"docker service update -q -d --force --label-add again=$(date +%s) {faults.WEB}"
BUSY = "nohup timeout 40 sh -c 'while :; do :; done' >/dev/null 2>&1 &"
EXTRA = f"docker service create -q -d --no-resolve-image --name faults-extra --network {faults.PLAIN} --replicas {{}} {{}} sleep 1d"


def scaled(lab: Lab) -> None:
    """A service of many tasks comes, and none of them is waited for."""
    lab.shell("vm1", EXTRA.format(4 * len(lab.nodes), lab.image))


def thawed(lab: Lab) -> None:
    """The whole lab as it was saved a moment ago."""
    for state in ("present", "restored"):
        play(
            lab.variables,
            "playbooks/snapshot.yml",
            "-e",
            json.dumps({"lab_snapshot": "healthy", "lab_snapshot_state": state, "lab_snapshot_replace": True}),
        )


# What happens right before a verification of a sound swarm, and what takes it back.
HEALTHY = {
    "at rest": (lambda lab: None, lambda lab: None),
    "right after a service of many tasks was made": (
        scaled,
        lambda lab: lab.shell("vm1", "docker service rm faults-extra"),
    ),
    "while every task of a service is replaced": (lambda lab: lab.shell("vm1", SCALED), lambda lab: None),
    "right after a service of many tasks was removed": (
        lambda lab: (scaled(lab), time.sleep(5), lab.shell("vm1", "docker service rm faults-extra")),
        lambda lab: None,
    ),
    "with a busy loop on every node": (
        lambda lab: [lab.shell(host, BUSY) for host in lab.nodes],
        lambda lab: time.sleep(20),
    ),
    "right after the lab was restored": (thawed, lambda lab: None),
}


def healthy_row(condition: str, runs: list[dict], lab: Lab, before: set) -> str:
    """One line: how many of the runs were green, and how long they took."""
    green = [report for report in runs if not faults.fresh(report, before) and not faults.loose(report)]
    seconds = [report["summary"]["seconds"] for report in runs]
    return (
        f"| healthy, {condition} ({lab.sort}) | {len(green)} of {len(runs)} | {min(seconds):.0f}-{max(seconds):.0f} |"
        f" {lab.sort}, {len(lab.nodes)} nodes |"
    )


def alarms(lab: Lab, times: int, before: set, save: Path | None) -> dict[str, str]:
    """The rows about a sound swarm. A lab of containers cannot be saved."""
    usable = [name for name in HEALTHY if name != "right after the lab was restored" or lab.driver == "vm"]
    runs: dict[str, list[dict]] = {}
    for number, condition in enumerate(itertools.islice(itertools.cycle(usable), times)):
        make, undo = HEALTHY[condition]
        make(lab)
        try:
            report = lab.verify({"verify_networks": [faults.PLAIN, faults.OTHER]})
        finally:
            undo(lab)
        runs.setdefault(condition, []).append(report)
        wrong = [row["id"] for row in faults.loose(report)] + [cause["title"] for cause in faults.fresh(report, before)]
        print(
            f"{number + 1:3} {condition}: {'; '.join(wrong) or 'green'} ({report['summary']['seconds']:.0f} s)",
            flush=True,
        )
        kept(save, f"healthy-{number + 1}", report)
    return {
        f"healthy, {condition} ({lab.sort})": healthy_row(condition, found, lab, before)
        for condition, found in runs.items()
    }


def kept(folder: Path | None, name: str, report: dict) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")


PAGE = """\
<!-- SPDX-FileCopyrightText: 2026 swarmlab contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What the diagnosis finds

Measured by `make detection`. Each fault was made on a running swarm. The swarm was verified, and the report was compared with the fault. Then the fault
was undone, and the swarm was verified again. "No other node" means that no cause and no result without a cause names a node that is sound. Troubles that
the test machine has without any fault are left out, such as a kernel without ip_vs. Faults and what is expected of each: `tests/integration/faults.py`.
What each cause means: [diagnosis.md](diagnosis.md).

| fault | what was done | where | what the report says | {headings} | lab |
|---|---|---|---|{rule}---|
{table}

{sum}

## A sound swarm

Measured by `make detection ARGS="--healthy 20"`: the same swarm without a fault, verified many times in a row. Whatever is not green is a
false alarm.

| condition | green | seconds | lab |
|---|---|---|---|
{sound}
"""


def told(text: str) -> dict[str, str]:
    """The rows of the page, by fault."""
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| fault ", "| condition "))
    ]
    return {line.split(" | ")[0].removeprefix("| "): line for line in rows}


def counted(rows: dict[str, str]) -> tuple[list[str], str]:
    """The rows of faults in the order of their table, and their sum in words."""
    lines = [rows[fault.name] for fault in faults.FAULTS if fault.name in rows]
    tried_rows = [line for line in lines if "| not tried: " not in line]
    full = [line for line in tried_rows if line.count("| yes ") == len(HEADINGS)]
    return lines, f"{len(full)} of {len(tried_rows)} faults found in full; {len(lines) - len(tried_rows)} not tried."


def page(rows: dict[str, str]) -> str:
    """The page with these rows."""
    lines, text = counted(rows)
    sound = "\n".join(line for name, line in sorted(rows.items()) if name.startswith("healthy"))
    return PAGE.format(
        headings=" | ".join(HEADINGS), rule="---|" * len(HEADINGS), table="\n".join(lines), sum=text, sound=sound
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--driver", choices=["vm", "container"], default="container")
    options.add_argument("--nodes", type=int, default=4)
    options.add_argument("--suites", metavar="SUITE,...", type=lambda text: text.split(","), default=[])
    options.add_argument(
        "--healthy", type=int, metavar="TIMES", help="verify the sound swarm so often, and make no fault"
    )
    options.add_argument("--only", nargs="+", metavar="FAULT")
    options.add_argument("--keep", action="store_true", help="leave the lab, for another run")
    options.add_argument("--save", type=Path, metavar="FOLDER", help="keep every report there")
    options.add_argument("--record", type=Path, metavar="FOLDER", help="keep what the nodes told there")
    options.add_argument("--write", action="store_true", help="keep the table in docs/detection.md")
    given = options.parse_args()
    unknown = set(given.only or ()) - {fault.name for fault in faults.FAULTS}
    if unknown:
        sys.exit(f"detection: no such fault: {', '.join(sorted(unknown))}")
    nodes = [f"vm{number}" for number in range(1, given.nodes + 1)]
    settings = {node: {"suite": suite} for node, suite in zip(nodes, itertools.cycle(given.suites))}
    variables = environment(
        SWARMLAB_LAB=LAB, SWARMLAB_DRIVER=given.driver, SWARMLAB_NODES=str(given.nodes), SWARMLAB_SUBNET=SUBNET,
        SWARMLAB_NODE_SETTINGS=json.dumps(settings),
    )  # fmt: skip
    lab = Lab(given.driver, nodes, variables, CHECKOUT / ".lab" / LAB, suites=given.suites, record=given.record)
    document = CHECKOUT / "docs" / "detection.md"
    rows = told(document.read_text(encoding="utf-8")) if document.exists() else {}
    try:
        play(variables, "playbooks/lab.yml")
        play(variables, "playbooks/swarm.yml")
        lab.kernel = kernel(lab)
        faults.clear(lab)
        faults.furnish(lab, "esp4" in lab.kernel, "ip_vs" in lab.kernel)
        before = healthy(lab)
        if given.record and not given.only:
            lab.verify({"verify_networks": [faults.PLAIN, faults.OTHER]}, "healthy")
        if given.healthy:
            rows.update(alarms(lab, given.healthy, before, given.save))
            if given.write:
                document.write_text(page(rows), encoding="utf-8")
            return
        for fault in faults.FAULTS:
            if given.only and fault.name not in given.only:
                continue
            result = why_not(fault, lab) or tried(fault, lab, before)
            if isinstance(result, str) and "not tried" not in rows.get(fault.name, "not tried"):
                continue  # another lab could
            rows[fault.name] = row(fault, result, lab)
            seconds = f"  ({result['seconds']:.0f} s)" if isinstance(result, dict) else ""
            print(rows[fault.name] + seconds, flush=True)
            if isinstance(result, dict):
                kept(given.save, fault.name, result["report"])
            if given.write:
                document.write_text(page(rows), encoding="utf-8")
    finally:
        if not given.keep:
            play(variables, "playbooks/destroy.yml")
    print(counted(rows)[1])


def healthy(lab: Lab) -> set:
    """The causes on a lab without faults, and into the lab what its kernels have. Only a kernel may lack something."""
    sorts = [faults.PLAIN, faults.OTHER]
    report = lab.verify({"verify_networks": sorts, "verify_checks": ["PRE-*", "CP-*", "DP-MATRIX", "SD-*"]})
    before = known(report)
    if faults.loose(report) or {ident for ident, _nodes in before} - {"kernel-lacks"}:
        sys.exit(f"detection: the lab is not healthy to begin with: {sorted(before)} {faults.loose(report)}")
    return before


def kernel(lab: Lab) -> set[str]:
    """The modules that the kernel of every node has, of those that faults ask for: made or loaded, or not."""
    wanted = {
        "esp4": (
            "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x7f01 mode transport aead "
            f"'rfc4106(gcm(aes))' 0x{'00' * 20} 64 && ip xfrm state delete src 192.0.2.1 dst 192.0.2.2 proto esp "
            "spi 0x7f01"
        ),
        "ip_vs": "modprobe -q ip_vs || test -e /proc/net/ip_vs",
    }
    return {
        name
        for name, command in wanted.items()
        if all(
            lab.shell(host, f"{{ {command}; }} >/dev/null 2>&1 && echo yes || echo no") == "yes" for host in lab.nodes
        )
    }


if __name__ == "__main__":
    main()
