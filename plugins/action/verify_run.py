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
from types import ModuleType
from typing import Any, Iterable

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.action.verify_probe import phases_so_far
from ansible_collections.swarmlab.overlay.plugins.module_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.module_utils._archive import archive
from ansible_collections.swarmlab.overlay.plugins.module_utils._checks._result import listed
from ansible_collections.swarmlab.overlay.plugins.module_utils._diagnosis import diagnose
from ansible_collections.swarmlab.overlay.plugins.module_utils._report import build, compare, diagnostics, junit, page, text
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import facts

DISPLAY = Display()
REPORT = "report.json"
PREVIOUS = "report.previous.json"
PAGE = "report.html"
JUNIT = "junit.xml"
ARCHIVE = ".tar.gz"
OWN_TAG = "verify"  # of all tasks of the role, beside the tags of the checks
ANSIBLE_TAGS = {"all", "always", "never", "tagged", "untagged", OWN_TAG}


class ActionModule(ActionBase):
    """``stage: tags`` refuses unknown tags; ``stage: begin`` gives the settings of a new run; ``stage: finish`` its report."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict[str, Any]:
        """Nothing here touches a node."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec={
            "stage": {"type": "str", "required": True, "choices": ["tags", "begin", "finish"]},
            "networks": {"type": "list", "elements": "str", "default": ["*"]},
            "checks": {"type": "list", "elements": "str", "default": ["*"]},
            "services": {"type": "list", "elements": "str", "default": ["*"]},
            "nodes": {"type": "list", "elements": "str", "default": ["*"]},
            "image": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 90},
            "convergence": {"type": "int", "default": 20},
            "settings": {"type": "dict"},
            "directory": {"type": "path"},
            "fail": {"type": "bool", "default": True},
        })
        if arguments["stage"] == "tags":
            know_tags(task_vars)
            return dict(result, changed=False)
        if arguments["stage"] == "begin":
            settings = begin(arguments, task_vars)
            forget_junit(arguments["directory"])
            return dict(result, changed=False, settings=settings)
        return dict(result, **self._finish(arguments, task_vars))

    def _finish(self, arguments: dict, task_vars: dict) -> dict[str, Any]:
        settings = arguments["settings"]
        if not settings:
            raise AnsibleActionFail("verify_run: stage 'finish' needs the settings that stage 'begin' gave.")
        hosts = settings["hosts"]
        phases = phases_so_far(task_vars, hosts)
        gathered = facts.assemble(hosts, settings, phases)
        checks, _empty = _checks.select(_checks.load(), settings["checks"])
        results = [item for check in checks for item in check.judge(gathered)]
        causes = diagnose.diagnose(results, gathered)
        report = build.document(results, about(gathered, task_vars), time.time() - settings["began"], causes)
        paths = {}
        if arguments["directory"]:
            directory = os.path.abspath(arguments["directory"])
            paths = write(report, directory)
            if not report["summary"]["ok"]:
                paths["diagnostics"] = write_diagnostics(report, gathered, phases, directory)
        for line in text.lines(report, paths):
            DISPLAY.display(line.text, color=line.colour)
        answer = dict(paths, changed=False, summary=report["summary"], causes=[
            {key: found[key] for key in ("id", "title", "nodes", "networks")} for found in causes])
        if arguments["fail"] and not report["summary"]["ok"]:
            answer.update(failed=True, msg=text.failure(report))
        return answer


def typed_tags(task_vars: dict) -> tuple[list[str], list[str]]:
    """What was typed behind ``--tags`` and ``--skip-tags``."""
    return list(task_vars.get("ansible_run_tags") or []), list(task_vars.get("ansible_skip_tags") or [])


def know_tags(task_vars: dict) -> None:
    """Refuse a tag that no check has, when nothing but the playbook ``verify`` was started: around it, tags may belong to others."""
    playbooks = [re.sub(r"\.ya?ml$", "", os.path.basename(name)).rpartition(".")[2] for name in context.CLIARGS.get("args") or []]
    if set(playbooks) != {OWN_TAG}:
        return
    known = _checks.tags(_checks.load())
    unknown = sorted({tag for typed in typed_tags(task_vars) for tag in typed} - ANSIBLE_TAGS - set(known))
    if unknown:
        raise AnsibleActionFail("--tags: no check has the tag %s. There are: %s. Checks are chosen by id with verify_checks." % (
            ", ".join(unknown), ", ".join(known)))


def begin(arguments: dict, task_vars: dict) -> dict[str, Any]:
    """The settings that every later step of this run shares."""
    for name in ("timeout", "convergence"):
        if arguments[name] < 1:
            raise AnsibleActionFail("verify_%s must be at least 1 second, not %d." % (name, arguments[name]))
    checks = choose(arguments, task_vars)
    hosts = list(task_vars["ansible_play_hosts_all"])
    strangers = [pattern for pattern in arguments["nodes"] if not fnmatch.filter(hosts, pattern)]
    if strangers:
        raise AnsibleActionFail("verify_nodes: no host of this play is called %s. There are: %s." % (
            ", ".join(strangers), ", ".join(hosts)))
    needs = {need for check in checks for need in check.NEEDS}
    return {
        "run": "%x%s" % (int(time.time()), secrets.token_hex(2)),
        "began": time.time(),
        "hosts": hosts,
        "addresses": {host: task_vars["hostvars"][host].get("swarm_advertise_addr") for host in hosts},
        "checks": [module.ID for module in checks],
        "networks": arguments["networks"],
        "services": arguments["services"],
        "nodes": arguments["nodes"],
        "needs": sorted(needs | ({"twin"} if "probe" in needs else set())),
        "image": arguments["image"],
        "timeout": arguments["timeout"],
        "convergence": arguments["convergence"],
        "once": 3.0,
        "forks": int(task_vars.get("ansible_forks") or 1),
    }


def choose(arguments: dict, task_vars: dict) -> list[ModuleType]:
    """The checks to run, by the variables of the role and by Ansible's own tags."""
    available = _checks.load()
    checks, unknown = _checks.select(available, arguments["checks"])
    if unknown or not checks:
        raise AnsibleActionFail("verify_checks: no check is called %s. There are: %s. Tags: %s." % (
            ", ".join(unknown) or "nothing", ", ".join(module.ID for module in available), ", ".join(_checks.tags(available))))
    only, without = typed_tags(task_vars)
    left = _checks.tagged(checks, only, without, _checks.tags(available))
    if not left:
        raise AnsibleActionFail("No check is left: verify_checks chooses %s, --tags %s, --skip-tags %s. Tags: %s." % (
            listed(arguments["checks"]), listed(only) or "nothing", listed(without) or "nothing", ", ".join(_checks.tags(available))))
    return left


def about(gathered: dict, task_vars: dict) -> dict[str, Any]:
    """What the report says of the swarm itself."""
    swarm = gathered["swarm"] or {}
    return {
        "run": gathered["run"],
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(gathered["settings"]["began"])),
        "collection": "swarmlab.overlay",
        "lab": task_vars.get("lab_name"),
        "swarm": swarm.get("id"),
        "nodes": [_node(gathered, host) for host in gathered["hosts"]],
        "networks": [_network(gathered, network) for network in gathered["networks"]],
    }


def _network(gathered: dict, network: dict) -> dict[str, Any]:
    told = {key: network[key] for key in ("id", "name", "encrypted", "attachable", "internal", "vni", "subnets")}
    probes = {host: addresses[network["id"]] for host, addresses in gathered["probes"].items() if network["id"] in addresses}
    return dict(told, probes=probes)


def _node(gathered: dict, host: str) -> dict[str, Any]:
    node = gathered["nodes"].get(host, {})
    kernel = gathered["opened"].get(host, {}).get("kernel") or {}
    return {
        "name": host, "id": node.get("id"), "role": node.get("role"), "address": node.get("address"),
        "engine": node.get("engine"), "kernel": kernel.get("release"), "problem": gathered["problems"].get(host),
    }


def write(report: dict, directory: str) -> dict[str, str]:
    """Write the report in all its forms, and keep the one before it. Readable for the owner alone, never half."""
    paths = {name: os.path.join(directory, file) for name, file in (("report", REPORT), ("page", PAGE), ("junit", JUNIT))}
    kept = os.path.join(directory, PREVIOUS)
    comparison = compare.compare(earlier((paths["report"], kept)), report)
    contents = {
        "report": json.dumps(report, indent=1) + "\n", "page": page.render(report, comparison), "junit": junit.render(report),
    }
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if os.path.exists(paths["report"]):
            os.replace(paths["report"], kept)
        for name, path in paths.items():
            _save(path, contents[name])
    except OSError as error:
        raise AnsibleActionFail("verify_directory: cannot write %s: %s." % (error.filename, error.strerror)) from error
    return paths


def write_diagnostics(report: dict, gathered: dict, phases: dict, directory: str) -> str:
    """One archive with all that a colleague needs to see what was wrong, nothing secret in it. The newest few are kept."""
    moment = int(time.time())
    name = time.strftime("diagnostics-%Y%m%dT%H%M%SZ", time.gmtime(moment))
    path = os.path.join(directory, name + ARCHIVE)
    try:
        _save(path, archive(diagnostics.files(report, gathered, phases), name, moment))
        for old in diagnostics.superfluous(os.listdir(directory), ARCHIVE):
            os.unlink(os.path.join(directory, old))
    except OSError as error:
        raise AnsibleActionFail("verify_directory: cannot write %s: %s." % (error.filename, error.strerror)) from error
    return path


def _save(path: str, content: str | bytes) -> None:
    temporary = "%s.%d" % (path, os.getpid())
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
        raise AnsibleActionFail("verify_directory: cannot write %s: %s." % (error.filename, error.strerror)) from error
