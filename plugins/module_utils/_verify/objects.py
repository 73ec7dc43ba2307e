# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and labels of a verification's temporary objects.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from .._terms import PART_LABEL, RUN_LABEL

VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
EXCHANGES = ("exchange1", "exchange2", "exchange3")  # extra phases that wait for late gossip
SPEED = "speed"  # the part that is measured
SPEED_NETWORKS = {"overlay": SPEED, "encrypted": "speed-secret"}  # way of the traffic -> part of the name


def labels(run: str, part: str) -> dict[str, str]:
    """The labels by which an object is found and removed again, also after a crash."""
    return {RUN_LABEL: run, PART_LABEL: part}


def name(run: str, part: str) -> str:
    """The name of a temporary object."""
    return f"swarmlab-verify-{run}-{part}"


def with_twin(networks: list[str], twin: str | None) -> list[str]:
    """Ids of the networks that the probes attach to: those under test, and the plain twin unless it is one of them."""
    return networks + ([twin] if twin and twin not in networks else [])
