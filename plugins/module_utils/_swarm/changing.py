# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Change the swarm itself, on one of its managers. The whole specification is sent, as the engine needs it."""

from __future__ import annotations

import typing as t

from .._engine.sdk import APIClient, EngineError, change_swarm, retry_conflicts
from .._engine.transport import Raw
from . import settings
from .raft import led


def declare(client: APIClient, wanted: settings.Options, check_mode: bool) -> dict[str, t.Any]:
    """Declare the settings on a manager; the module's result. Raises EngineError before anything is changed."""
    wrong = settings.problems(wanted)
    if wrong:
        raise EngineError(f"{'; '.join(wrong)}. Nothing was changed.")
    swarm = led(client.inspect_swarm)
    immutable = settings.fixed(swarm, wanted)
    if immutable:
        raise EngineError(
            f"This swarm was made with other values: {'; '.join(immutable)}. They cannot be changed later. Declare the swarm's values, or create a new"
            " swarm (all nodes leave, role swarm forms it with the new values, networks and services are declared again). If only the addresses"
            " matter, declare a subnet for each network (overlay_network). Nothing was changed."
        )
    changes = settings.differs(swarm["Spec"], settings.merged(swarm["Spec"], wanted))
    before = settings.read(swarm)
    if changes and not check_mode:
        swarm = apply(client, lambda spec: settings.merged(spec, wanted))
        after = settings.read(swarm)
    else:
        after = settings.read({**swarm, "Spec": settings.merged(swarm["Spec"], wanted)})
    return {
        "changed": changes,
        "settings": after,
        "diff": {"before": before, "after": after},
    }


def apply(client: APIClient, change: t.Callable[[Raw], Raw], **rotate: bool) -> Raw:
    """Send the whole specification, changed by C(change), also under concurrent updates; the swarm after it.

    ``rotate``: which secrets are to be made anew, as the API names them.
    """

    def send() -> None:
        swarm = client.inspect_swarm()
        change_swarm(client, swarm["Version"]["Index"], change(swarm["Spec"]), rotate)

    led(lambda: retry_conflicts(send))
    return t.cast(Raw, led(client.inspect_swarm))
