# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gather what is declared for each host and what its engine tells of itself, and plan what is to be done. The plan itself is pure."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import typing as t
from dataclasses import asdict, replace

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import split_port
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.labels import label_texts
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.place import place
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import swarm_groups
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan import (
    copying,
    finding,
    forming,
    leaving,
    managers,
    recovering,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Leaver, Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.host_values import resolve
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.module_failure import answered

DISPLAY = Display()
INFO = "swarmlab.overlay.swarm_info"
OUTSIDE = "swarm_others"  # registered loop over hosts outside the play
DECLARED = (
    "swarm_advertise_addr",
    "swarm_data_path_addr",
    "swarm_node_labels",
    "swarm_node_availability",
    "swarm_node_id",
)
AVAILABILITIES = ("active", "pause", "drain")
LOWEST_PORT, HIGHEST_PORT = 1024, 49151  # of the data path: what the engine takes


class ActionModule(ActionBase):
    """``ask`` asks one engine, ``tell`` adds what is declared for its host; the other stages put together what all
    told, or say who else is to be asked first."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Changes nothing."""
        task_vars = task_vars or {}
        result = dict(super().run(tmp, task_vars), changed=False)
        _validation, arguments = self.validate_argument_spec(
            argument_spec={
                "stage": {
                    "type": "str",
                    "required": True,
                    "choices": ["ask", "tell", "plan", "leave", "find", "speak", "copy", "recover", "restore"],
                },
                "again": {"type": "bool", "default": False},
                "final": {"type": "bool", "default": False},
                "data_path_port": {"type": "int", "default": 4789},
                "nodes": {"type": "list", "elements": "str", "default": []},
                "going": {"type": "bool", "default": False},
                "replaced": {"type": "bool", "default": False},
                "alone": {"type": "bool", "default": False},
                "lost": {"type": "list", "elements": "str", "default": []},
                "managers": {"type": "list", "elements": "str", "default": []},
                "manager_ids": {"type": "list", "elements": "str", "default": []},
                "managers_group": {"type": "str"},
                "workers_group": {"type": "str"},
            }
        )
        if arguments["stage"] == "ask":
            return dict(result, **self._ask(task_vars))
        if arguments["stage"] == "tell":
            return dict(result, **self._tell(arguments["again"], task_vars))
        try:
            declared = swarm_groups.declared(
                task_vars["groups"],
                {swarm_groups.MANAGER: arguments["managers_group"], swarm_groups.WORKER: arguments["workers_group"]},
            )
            work = {
                "plan": self._plan,
                "leave": self._leave,
                "find": self._find,
                "speak": self._speak,
                "copy": self._copy,
                "recover": self._recover,
                "restore": self._restore,
            }[arguments["stage"]]
            return dict(result, **work(arguments, declared, task_vars))
        except (swarm_groups.InventoryError, Refusal) as error:
            raise AnsibleActionFail(str(error)) from error

    def _ask(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The engine's place in a swarm, or why it did not tell."""
        answer = answered(self, INFO, {}, task_vars, "swarm")
        return {"swarm": answer["swarm"]} if "swarm" in answer else answer

    def _tell(self, again: bool, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """What is declared for this host, and its place. What role engine has just learned is not asked again."""
        before = task_vars.get("swarm_told") or {}
        state = task_vars.get("engine_state") or {}
        source = hashlib.sha256(json.dumps(state, sort_keys=True, default=str).encode()).hexdigest() if state else ""
        values, facts = resolve(self, task_vars, DECLARED)
        _check(values, task_vars["inventory_hostname"])
        told: dict[str, t.Any] = {"declared": values, "source": source}
        if facts:
            told["ansible_facts"] = facts
        if again or not state or before.get("source") == source:
            return dict(told, **self._ask(task_vars))
        if not state.get("installed", True):
            return dict(told, swarm=place({}))
        return dict(told, swarm=state["swarm"]) if "swarm" in state else dict(told, **self._ask(task_vars))

    def _plan(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        port = arguments["data_path_port"]
        if not LOWEST_PORT <= port <= HIGHEST_PORT:
            raise AnsibleActionFail(
                f"swarm_data_path_port is {port}; it must lie between {LOWEST_PORT} and {HIGHEST_PORT}."
            )
        hosts = [
            _host(name, role, task_vars, arguments["final"]) for name, role in _everybody(declared, task_vars).items()
        ]
        found = forming.plan(hosts, port, arguments["final"])
        _show(found.steps, found.warnings)
        primary = next((host for host in hosts if host.name == found.primary), None)
        return dict(asdict(found), remote_addrs=_remote_addrs(primary), manager_ids=_manager_ids(primary))

    def _leave(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        going = task_vars["ansible_play_hosts_all"]
        staying = {
            name: role for name, role in declared.roles.items() if role != swarm_groups.WORKER and name not in going
        }
        if not arguments["final"]:
            return {"ask": list(staying)}
        found = leaving.farewell(
            [
                replace(
                    _leaver(name, task_vars, arguments["replaced"]),
                    role=declared.roles.get(name, swarm_groups.AS_IT_IS),
                )
                for name in going
            ],
            [_host(name, role, task_vars, True) for name, role in staying.items()],
        )
        _show(found.steps, found.warnings)
        return asdict(found)

    def _speak(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """The hosts that are managers and speak for the swarm."""
        hosts = [_host(name, role, task_vars, False) for name, role in _everybody(declared, task_vars).items()]
        return {"managers": [host.name for host in managers.speaking(hosts)]}

    def _copy(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """The manager whose state a backup copies."""
        hosts = [_host(name, role, task_vars, False) for name, role in _everybody(declared, task_vars).items()]
        found = copying.copied(hosts, _one(arguments["nodes"]), arguments["alone"])
        _show(found.steps, [])
        return asdict(found)

    def _recover(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """The manager that goes on alone, and those that leave."""
        hosts = _leavers(declared, task_vars)
        found = recovering.recovery(hosts, _one(arguments["nodes"]), _stripped(arguments["lost"]))
        _show(found.steps, [])
        return asdict(found)

    def _restore(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Refuses a restoration beside a swarm that may live."""
        found = recovering.restoration(
            _leavers(declared, task_vars), _one(arguments["nodes"]), arguments["managers"], arguments["manager_ids"],
            _stripped(arguments["lost"]),
        )  # fmt: skip
        _show(found.steps, [])
        return asdict(found)

    def _find(
        self, arguments: dict[str, t.Any], declared: swarm_groups.Declared, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """The nodes that are meant. Labels that the inventory does not declare are lost when a node is replaced."""
        hosts = _leavers(declared, task_vars, arguments["replaced"])
        names = list(dict.fromkeys(name.strip() for name in arguments["nodes"] if name.strip()))
        found = finding.find(names, hosts, arguments["going"])
        _show([], found.warnings)
        if arguments["replaced"]:
            finding.refuse_no_return(found, hosts)
            finding.refuse_lost_labels(found, {host.name: host.labels for host in hosts})
        return asdict(found)


def _check(values: dict[str, t.Any], host: str) -> None:
    """Refuse what is declared for a host and cannot be."""
    labels, availability = values.get("swarm_node_labels") or {}, values.get("swarm_node_availability") or "active"
    if not isinstance(labels, dict):
        raise AnsibleActionFail(f"swarm_node_labels of {host} must be a dictionary of labels, not {labels!r}.")
    try:
        label_texts(labels, f"swarm_node_labels of {host}")
    except EngineError as error:
        raise AnsibleActionFail(error.message) from error
    if availability not in AVAILABILITIES:
        raise AnsibleActionFail(
            f"swarm_node_availability of {host} is {availability!r}; it must be one of {', '.join(AVAILABILITIES)}."
        )


def _show(steps: t.Iterable[str], warnings: t.Iterable[str]) -> None:
    for step in steps:
        DISPLAY.display("  " + step, color="bright blue")
    for warning in warnings:
        DISPLAY.warning(warning)


def _everybody(declared: swarm_groups.Declared, task_vars: dict[str, t.Any]) -> dict[str, str]:
    """The swarm's hosts with their roles, and those of the play that no group names."""
    play = dict.fromkeys(task_vars["ansible_play_hosts_all"], swarm_groups.AS_IT_IS)
    return {**declared.roles, **{name: role for name, role in play.items() if name not in declared.roles}}


def _told(name: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """What was last registered of this host; see host_values and phases_so_far for why without templating."""
    variables = task_vars["hostvars"].raw_get(name)
    if name in task_vars["ansible_play_hosts_all"]:
        return dict(
            variables.get("swarm_told") or {"problem": "its engine was not asked: an earlier task failed there"}
        )
    answers = (task_vars.get(OUTSIDE) or {}).get("results") or ()
    return next((dict(entry) for entry in answers if entry.get("item") == name), {})


def _host(name: str, role: str, task_vars: dict[str, t.Any], outside: bool) -> Host:
    """``outside``: whether hosts outside the play have been asked for this plan. What they told for an earlier one is no longer so."""
    in_play = name in task_vars["ansible_play_hosts_all"]
    told = _told(name, task_vars) if in_play or outside else {}
    values = told.get("declared") or {}
    return Host(
        name,
        role,
        in_play,
        told.get("swarm"),
        told.get("problem") or "it was not asked",
        label_texts(values.get("swarm_node_labels") or {}, name),
        values.get("swarm_node_availability") or "",
    )


def _leavers(declared: swarm_groups.Declared, task_vars: dict[str, t.Any], replaced: bool = False) -> list[Leaver]:
    """The hosts with their roles and addresses."""
    return [
        replace(_leaver(name, task_vars, replaced), role=role) for name, role in _everybody(declared, task_vars).items()
    ]


def _stripped(names: t.Iterable[str]) -> list[str]:
    return [name.strip() for name in names if name.strip()]


def _one(names: t.Iterable[str]) -> str:
    """The one name, or none. Raises Refusal for several."""
    given = _stripped(names)
    if len(given) > 1:
        raise Refusal(f"Only one host can be named here, not {', '.join(given)}. Nothing was changed.")
    return given[0] if given else ""


def _leaver(name: str, task_vars: dict[str, t.Any], replaced: bool) -> Leaver:
    told = _told(name, task_vars)
    values = told.get("declared") or {}
    variables = task_vars["hostvars"].raw_get(name)
    known = (name, variables.get("ansible_host"), values.get("swarm_advertise_addr"))
    return Leaver(
        name,
        in_play=name in task_vars["ansible_play_hosts_all"],
        place=told.get("swarm"),
        problem=told.get("problem") or "it was not asked",
        labels=label_texts(values.get("swarm_node_labels") or {}, name),
        addresses=frozenset(filter(None, map(_address, known))),
        declared_id=values.get("swarm_node_id") or "",
        replaced=replaced,
    )


def _address(text: t.Any) -> str:
    """An IP address in its usual form, without a port; nothing for all else."""
    try:
        return str(ipaddress.ip_address(split_port(str(text))[0]))
    except ValueError:
        return ""


def _remote_addrs(primary: Host | None) -> list[str]:
    """Where nodes join: at the manager that was asked, and should it die meanwhile at the others."""
    if primary is None or not primary.place or not primary.place["members"]:
        return []
    managers = [
        member
        for member in primary.place["members"]
        if member["manager_address"] and member["reachability"] == "reachable"
    ]
    return [
        member["manager_address"] for member in sorted(managers, key=lambda member: member["id"] != primary.node_id)
    ]


def _manager_ids(primary: Host | None) -> list[str]:
    if primary is None or not primary.place or not primary.place["members"]:
        return []
    return [member["id"] for member in primary.place["members"] if member["reachability"]]
