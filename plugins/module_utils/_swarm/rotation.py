# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Rotate the CA and the join tokens of a swarm by age, and wait until every node has the new root.

What was rotated, and when, is a label of the swarm that is sent with the rotation itself. So a run that was killed rotates
nothing twice, and the next run waits for what goes on.
"""

from __future__ import annotations

import copy
import time
import typing as t

from .._engine.sdk import APIClient, EngineError, wait_until
from .._engine.transport import Raw, moment
from .._terms import ROTATED_PREFIX
from . import leaving
from .changing import apply
from .raft import led

DAY = 86400  # seconds
CA = "ca"
# What can be rotated, and how the API names it.
FLAGS = {
    "worker_token": "rotateWorkerToken",
    "manager_token": "rotateManagerToken",
    "unlock_key": "rotateManagerUnlockKey",
}
TLS = ("TrustRoot", "CertIssuerSubject", "CertIssuerPublicKey")


def since(swarm: Raw, what: str) -> int:
    """When the secret was made, as far as anybody knows (seconds since 1970): our mark, or the swarm's beginning."""
    mark = ((swarm.get("Spec") or {}).get("Labels") or {}).get(ROTATED_PREFIX + what) or ""
    return int(mark) if mark.isdigit() else moment(swarm["CreatedAt"])


def due(swarm: Raw, kinds: t.Iterable[str], max_age: int, now: float) -> list[str]:
    """Which of the secrets are at least ``max_age`` days old."""
    return [what for what in kinds if now - since(swarm, what) >= max_age * DAY]


def marked(spec: Raw, kinds: t.Iterable[str], now: float) -> Raw:
    """The specification that rotates these secrets, as far as it is in there, and says when."""
    new = copy.deepcopy(spec)
    labels = spec.get("Labels") or {}
    new["Labels"] = {**labels, **{ROTATED_PREFIX + what: str(int(now)) for what in kinds}}
    # An update that was sent again, because a change of leader hid its success, begins no second rotation.
    if CA in kinds and labels.get(ROTATED_PREFIX + CA) != str(int(now)):
        authority = new.setdefault("CAConfig", {})
        authority["ForceRotate"] = (authority.get("ForceRotate") or 0) + 1
    return new


def absent(nodes: t.Iterable[Raw]) -> list[str]:
    """The nodes that cannot get a new certificate now, in words. One of them alone keeps a rotation of the CA from ending."""
    return [
        f"{leaving.hostname(node)} ({node['ID']}) is {(node.get('Status') or {}).get('State')}"
        for node in nodes
        if not leaving.is_up(node)
    ]


def behind(swarm: Raw, nodes: t.Iterable[Raw]) -> list[str]:
    """The nodes whose certificate or trusted root is not the swarm's, in words."""
    wanted = swarm.get("TLSInfo") or {}
    found = []
    for node in nodes:
        has = (node.get("Description") or {}).get("TLSInfo") or {}
        if any(has.get(key) != wanted.get(key) for key in TLS):
            found.append(f"{leaving.hostname(node)} ({node['ID']}), which is {(node.get('Status') or {}).get('State')}")
    return found


def refusal(swarm: Raw, nodes: t.Sequence[Raw]) -> str:
    """Why the CA is not to be rotated now; empty when it can be."""
    lost = absent(nodes)
    if lost:
        return (
            f"{'; '.join(lost)}. A rotation of the CA ends only when every listed node has a new certificate. Start these nodes, or remove them"
            " (playbook remove)."
        )
    if ((swarm.get("Spec") or {}).get("CAConfig") or {}).get("ExternalCAs"):
        return "The swarm uses external CAs. This rotation would make the swarm issue certificates itself. Rotate with 'docker swarm ca --rotate'."
    return ""


def rotate(
    client: APIClient, kinds: t.Sequence[str], max_age: int, timeout: int, check_mode: bool, clock: float | None = None
) -> dict[str, t.Any]:
    """Rotate what is due; the module's result. Raises EngineError before anything is changed, or when nodes hang.

    ``max_age`` in days; ``clock``: the present, in seconds since 1970.
    """
    now = time.time() if clock is None else clock
    swarm, nodes = led(lambda: (client.inspect_swarm(), client.nodes()))
    going_on = bool(swarm.get("RootRotationInProgress"))
    wanted = [what for what in due(swarm, kinds, max_age, now) if not (what == CA and going_on)]
    result: dict[str, t.Any] = {
        "changed": bool(wanted),
        "rotated": wanted,
        "seconds": 0.0,
        "diff": {"before": "", "after": "".join(f"new {what}\n" for what in wanted)},
    }
    if CA in wanted or (CA in kinds and going_on):
        problem = refusal(swarm, nodes)
        if problem:
            what = "The rotation of the CA in progress cannot end" if going_on else "The CA was not rotated"
            raise EngineError(f"{what}: {problem}{'' if going_on else ' Nothing was changed.'}")
    if check_mode:
        return result
    if wanted:
        flags = {FLAGS[what]: True for what in wanted if what in FLAGS}
        apply(client, lambda spec: marked(spec, wanted, now), **flags)
    if CA in kinds:
        result["seconds"] = await_root(client, timeout)
    return result


def await_root(client: APIClient, timeout: int) -> float:
    """Wait until every node has the swarm's root and a certificate from it; the seconds it took."""

    def look() -> tuple[bool, list[str]]:
        swarm, nodes = led(lambda: (client.inspect_swarm(), client.nodes()))
        return not swarm.get("RootRotationInProgress") and not behind(swarm, nodes), behind(swarm, nodes)

    waited = wait_until(look, timeout)
    if not waited.done:
        told = "; ".join(waited.seen) or "the managers have not finished it"
        raise EngineError(
            f"The rotation of the CA has not finished after {timeout} s. Waiting for: {told}. See the logs of their engines, and check that"
            " they reach the managers at 2377/tcp. Remove nodes that are lost. Run this again to keep waiting.",
            waiting=waited.seen,
        )
    return waited.seconds
