# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: typed
short_description: A variable of a role as the type that the role's argument specification gives it
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - With C(-e name=value) every value is a string. Ansible's validation of a role's arguments takes a string that it can convert, and hands
    the string on. In a template the text V(false) is then true, and the parts of a dictionary that came as text are not there.
  - Converts as that validation does.
positional: _input, kind
options:
  _input:
    description: The variable.
    type: raw
    required: true
  kind:
    description: The type. V(dicts) is a list of dictionaries.
    type: str
    choices: [bool, dict, dicts, list]
    required: true
"""

EXAMPLES = r"""
- name: Declare the networks, and remove the others where that is wanted
  swarmlab.overlay.overlay_network:
    networks: "{{ overlays_networks }}"
    purge: "{{ overlays_purge | swarmlab.overlay.typed('bool') and this_manager_knows_all }}"
"""

RETURN = r"""
_value:
  description: The value as that type.
  type: raw
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.validation import check_type_bool, check_type_dict, check_type_list


def _dicts(value: t.Any) -> list[dict[str, t.Any]]:
    return [check_type_dict(entry) for entry in check_type_list(value)]


KINDS: t.Final[dict[str, t.Callable[[t.Any], t.Any]]] = {
    "bool": check_type_bool,
    "dict": check_type_dict,
    "dicts": _dicts,
    "list": check_type_list,
}


def typed(value: t.Any, kind: str) -> t.Any:
    """The value as that type; raises AnsibleFilterError where there is no such reading of it."""
    if kind not in KINDS:
        raise AnsibleFilterError(f"typed knows {', '.join(KINDS)}, not {kind}")
    try:
        return KINDS[kind](value)
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"{value!r} is no {kind}: {error}") from error


class FilterModule:
    """The collection's filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"typed": typed}
