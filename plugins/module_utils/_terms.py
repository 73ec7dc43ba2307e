# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Swarm's ports and bridge, and the labels of every object that this collection creates."""

from __future__ import annotations

MANAGER_PORT = 2377  # tcp, on managers; an advertised address may name another
GOSSIP_PORT = 7946  # tcp and udp
DATA_PATH_PORT = 4789  # udp; an engine that reports 0 uses this one
GATEWAY = "docker_gwbridge"  # the bridge by which containers of overlays reach what is outside

OWN_PREFIX = "swarmlab.overlay/"  # of all labels below
MANAGED_LABEL = "swarmlab.overlay/managed"  # declared by a module
RUN_LABEL = "swarmlab.overlay/run"  # made by a verification; its value is the run
PART_LABEL = "swarmlab.overlay/part"  # the part of the run
PINNED_LABEL = "swarmlab.overlay/pinned"  # the values that a network's declaration chose
STANDS_IN_LABEL = "swarmlab.overlay/stands-in-for"  # a network that carries the users of one that is replaced
ADDRESSES_LABEL = "swarmlab.overlay/addresses"  # addresses of containers, recorded on the stand-in
ORDER_LABEL = "swarmlab.overlay/order-before"  # a service's original update order while it is moved
PORTS_LABEL = "swarmlab.overlay/published-before"  # a service's ports while the ingress network is replaced
PARKED_ORDER_LABEL = "swarmlab.overlay/order-before-ingress"
NUDGE_LABEL = "swarmlab.overlay/nudge"  # on a node, briefly: it makes the node take up its networks
LEAVING_LABEL = "swarmlab.overlay/leaving"  # on a node that was drained to leave; its value is the host's name
MAINTENANCE_LABEL = "swarmlab.overlay/maintenance"  # on a node that we drained; its value is the availability before
PURPOSE_LABEL = "swarmlab.overlay/maintenance-for"  # beside it: what we drained the node for, when not for its own sake
DONE_LABEL = "swarmlab.overlay/done"  # on a node, until a rolling action is through: the action, and when it began (seconds since 1970)
EVACUATED_LABEL = "swarmlab.overlay/evacuated"  # on a service: ids of the nodes that we keep it away from
ROTATED_PREFIX = (
    "swarmlab.overlay/rotated-"  # on the swarm, with the name of a secret: when it was made anew (seconds since 1970)
)
LESSON_LABEL = "swarmlab.overlay/lesson"  # made in the lesson's shell; its value is the run
