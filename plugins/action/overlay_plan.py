# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gather what the engines told, and choose the manager that declarations are sent to. The choice itself is pure. Controller only."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import overlay_hosts, variable_names

# Registered of each host by role swarm, or by role overlays where that did not run; of hosts outside the play in a loop.
TOLD = ("overlays_place", "swarm_told")
LOOP = "overlays_others"
DECLARATIONS = ("overlays_networks", "overlays_services", "overlays_containers", "overlays_ingress", "overlays_purge")
LEAVING = "lab_leaving"  # nodes of a lab on their way out (inventory plugin lab)


class ActionModule(ActionBase):
    """See module overlay_plan."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Changes nothing."""
        task_vars = task_vars or {}
        result = dict(super().run(tmp, task_vars), changed=False)
        _validation, arguments = self.validate_argument_spec(
            argument_spec={
                "declared": {"type": "bool", "default": True},
                "manager": {"type": "str", "default": ""},
                "nodes": {"type": "list", "elements": "str", "default": []},
                "mtu_auto": {"type": "bool", "default": False},
                "purge": {"type": "bool", "default": False},
                "final": {"type": "bool", "default": False},
            }
        )
        misspelt = variable_names.of_hosts(task_vars["ansible_play_hosts"], task_vars["hostvars"])
        if arguments["purge"] and set(misspelt.values()) & set(DECLARATIONS):
            raise AnsibleActionFail(
                f"{' '.join(variable_names.told(misspelt))} overlays_purge would remove the networks that are not declared. Nothing was changed."
            )
        result["warnings"] = variable_names.told(misspelt)
        hosts = [_host(name, task_vars) for name in _everybody(task_vars)]
        if not arguments["declared"] and not any(
            _declares(name, task_vars) for name in task_vars["ansible_play_hosts"]
        ):
            return dict(result, **asdict(overlay_hosts.Choice()))
        try:
            choice = overlay_hosts.choose(hosts, arguments["manager"], arguments["final"])
        except overlay_hosts.Refusal as error:
            raise AnsibleActionFail(str(error)) from error
        if choice.manager:
            _refuse(hosts, choice, arguments, task_vars)
        return dict(result, **asdict(choice))


def _refuse(
    hosts: list[overlay_hosts.Host],
    choice: overlay_hosts.Choice,
    arguments: dict[str, t.Any],
    task_vars: dict[str, t.Any],
) -> None:
    members = next(host for host in hosts if host.name == choice.manager).members
    inventory = [name for name in task_vars["groups"]["all"] if name not in task_vars["groups"].get(LEAVING, ())]
    wrong = overlay_hosts.unknown(arguments["nodes"], inventory, members)
    if wrong:
        known = sorted(set(inventory) | {member["hostname"] for member in members.values()} - {""})
        raise AnsibleActionFail(
            f"overlays_containers: {'; '.join(wrong)}. Known are: {', '.join(known)}. Nothing was changed."
        )
    missing = overlay_hosts.elsewhere(hosts, members)
    if arguments["mtu_auto"] and missing:
        raise AnsibleActionFail(
            f"mtu: auto is what fits through every node, and {', '.join(missing)} are not in this play. Run it for all nodes, or declare"
            " a number. Nothing was changed."
        )


def _declares(name: str, task_vars: dict[str, t.Any]) -> bool:
    """Whether something is declared for a host by itself, as where the managers' group alone has the variables."""
    variables = task_vars["hostvars"].raw_get(name)
    return any(variables.get(key) for key in DECLARATIONS)


def _everybody(task_vars: dict[str, t.Any]) -> list[str]:
    """The hosts of the swarm, managers first: those that a group says are of it, and those of the play."""
    groups = task_vars["groups"]
    play = task_vars["ansible_play_hosts_all"]
    of_it = groups.get("swarm_managers", []) + (groups.get("swarm") or groups["all"])
    leaving = groups.get(LEAVING, ())
    return [name for name in dict.fromkeys([*of_it, *play]) if name in play or name not in leaving]


def _host(name: str, task_vars: dict[str, t.Any]) -> overlay_hosts.Host:
    """Without templating, which takes a second for many hosts; see phases_so_far."""
    in_play = name in task_vars["ansible_play_hosts"]
    if in_play:
        variables = task_vars["hostvars"].raw_get(name)
        answers = [variables.get(key) or {} for key in TOLD]
        answer: dict[str, t.Any] = next(
            (answer for answer in answers if "swarm" in answer),
            {"msg": "its engine was not asked: an earlier task failed there"},
        )
    else:
        results = (task_vars.get(LOOP) or {}).get("results") or ()
        answer = next((entry for entry in results if entry.get("item") == name), {})
    told = answer.get("swarm")
    problem = " ".join(str(answer.get("problem") or answer.get("msg") or "it was not asked").split())
    address = task_vars["hostvars"].raw_get(name).get("ansible_host") or name
    return overlay_hosts.Host(name, in_play, told if told and "members" in told else None, problem, str(address))
