# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Swarm's ports, and the labels of all that this collection makes."""

from __future__ import annotations

MANAGER_PORT = 2377  # tcp, on managers; an address may name another
GOSSIP_PORT = 7946  # tcp and udp
DATA_PATH_PORT = 4789  # udp; an engine that tells 0 means this one

MANAGED_LABEL = "swarmlab.overlay/managed"  # declared by a module
RUN_LABEL = "swarmlab.overlay/run"  # made by a verification; its value is the run
PART_LABEL = "swarmlab.overlay/part"  # which part of the run
PINNED_LABEL = "swarmlab.overlay/pinned"  # what a network's declaration chose
STANDS_IN_LABEL = "swarmlab.overlay/stands-in-for"  # a network that carries the users of another while that is changed
ADDRESSES_LABEL = "swarmlab.overlay/addresses"  # of containers, which the stand-in remembers
ORDER_LABEL = "swarmlab.overlay/order-before"  # a service's own update order while it is moved
PORTS_LABEL = "swarmlab.overlay/published-before"  # a service's own ports while ingress is changed
PARKED_ORDER_LABEL = "swarmlab.overlay/order-before-ingress"
NUDGE_LABEL = "swarmlab.overlay/nudge"  # on a node, for a moment: the swarm looks at its networks anew
LEAVING_LABEL = "swarmlab.overlay/leaving"  # on a node that was drained to let it go; its value is the host's name
