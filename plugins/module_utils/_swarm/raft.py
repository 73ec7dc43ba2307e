# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Changes of nodes that wait for the managers: for an election, a concurrent update, or the end of a role."""

from __future__ import annotations

import time
import typing as t

from .._engine.sdk import APIClient, EngineError, Refused, retry_conflicts, wait_until
from .._engine.transport import LEADER_CHANGE, Raw
from . import leaving

DEMOTION_SECONDS = 120
ELECTION_SECONDS = 30
T = t.TypeVar("T")
NO_MEMBER = "can't find manager in raft memberlist"  # swarmkit, of a node that raft does not know any more
LEADERLESS = (*LEADER_CHANGE, "context deadline exceeded")


def is_leaderless(error: Exception) -> bool:
    """Whether the managers could not answer for lack of a leader or a majority."""
    return any(words in str(error).lower() for words in LEADERLESS)


def led(action: t.Callable[[], T], seconds: float = ELECTION_SECONDS) -> T:
    """The result of an action, repeated while the managers elect a leader, at most ``seconds``.

    A busy machine can trigger an election by itself.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except Refused as error:
            if not is_leaderless(error) or time.monotonic() >= deadline:
                raise
        time.sleep(0.5)


def update(client: APIClient, node_id: str, change: t.Callable[[dict[str, t.Any]], dict[str, t.Any]]) -> None:
    """Change a node's specification, also under concurrent updates."""

    def action() -> None:
        node = client.inspect_node(node_id)
        client.update_node(node_id, node["Version"]["Index"], change(node["Spec"]))

    led(lambda: retry_conflicts(action))


def demote(client: APIClient, node: Raw) -> None:
    """Demote a manager, and wait until it has left the managers' raft: only then can the next one be demoted."""
    if node["Spec"]["Role"] == "manager":
        try:
            update(client, node["ID"], lambda spec: {**spec, "Role": "worker"})
        except Refused as error:
            if NO_MEMBER not in str(error).lower():
                raise
            return  # lost by a forced recovery: it cannot be demoted any more, and can be removed

    def look() -> tuple[bool, str]:
        try:
            return not client.inspect_node(node["ID"]).get("ManagerStatus"), "it is still a manager"
        except Refused as error:
            if not is_leaderless(error):  # a leader hands over before its own demotion
                raise
            return False, "the managers have no leader"

    waited = wait_until(look, DEMOTION_SECONDS)
    if not waited.done:
        raise EngineError(
            f"{leaving.hostname(node)} did not become a worker within {DEMOTION_SECONDS} s: {waited.seen}. A manager is not"
            " demoted while the others would lose their majority. Start managers that are down, then run this"
            " again."
        )
