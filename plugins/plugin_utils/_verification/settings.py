# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings shared by every step of a run. Pure except for the clock.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import fnmatch
import math
import secrets
import time
import typing as t
from collections.abc import Iterable, Mapping
from types import ModuleType

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean

from .._checks import _quality
from .._facts.model import DECLARED, Settings
from . import selection


def new_run(checks: Iterable[ModuleType]) -> Settings:
    """The settings of one single run."""
    needs = {need for check in checks for need in check.NEEDS}
    return {
        "run": f"{int(time.time()):x}{secrets.token_hex(2)}",
        "began": time.time(),
        "needs": sorted(needs | ({"twin"} if "probe" in needs else set())),
    }


def begin(arguments: Mapping[str, t.Any], task_vars: Mapping[str, t.Any]) -> Settings:
    """The settings for every later step of this run."""
    for name in ("timeout", "convergence", "disruptive_timeout"):
        if arguments[name] < 1:
            raise AnsibleActionFail(f"verify_{name} must be at least 1 second, not {arguments[name]}.")
    if not 0.1 <= arguments["performance_seconds"] <= 60:
        raise AnsibleActionFail(
            f"verify_performance_seconds must be between 0.1 and 60, not {arguments['performance_seconds']:g}."
        )
    if not 0 <= arguments["certificate_days"] < math.inf:
        raise AnsibleActionFail(f"verify_certificate_days must be 0 or more, not {arguments['certificate_days']:g}.")
    quality = limits(arguments["quality"])
    if not arguments["networks"]:
        raise AnsibleActionFail(
            "verify_networks is empty, so there is nothing to verify. Name networks or patterns, or leave it at '*' for all."
        )
    checks = selection.choose(arguments, task_vars)
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
    measuring = [check for check in checks if hasattr(check, "measurements")]
    networks = declared(task_vars, hosts)
    return {
        **new_run(checks),
        "hosts": hosts,
        "checks": [module.ID for module in checks],
        "networks": arguments["networks"],
        "declared": list(networks),
        "declared_as": networks,
        "services": arguments["services"],
        "nodes": arguments["nodes"],
        "image": arguments["image"],
        "timeout": arguments["timeout"],
        "convergence": arguments["convergence"],
        "certificate_days": arguments["certificate_days"],
        "once": 3.0,
        "performance": bool(measuring),
        "measure_seconds": arguments["performance_seconds"],
        "shared_names": arguments["shared_names"],
        "quality": quality,
        "disruptive": list(dict.fromkeys(arguments["disruptive"])),
        "disruptive_node": arguments["disruptive_node"],
        "disruptive_timeout": arguments["disruptive_timeout"],
        "force": arguments["disruptive_force"],
        "measuring": sum(check.longest(len(hosts), arguments["performance_seconds"]) for check in measuring),
        "forks": int(task_vars.get("ansible_forks") or 1),
    }


def limits(given: Mapping[str, t.Any]) -> dict[str, float]:
    """The limits of paths' quality: the given ones, else the defaults. Raises AnsibleActionFail for anything else."""
    unknown = sorted(set(given) - set(_quality.LIMITS))
    if unknown:
        raise AnsibleActionFail(
            f"verify_quality: no limit is called {', '.join(unknown)}. There are: {', '.join(_quality.LIMITS)}."
        )
    found = dict(_quality.LIMITS)
    for name, value in given.items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            raise AnsibleActionFail(f"verify_quality: {name} must be a number, not {value!r}.") from None
        if not 0 <= found[name] < math.inf:
            raise AnsibleActionFail(f"verify_quality: {name} must be 0 or more, not {value!r}.")
    return found


def declared(task_vars: Mapping[str, t.Any], hosts: list[str]) -> dict[str, dict[str, bool]]:
    """The networks declared present for role overlays in the inventory: name -> the properties that can be compared."""
    found: dict[str, dict[str, bool]] = {}
    for host in hosts:
        for entry in task_vars["hostvars"][host].get("overlays_networks") or []:
            if (
                isinstance(entry, dict)
                and isinstance(entry.get("name"), str)
                and entry.get("state", "present") == "present"
            ):
                found[entry["name"]] = {key: boolean(entry.get(key, False), strict=False) for key in DECLARED}
    return found
