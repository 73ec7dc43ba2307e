# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin a verification, and finish it: judge what the nodes told, write the report, print the summary. Controller only."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.action.verify_probe import phases_so_far
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._archive import archive
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import (
    _disruption,
    ipam_headroom,
    net_exists,
    pf_speed,
    pre_reach,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks._result import FAIL, INCONCLUSIVE, listed
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks.pre_port import GOSSIP
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import (
    build,
    compare,
    diagnostics,
    junit,
    page,
    text,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts, plans
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.model import Facts

DISPLAY = Display()
REPORT = "report.json"
PREVIOUS = "report.previous.json"
PAGE = "report.html"
JUNIT = "junit.xml"
ARCHIVE = ".tar.gz"
OWN_TAG = "verify"  # of all tasks of the role, beside the tags of the checks
RESTARTING = ("engine-restart", "reboot", "firewall-reload")  # the last where the engine has to write its rules again
REBOOTABLE = ("ssh", "paramiko", "paramiko_ssh", "libssh", "smart")
PARTITION_SECONDS = 20
REJOINING = 90  # seconds: gossip tries nodes that it gave up every 60 s, and exchanges whole tables every 30 s (libnetwork/networkdb)
EVERYTHING = {"all", "tagged", OWN_TAG}  # skipped, no task of the role is left
NO_CHECK = {"always", "never", "untagged"}  # chosen alone, they choose none of them
ANSIBLE_TAGS = {"all", "always", "never", "tagged", "untagged", OWN_TAG}


class ActionModule(ActionBase):
    """``tags`` refuses unknown tags; ``begin`` gives the settings of a run; ``late`` tells whether gossip is to be waited for; ``finish`` gives
    the report; ``disrupt`` gives the settings of the run that follows a disruption, ``recovered`` its outcome; ``conclude`` adds the outcomes
    to the report."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict[str, Any]:
        """Nothing here touches a node."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            argument_spec={
                "stage": {
                    "type": "str",
                    "required": True,
                    "choices": ["tags", "begin", "late", "finish", "disrupt", "recovered", "conclude"],
                },
                "networks": {"type": "list", "elements": "str", "default": ["*"]},
                "checks": {"type": "list", "elements": "str", "default": ["*"]},
                "services": {"type": "list", "elements": "str", "default": ["*"]},
                "nodes": {"type": "list", "elements": "str", "default": ["*"]},
                "image": {"type": "str", "default": ""},
                "timeout": {"type": "int", "default": 90},
                "convergence": {"type": "int", "default": 20},
                "performance": {"type": "bool", "default": False},
                "performance_seconds": {"type": "float", "default": 2.0},
                "disruptive": {
                    "type": "list",
                    "elements": "str",
                    "default": [],
                    "choices": [check.SWITCH for check in disruptions()],
                },
                "disruptive_node": {"type": "str", "default": ""},
                "disruptive_force": {"type": "bool", "default": False},
                "disruptive_timeout": {"type": "int", "default": 120},
                "settings": {"type": "dict"},
                "document": {"type": "dict"},
                "disruption": {"type": "str"},
                "outcomes": {"type": "list", "elements": "dict", "default": []},
                "directory": {"type": "path"},
                "fail": {"type": "bool", "default": True},
            }
        )
        if arguments["stage"] == "tags":
            know_tags(task_vars)
            return dict(result, changed=False)
        if arguments["stage"] == "begin":
            settings = begin(arguments, task_vars)
            forget_junit(arguments["directory"])
            return dict(result, changed=False, settings=settings)
        if not arguments["settings"]:
            raise AnsibleActionFail(
                f"verify_run: stage '{arguments['stage']}' needs the settings that stage 'begin' gave."
            )
        phases = phases_so_far(task_vars, arguments["settings"])
        gathered = facts.assemble(arguments["settings"]["hosts"], arguments["settings"], phases)
        if arguments["stage"] == "late":
            return dict(result, changed=False, late=plans.is_late(gathered))
        if arguments["stage"] == "disrupt":
            return dict(result, changed=False, settings=disrupt(arguments, task_vars, self._task.check_mode))
        if arguments["stage"] == "recovered":
            before = arguments["settings"]["disruption"]["before"]
            outcome = _disruption.outcome(gathered, before, judged(gathered))
            return dict(result, changed=False, outcomes=[*arguments["outcomes"], outcome])
        if arguments["stage"] == "conclude":
            return dict(result, **self._conclude(arguments, gathered, phases))
        return dict(result, **self._finish(arguments, gathered, phases, task_vars))

    def _finish(self, arguments: dict, gathered: Facts, phases: dict, task_vars: dict) -> dict[str, Any]:
        """Judge, report, and say which disruptions may begin."""
        settings = arguments["settings"]
        results = judged(gathered)
        wanted = [check for check in disruptions() if check.ID in settings["checks"]]
        green = build.summary(results, 0)["ok"]
        if wanted and not green and not settings["force"]:
            left_out = {check.SWITCH: {"skip": _disruption.NOT_GREEN} for check in wanted}
            gathered = replace(gathered, disruptions=left_out)
            results += [item for check in wanted for item in check.judge(gathered)]
            wanted = []
        causes = diagnose.diagnose(results, gathered)
        report = build.document(results, about(gathered, task_vars), time.time() - settings["began"], causes)
        # With disruptions to come, the last word is theirs.
        answer = publish(report, gathered, phases, arguments["directory"], arguments["fail"] and not wanted)
        answer["disrupt"] = [
            check.SWITCH for check in sorted(wanted, key=lambda check: settings["disruptive"].index(check.SWITCH))
        ]
        if wanted:
            answer["document"] = dict(report, began=settings["began"], victim=victim(gathered))
        return answer

    def _conclude(self, arguments: dict, gathered: Facts, phases: dict) -> dict[str, Any]:
        """The report again, with what the disruptions showed."""
        document = dict(arguments["document"])
        took = time.time() - document.pop("began")
        document.pop("victim")
        gathered = replace(gathered, disruptions={outcome["what"]: outcome for outcome in arguments["outcomes"]})
        results = document["checks"] + [item for check in disruptions() for item in check.judge(gathered)]
        report = build.document(results, document, took, document["causes"])
        return publish(report, gathered, phases, arguments["directory"], arguments["fail"])


def judged(gathered: Facts) -> list[dict]:
    """The results of all checks of the run; and what is bad of who answered and what there is, whatever was chosen: without it the others
    prove less than was asked for. So it is with networks that had no room for probes."""
    chosen, results = gathered.settings["checks"], []
    guards = (*text.GUARDS, *([ipam_headroom.ID] if gathered.made["crowded"] else []))
    for check in _checks.load():
        found = check.judge(gathered) if check.ID in chosen or check.ID in guards else []
        results += [item for item in found if check.ID in chosen or item["status"] in (FAIL, INCONCLUSIVE)]
    return results


def disruptions() -> list[ModuleType]:
    """The checks that disrupt a node."""
    return [check for check in _checks.load() if check.plan is _disruption.plan]


def publish(report: dict, gathered: Facts, phases: dict, directory: str | None, fail: bool) -> dict[str, Any]:
    """Write and print the report. Fails, if it is to, when it is not good; and in any case when nothing at all was proven."""
    paths = {}
    if directory:
        directory = os.path.abspath(directory)
        paths = write(report, directory)
        if not report["summary"]["ok"]:
            paths["diagnostics"] = write_diagnostics(report, gathered, phases, directory)
    for line in text.lines(report, paths):
        DISPLAY.display(line.text, color=line.colour)
    answer = dict(
        paths,
        changed=False,
        summary=report["summary"],
        causes=[{key: found[key] for key in ("id", "title", "nodes", "networks")} for found in report["causes"]],
    )
    if (fail or text.nothing(report)) and not report["summary"]["ok"]:
        answer.update(failed=True, msg=text.failure(report))
    return answer


def victim(gathered: Facts) -> dict[str, Any]:
    """The node to disrupt, and what is to be as before after it; or why there is none."""
    asked, nodes = gathered.settings["disruptive_node"], gathered.nodes
    host = asked or gathered.worker
    found: dict = {"node": host, "leader": gathered.leader, "skip": None, "locks": False}
    if not gathered.leader or not gathered.swarm:
        return dict(found, node_id=None, skip="no host of the play leads the swarm")
    if not host:
        return dict(
            found, node_id=None, skip="no worker is there to be disrupted; name a node with verify_disruptive_node"
        )
    if host not in nodes:
        return dict(found, node_id=None, skip=f"{host} did not answer before")
    if pre_reach.same_node(gathered):
        return dict(found, node_id=None, skip="hosts of the play are one node (see PRE-REACH)")
    managers = {
        int(node["manager_address"].rpartition(":")[2]) for node in gathered.swarm["nodes"] if node["manager_address"]
    }
    return dict(
        found,
        node_id=nodes[host]["id"],
        locks=nodes[host]["role"] == "manager" and gathered.swarm["autolock"],
        lacking=gathered.lacking,
        ports={"tcp": sorted({*managers, GOSSIP}), "udp": sorted({GOSSIP, gathered.swarm["data_port"]})},
        nodes={node["id"]: [node["state"], node["availability"]] for node in gathered.swarm["nodes"]},
    )


def disrupt(arguments: dict, task_vars: dict, check_mode: bool) -> dict[str, Any]:
    """The settings of the run that proves names and paths again after a disruption."""
    document, settings, what = arguments["document"], arguments["settings"], arguments["disruption"]
    given = document["victim"]
    variables = task_vars["hostvars"][given["node"]] if given["node"] else {}
    connection = str(variables.get("ansible_connection", "ssh")).rpartition(".")[2]
    skip = "in check mode no node is disrupted" if check_mode else given["skip"]
    if what in RESTARTING and given["locks"]:
        skip = skip or (
            f"the swarm locks managers that restart (autolock): {given['node']} would stay out of it until "
            "somebody unlocks it"
        )
    if what == plans.REBOOT and connection not in REBOOTABLE:
        skip = skip or f"{given['node']} is reached by connection {connection}, through which it cannot be rebooted"
    checks, _empty = _checks.select(_checks.load(), list(_disruption.PROOF))
    return dict(
        settings,
        **new_run(checks),
        checks=[check.ID for check in checks],
        performance=False,
        measuring=0,
        convergence=max(settings["convergence"], min(REJOINING, settings["disruptive_timeout"])),
        disruption=dict(
            given,
            what=what,
            skip=skip,
            before=[list(key) for key in _disruption.verdicts(document["checks"])],
            timeout=settings["disruptive_timeout"],
            seconds=PARTITION_SECONDS,
            restart=variables.get("verify_engine_restart") or "",
        ),
    )


def new_run(checks: list[ModuleType]) -> dict[str, Any]:
    """What belongs to one run alone."""
    needs = {need for check in checks for need in check.NEEDS}
    return {
        "run": f"{int(time.time()):x}{secrets.token_hex(2)}",
        "began": time.time(),
        "needs": sorted(needs | ({"twin"} if "probe" in needs else set())),
    }


def typed_tags(task_vars: dict) -> tuple[list[str], list[str]]:
    """What was typed behind ``--tags`` and ``--skip-tags``."""
    return list(task_vars.get("ansible_run_tags") or []), list(task_vars.get("ansible_skip_tags") or [])


def know_tags(task_vars: dict) -> None:
    """Refuse a tag that no check has, when nothing but the playbook ``verify`` was started: around it, tags may belong to others."""
    playbooks = [
        re.sub(r"\.ya?ml$", "", os.path.basename(name)).rpartition(".")[2] for name in context.CLIARGS.get("args") or []
    ]
    if set(playbooks) != {OWN_TAG}:
        return
    known = _checks.tags(_checks.load())
    only, without = (set(typed) for typed in typed_tags(task_vars))
    if without & EVERYTHING or (only and only <= NO_CHECK):
        raise AnsibleActionFail(
            f"--tags {listed(sorted(only)) or 'nothing'}, --skip-tags {listed(sorted(without)) or 'nothing'} "
            f"leave nothing of the verification. Tags: {', '.join(known)}."
        )
    unknown = sorted({tag for typed in typed_tags(task_vars) for tag in typed} - ANSIBLE_TAGS - set(known))
    if unknown:
        raise AnsibleActionFail(
            f"--tags: no check has the tag {', '.join(unknown)}. There are: {', '.join(known)}. Checks are chosen "
            "by id with verify_checks."
        )


def begin(arguments: dict, task_vars: dict) -> dict[str, Any]:
    """The settings that every later step of this run shares."""
    for name in ("timeout", "convergence", "disruptive_timeout"):
        if arguments[name] < 1:
            raise AnsibleActionFail(f"verify_{name} must be at least 1 second, not {arguments[name]}.")
    if not 0.1 <= arguments["performance_seconds"] <= 60:
        raise AnsibleActionFail(
            f"verify_performance_seconds must be between 0.1 and 60, not {arguments['performance_seconds']:g}."
        )
    if not arguments["networks"]:
        raise AnsibleActionFail(
            "verify_networks is empty, so there is nothing to verify. Name networks or patterns, or leave it at '*' for all."
        )
    checks = choose(arguments, task_vars)
    hosts = list(task_vars["ansible_play_hosts_all"])
    if not hosts:
        raise AnsibleActionFail("No host is in this play, so there is nothing to verify.")
    strangers = [pattern for pattern in arguments["nodes"] if not fnmatch.filter(hosts, pattern)]
    if strangers:
        raise AnsibleActionFail(
            f"verify_nodes: no host of this play is called {', '.join(strangers)}. There are: {', '.join(hosts)}."
        )
    if arguments["disruptive_node"] and arguments["disruptive_node"] not in hosts:
        raise AnsibleActionFail(
            f"verify_disruptive_node: no host of this play is called {arguments['disruptive_node']}. There are: {', '.join(hosts)}."
        )
    measures = any(hasattr(check, "measurements") for check in checks)
    return {
        **new_run(checks),
        "hosts": hosts,
        "checks": [module.ID for module in checks],
        "networks": arguments["networks"],
        "declared": list(declared(task_vars, hosts)),
        "declared_as": declared(task_vars, hosts),
        "services": arguments["services"],
        "nodes": arguments["nodes"],
        "image": arguments["image"],
        "timeout": arguments["timeout"],
        "convergence": arguments["convergence"],
        "once": 3.0,
        "performance": measures,
        "measure_seconds": arguments["performance_seconds"],
        "disruptive": list(dict.fromkeys(arguments["disruptive"])),
        "disruptive_node": arguments["disruptive_node"],
        "disruptive_timeout": arguments["disruptive_timeout"],
        "force": arguments["disruptive_force"],
        "measuring": pf_speed.longest(len(hosts), arguments["performance_seconds"]) if measures else 0,
        "forks": int(task_vars.get("ansible_forks") or 1),
    }


def declared(task_vars: dict, hosts: list[str]) -> dict[str, dict[str, bool]]:
    """The networks that the inventory declares for role overlays and wants to be there: name -> what can be compared with the swarm's."""
    found: dict[str, dict[str, bool]] = {}
    for host in hosts:
        for entry in task_vars["hostvars"][host].get("overlays_networks") or []:
            if (
                isinstance(entry, dict)
                and isinstance(entry.get("name"), str)
                and entry.get("state", "present") == "present"
            ):
                found[entry["name"]] = {
                    key: boolean(entry.get(key, False), strict=False) for key in net_exists.COMPARED
                }
    return found


def choose(arguments: dict, task_vars: dict) -> list[ModuleType]:
    """The checks to run, by the variables of the role and by Ansible's own tags."""
    available = _checks.load()
    checks, unknown = _checks.select(available, arguments["checks"])
    on = {*arguments["disruptive"], *(["performance"] if arguments["performance"] else [])}
    off = [module for module in checks if hasattr(module, "SWITCH") and module.SWITCH not in on]
    checks = [module for module in checks if module not in off]
    if off and not checks:
        raise AnsibleActionFail(
            f"{listed(module.ID for module in off)}: switched on by verify_performance: true, or by "
            f"verify_disruptive with {listed(check.SWITCH for check in disruptions())}."
        )
    if unknown or not checks:
        raise AnsibleActionFail(
            f"verify_checks: no check is called {', '.join(unknown) or 'nothing'}. There are: "
            f"{', '.join(module.ID for module in available)}. Tags: {', '.join(_checks.tags(available))}."
        )
    only, without = typed_tags(task_vars)
    left = _checks.tagged(checks, only, without, _checks.tags(available))
    if not left:
        raise AnsibleActionFail(
            f"No check is left: verify_checks chooses {listed(arguments['checks'])}, --tags "
            f"{listed(only) or 'nothing'}, --skip-tags {listed(without) or 'nothing'}. Tags: "
            f"{', '.join(_checks.tags(available))}."
        )
    if any(check in left for check in disruptions()):
        # Without the same proof before it nobody could say what a disruption broke.
        left = [module for module in available if module in left or module.ID in _disruption.PROOF]
    return left


def about(gathered: Facts, task_vars: dict) -> dict[str, Any]:
    """What the report says of the swarm itself."""
    swarm = gathered.swarm or {}
    return {
        "run": gathered.run,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(gathered.settings["began"])),
        "collection": "swarmlab.overlay",
        "lab": task_vars.get("lab_name"),
        "swarm": swarm.get("id"),
        "nodes": [_node(gathered, host) for host in gathered.hosts],
        "networks": [_network(gathered, network) for network in gathered.networks],
    }


def _network(gathered: Facts, network: dict) -> dict[str, Any]:
    told = {key: network[key] for key in ("id", "name", "encrypted", "attachable", "internal", "vni", "subnets")}
    probes = {
        host: addresses[network["id"]] for host, addresses in gathered.probes.items() if network["id"] in addresses
    }
    return dict(told, probes=probes)


def _node(gathered: Facts, host: str) -> dict[str, Any]:
    node, problem = gathered.nodes.get(host, {}), gathered.problems.get(host)
    kernel = gathered.opened.get(host, {}).get("kernel") or {}
    return {
        "name": host,
        "id": node.get("id"),
        "role": node.get("role"),
        "address": node.get("address"),
        "engine": node.get("engine"),
        "kernel": kernel.get("release"),
        "problem": problem.text if problem else None,
        "reason": problem.reason if problem else None,
    }


def write(report: dict, directory: str) -> dict[str, str]:
    """Write the report in all its forms, and keep the one before it. Readable for the owner alone, never half."""
    paths = {
        name: os.path.join(directory, file) for name, file in (("report", REPORT), ("page", PAGE), ("junit", JUNIT))
    }
    kept = os.path.join(directory, PREVIOUS)
    before = (kept,) if same_run(paths["report"], report) else (paths["report"], kept)
    comparison = compare.compare(earlier(before), report)
    contents = {
        "report": json.dumps(report, indent=1) + "\n",
        "page": page.render(report, comparison),
        "junit": junit.render(report),
    }
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if os.path.exists(paths["report"]) and not same_run(paths["report"], report):
            os.replace(paths["report"], kept)
        for name, path in paths.items():
            _save(path, contents[name])
    except OSError as error:
        raise AnsibleActionFail(f"verify_directory: cannot write {error.filename}: {error.strerror}.") from error
    return paths


def same_run(path: str, report: dict) -> bool:
    """Whether the report that is there is this run's own, from before the disruptions: that is not the one to compare with."""
    there = earlier([path])
    return isinstance(there, dict) and there.get("run") == report["run"]


def write_diagnostics(report: dict, gathered: Facts, phases: dict, directory: str) -> str:
    """One archive with all that a colleague needs to see what was wrong, nothing secret in it. The newest few are kept."""
    moment = int(time.time())
    name = time.strftime("diagnostics-%Y%m%dT%H%M%SZ", time.gmtime(moment))
    path = os.path.join(directory, name + ARCHIVE)
    try:
        _save(path, archive(diagnostics.files(report, gathered, phases), name, moment))
        for old in diagnostics.superfluous(os.listdir(directory), ARCHIVE):
            os.unlink(os.path.join(directory, old))
    except OSError as error:
        raise AnsibleActionFail(f"verify_directory: cannot write {error.filename}: {error.strerror}.") from error
    return path


def _save(path: str, content: str | bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(content.encode("utf-8") if isinstance(content, str) else content)
    os.replace(temporary, path)


def earlier(paths: Iterable[str]) -> Any:
    """The newest earlier report: None when there is none, a text when it is no JSON."""
    for path in paths:
        try:
            with open(path, encoding="utf-8") as handle:
                return json.load(handle)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            return str(error)
    return None


def forget_junit(directory: str | None) -> None:
    """No results of an earlier run may pass for this one's, should it be interrupted: CI systems take what they find."""
    try:
        if directory:
            os.unlink(os.path.join(directory, JUNIT))
    except FileNotFoundError:
        return
    except OSError as error:
        raise AnsibleActionFail(f"verify_directory: cannot write {error.filename}: {error.strerror}.") from error
