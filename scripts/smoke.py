# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the ansible-core at hand take this collection? Nothing of it is run, nothing is changed.

Playbooks are parsed, documentation is shown, and each module that runs on nodes is sent, by Ansible's own way, to the Pythons
that are named: as far as its judgement on arguments that it must refuse. A deprecation of ours that is warned of is a failure.

Usage: python scripts/smoke.py                          all of it, modules to the Python that this runs in
       python scripts/smoke.py --sent PYTHON [...]      only modules, to these Pythons (paths)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
COLLECTION = "swarmlab.overlay"
REFUSALS = ("missing required arguments", "of the following", "Unsupported parameters")
DEPRECATION = "[DEPRECATION WARNING]"


def ansible(*argv: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "ANSIBLE_DEPRECATION_WARNINGS": "True",
        "ANSIBLE_FORCE_COLOR": "0",
        "COLUMNS": "500",
        **settings,
    }
    return subprocess.run(argv, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=600, check=False)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Why a call was not clean, else nothing."""
    if done.returncode:
        return (done.stderr or done.stdout).strip()[-1000:] or f"exit code {done.returncode}"
    warned = [line for line in (done.stdout + done.stderr).splitlines() if DEPRECATION in line]
    return warned[0] if warned else ""


def playbooks() -> dict[str, str]:
    """{what was looked at: why it is not clean}"""
    paths = ["site.yml", *sorted(f"playbooks/{path.name}" for path in (CHECKOUT / "playbooks").glob("*.yml"))]
    return {path: complaint(ansible("ansible-playbook", "--syntax-check", path)) for path in paths}


def modules() -> list[str]:
    return sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))


def documentation() -> dict[str, str]:
    told = {}
    roles = sorted(
        path.name for path in (CHECKOUT / "roles").iterdir() if (path / "meta" / "argument_specs.yml").exists()
    )
    inventories = sorted(path.stem for path in (CHECKOUT / "plugins" / "inventory").glob("*.py"))
    for kind, names in (("module", modules()), ("role", roles), ("inventory", inventories)):
        wanted = [f"{COLLECTION}.{name}" for name in names]
        done = ansible("ansible-doc", "--json", "-t", kind, *wanted)
        shown = json.loads(done.stdout) if not done.returncode else {}
        for name in wanted:
            told[f"documentation of {kind} {name}"] = complaint(done) or ("" if name in shown else "not shown")
    return told


def sent_modules() -> list[str]:
    """Modules that have code; of others all is in an action plugin."""
    return [
        name
        for name in modules()
        if "__main__" in (CHECKOUT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8")
    ]


def without_actions(root: Path) -> None:
    """The collection without its action plugins, so that modules are sent as they are."""
    overlay = root / "ansible_collections" / "swarmlab" / "overlay"
    (overlay / "plugins").mkdir(parents=True)
    (overlay / "meta").symlink_to(CHECKOUT / "meta")
    (overlay / "galaxy.yml").symlink_to(CHECKOUT / "galaxy.yml")
    for name in ("modules", "module_utils", "doc_fragments"):
        (overlay / "plugins" / name).symlink_to(CHECKOUT / "plugins" / name)


def started(pythons: list[str]) -> dict[str, str]:
    """Each module, sent to each Python."""
    names = sent_modules()
    tasks = [
        {
            "name": name,
            f"{COLLECTION}.{name}": {"no_option_has_this_name": True},
            "register": "told",
            "failed_when": False,
        }
        for name in names
    ]
    inventory = {
        "all": {
            "hosts": {
                python: {"ansible_connection": "local", "ansible_python_interpreter": python} for python in pythons
            }
        }
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        without_actions(root)
        (root / "play.json").write_text(
            json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8"
        )
        (root / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
        done = ansible(
            "ansible-playbook", "-i", str(root / "hosts.json"), str(root / "play.json"),
            ANSIBLE_COLLECTIONS_PATH=folder, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", ANSIBLE_JSON_INDENT="0", ANSIBLE_FORKS="2",
        )  # fmt: skip
    problem = complaint(done)
    results = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"] if "{" in done.stdout else []
    said = {(task["task"]["name"], python): result for task in results for python, result in task["hosts"].items()}
    told = {}
    for name in names:
        for python in pythons:
            message = str(said.get((name, python), {}).get("msg", problem or "it was not run"))
            told[f"{name} on {python}"] = problem or (
                "" if any(word in message for word in REFUSALS) else message[-1000:]
            )
    return told


def main(argv: list[str]) -> int:
    told = (
        started(argv[1:]) if argv[:1] == ["--sent"] else {**playbooks(), **documentation(), **started([sys.executable])}
    )
    bad = {what: why for what, why in told.items() if why}
    for what, why in bad.items():
        print(f"{what}: {why}")
    print(f"{len(told) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad or not told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
