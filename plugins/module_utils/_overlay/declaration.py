# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specification of modules that declare one object or a list. Private to swarmlab.overlay."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._engine.sdk import engine_argument_spec

Options = t.Dict[str, t.Dict[str, t.Any]]
STATES = ["present", "absent"]


def declaring_module(plural: str, options: Options, timeout: int, **others: dict[str, t.Any]) -> AnsibleModule:
    """A module that takes either one declaration at top level or a list of them.

    :param plural: name of the list's option
    :param options: options of one object, besides its name and state
    :param timeout: default of the option of that name, in seconds
    :param others: options of the whole call
    """
    entry = dict(options, name={"type": "str", "required": True}, state={"type": "str", "choices": STATES})
    spec = dict(
        engine_argument_spec(),
        **options,
        **others,
        name={"type": "str"},
        state={"type": "str", "choices": STATES, "default": "present"},
        timeout={"type": "int", "default": timeout},
    )
    spec[plural] = {"type": "list", "elements": "dict", "options": entry}
    return AnsibleModule(
        argument_spec=spec,
        supports_check_mode=True,
        required_one_of=[("name", plural)],
        mutually_exclusive=[(plural, key) for key in ["name", *sorted(options)]],
    )
