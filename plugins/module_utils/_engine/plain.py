# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a module that does without the Docker SDK: its result, or one clear message. ``sdk.run_module`` is the counterpart with it.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import socket
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._host import HostError, refuse_times, require_root
from .client import Engine, Refused
from .transport import EngineError

CarryOut = t.Callable[[Engine, str, t.Any], t.Dict[str, t.Any]]


def run_without_sdk(module: AnsibleModule, work: t.Callable[[AnsibleModule], dict[str, t.Any]]) -> None:
    """Run ``work(module)`` and exit the module with its result, or with one clear message."""
    try:
        refuse_times(module.params)
        result = work(module)
    except HostError as error:
        module.fail_json(msg=error.message)
    except EngineError as error:
        module.fail_json(msg=error.message, **error.details)
    except Refused as error:
        module.fail_json(msg=f"The Docker Engine on {socket.gethostname()} refused: {error.message}")
    except OSError as error:
        module.fail_json(msg=f"{socket.gethostname()}: {error}.")
    module.exit_json(**result)


def engine_of(module: AnsibleModule) -> Engine:
    """The engine that the module's options name."""
    return Engine(module.params["docker_host"], module.params["engine_timeout"])


def run_phase(module: AnsibleModule, carry_out: CarryOut, changed: bool) -> None:
    """Run one phase of a verification or a lesson: ``carry_out(engine, phase, plan)`` returns ``seen``, or ``msg`` where it failed."""

    def work(module: AnsibleModule) -> dict[str, t.Any]:
        require_root()  # namespaces of the network are root's
        told = carry_out(engine_of(module), module.params["phase"], module.params["plan"])
        if "msg" in told:
            module.fail_json(**told)
        return {**told, "changed": changed}

    run_without_sdk(module, work)
