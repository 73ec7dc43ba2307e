# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in the swarm."""

from __future__ import annotations

from .model import Place, Stranger, shell


def left(place: Place) -> Stranger:
    node = place.pick([node for node in place.nodes if node != "vm1"])
    return Stranger(
        "swarm", f"{node} left the swarm", (node,), ("not-in-swarm",), shell(node, "docker swarm leave"), renew=True
    )


def locked(place: Place) -> Stranger:
    return Stranger(
        "swarm", "the swarm is locked, and vm1 began anew", ("vm1",), ("swarm-locked", "no-leader"),
        (*shell("vm1", "docker swarm update --autolock=true; @restart@"), *shell("vm1", "sleep 15")), renew=True,
    )  # fmt: skip


def expelled(place: Place) -> Stranger:
    node = place.pick([node for node in place.nodes if node != "vm1"])
    return Stranger(
        "swarm", f"the certificate of {node} is gone and its engine began anew", (node,),
        ("not-in-swarm", "foreign-certificate", "swarm-error", "engine-stopped"),
        (*shell(node, "mv /var/lib/docker/swarm/certificates /root/certificates; @restart@"), *shell(node, "sleep 10")), renew=True,
    )  # fmt: skip
