# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the hosts of the swarm in any inventory, and nodes of the swarm that the inventory does not have."""

from __future__ import annotations

import pathlib
import typing as t

from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.place import Member
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import swarm_discovery, swarm_groups, variable_names
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import state
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.host_values import registered

DISPLAY = Display()


class ActionModule(ActionBase):
    """Nothing here touches a node."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """``inventory`` sorts the inventory's hosts, ``discover`` looks for nodes beyond them, ``add`` makes a host of one."""
        task_vars = task_vars or {}
        result = dict(super().run(tmp, task_vars), changed=False)
        _validation, arguments = self.validate_argument_spec(
            argument_spec={
                "stage": {"type": "str", "choices": ["inventory", "discover", "add"], "default": "inventory"},
                "node": {"type": "dict"},
                "managers_group": {"type": "str"},
                "workers_group": {"type": "str"},
            }
        )
        if arguments["stage"] == "discover":
            return dict(result, hosts=self._discover(task_vars))
        if arguments["stage"] == "add":
            return dict(self._add(arguments["node"], task_vars), changed=False)
        _refuse_without_lab(task_vars.get("swarm_hosts_lab"))
        try:
            declared = swarm_groups.declared(
                task_vars["groups"],
                {swarm_groups.MANAGER: arguments["managers_group"], swarm_groups.WORKER: arguments["workers_group"]},
            )
        except swarm_groups.InventoryError as error:
            raise AnsibleActionFail(str(error)) from error
        if not set(declared.roles) & set(task_vars["ansible_play_hosts_all"]):
            raise AnsibleActionFail(swarm_groups.nobody(task_vars["groups"], context.CLIARGS.get("subset")))
        return dict(
            result,
            warnings=variable_names.told(variable_names.of_hosts(declared.roles, task_vars["hostvars"])),
            grouped=bool(declared.groups),
            groups=dict(declared.groups),
            hosts=_ungrouped(declared, task_vars["groups"]),
        )

    def _add(self, node: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Have Ansible add a node, by its own action: how a host gets into the inventory differs between its versions."""
        task = self._task.copy()
        task.args = _host(node, task_vars["hostvars"])
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.add_host",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        added: dict[str, t.Any] = action.run(task_vars=task_vars)
        return added

    def _discover(self, task_vars: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        """The nodes that managers list and no host of the play is, with the connection of the manager that told of them."""
        hostvars, hosts = task_vars["hostvars"], task_vars["ansible_play_hosts_all"]
        told = {host: registered(task_vars, host, "swarm_asked") for host in hosts}
        silent = [host for host, answer in told.items() if not answer.get("swarm")]
        teller = next((host for host in hosts if (told[host].get("swarm") or {}).get("members")), None)
        if teller is None:
            raise AnsibleActionFail(swarm_discovery.nobody_tells(told))
        known = {answer["swarm"]["node_id"] for answer in told.values() if answer.get("swarm")}
        members = swarm_discovery.unknown(told[teller]["swarm"]["members"], known, _addresses(silent, hostvars))
        found: list[dict[str, t.Any]] = []
        for member in members:
            name = swarm_discovery.name_of(member, [*task_vars["groups"]["all"], *(entry["name"] for entry in found)])
            address = self._address(member, task_vars)
            found.append(
                {
                    "name": name,
                    "address": address,
                    "groups": [swarm_groups.PARENT, swarm_groups.CANONICAL[member["role"]]],
                    "via": teller,
                }
            )
            DISPLAY.display(f"  {name}: node {member['id']} of the swarm, reached at {address}", color="bright blue")
        return found

    def _address(self, member: Member, task_vars: dict[str, t.Any]) -> str:
        """Where Ansible reaches a node: where the swarm does, unless swarm_discovered_host says otherwise."""
        if "swarm_discovered_host" not in task_vars:
            return swarm_discovery.address_of(member)
        templar = self._templar.copy_with_new_env(available_variables={**task_vars, "node": member})
        try:
            address = templar.template(task_vars["swarm_discovered_host"])
        except AnsibleError as error:
            raise AnsibleActionFail(
                f"swarm_discovered_host cannot be evaluated for node {member['id']}: {error}"
            ) from error
        if not isinstance(address, str) or not address.strip():
            raise AnsibleActionFail(
                f"swarm_discovered_host is {address!r} for node {member['id']}. Declare where Ansible reaches the node, or leave the variable out."
            )
        return address.strip()


def _refuse_without_lab(lab: t.Mapping[str, str] | None) -> None:
    """Raise AnsibleActionFail where the hosts are those of a lab that nobody made: each of them would be called unreachable."""
    if lab is None:
        return
    try:
        state.existing(lab["name"], pathlib.Path(lab["directory"]))
    except LabError as error:
        raise AnsibleActionFail(str(error)) from error


def _host(node: dict[str, t.Any], hostvars: t.Any) -> dict[str, t.Any]:
    """What module add_host is given: a node that is reached as the manager is that told of it."""
    values = hostvars[node["via"]]
    variables = {key: values[key] for key in swarm_discovery.connection_keys(hostvars.raw_get(node["via"]))}
    return dict(variables, ansible_host=node["address"], name=node["name"], groups=node["groups"])


def _addresses(hosts: t.Iterable[str], hostvars: t.Any) -> set[str]:
    """By which the inventory knows hosts."""
    return {str(value) for host in hosts for value in (host, hostvars.raw_get(host).get("ansible_host")) if value}


def _ungrouped(declared: swarm_groups.Declared, groups: t.Mapping[str, t.Sequence[str]]) -> list[dict[str, t.Any]]:
    """The hosts that are not in the groups that the playbooks use, and the groups they lack."""
    found = []
    for host, role in declared.roles.items():
        wanted = [swarm_groups.PARENT] + ([swarm_groups.CANONICAL[role]] if role else [])
        lacking = [name for name in wanted if host not in groups.get(name, ())]
        if lacking:
            found.append({"name": host, "groups": lacking})
    return found
