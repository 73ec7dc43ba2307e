# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's variables whose templates may need facts that are not gathered yet. Controller only.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

FACTS = "ansible.legacy.setup"
SUBSET = ["network"]  # the minimum for addresses and labels (default_ipv4, interfaces, names, distribution)


def registered(task_vars: dict[str, t.Any], host: str, name: str) -> dict[str, t.Any]:
    """What a host registered under this name; empty where it did not. Nothing is templated, which takes seconds for many hosts."""
    return dict(task_vars["hostvars"].raw_get(host).get(name) or {})


def resolve(
    action: ActionBase, task_vars: dict[str, t.Any], names: t.Iterable[str]
) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The values of those variables that are set, and the facts gathered for them.

    ``swarm_advertise_addr: "{{ ansible_default_ipv4.address }}"`` is the usual way to declare an address. Facts are
    only gathered when such a template needs them. Raises AnsibleActionFail, with variable and host, when that does
    not help.
    """
    wanted = [name for name in names if name in task_vars]
    facts: dict[str, t.Any] = {}
    try:
        return _given({name: _value(action, task_vars, name) for name in wanted}), facts
    except AnsibleUndefinedVariable:
        facts = _gather(action, task_vars)
    known = {
        **task_vars,
        **{f"ansible_{name}": value for name, value in facts.items()},
        "ansible_facts": {**task_vars.get("ansible_facts", {}), **facts},
    }
    values = {}
    for name in wanted:
        try:
            values[name] = _value(action, known, name)
        except AnsibleUndefinedVariable as error:
            raise AnsibleActionFail(
                f"{name} of {task_vars['inventory_hostname']} cannot be evaluated, not even with gathered facts: {error}"
            ) from error
    return _given(values), facts


def _given(values: dict[str, t.Any]) -> dict[str, t.Any]:
    """The values without empty ones, which count as not declared."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def _value(action: ActionBase, variables: dict[str, t.Any], name: str) -> t.Any:
    templar = action._templar.copy_with_new_env(available_variables=variables)
    return templar.template(trust_as_template(f"{{{{ {name} }}}}"))


def _gather(action: ActionBase, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """Facts by their short names; none when gathering fails, since the missing value is reported anyway."""
    answer = action._execute_module(module_name=FACTS, module_args={"gather_subset": SUBSET}, task_vars=task_vars)
    return {name.removeprefix("ansible_"): value for name, value in (answer.get("ansible_facts") or {}).items()}
