# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image a node is made from: the Debian suite and what is in it. Nodes that agree in all of it share one image.

Private to the collection swarmlab.overlay. How such an image is made is in ``recipe``.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Suite:
    """How a Debian suite differs from the others."""

    engine: tuple[str, ...] = ("docker-cli", "docker.io")
    # systemd from 256 on takes its networks from credentials; before, they are files that it finds.
    network_credentials: bool = True
    # The lists of a suite that changes every day are signed for a week, and a mirror may stand still for longer.
    expires: bool = False


SUITES: dict[str, Suite] = {
    "bookworm": Suite(engine=("docker.io",), network_credentials=False),  # the client comes with the engine
    "trixie": Suite(),
    "forky": Suite(expires=True),
    "sid": Suite(expires=True),
}
NO_FIREWALL = "none"
FIREWALLS: dict[str, tuple[str, ...]] = {
    NO_FIREWALL: (),
    "firewalld": ("firewalld",),
    "ufw": ("ufw",),
    "nftables": ("nftables",),
}
ROOT = "root"


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """What an image is made of."""

    suite: str = "trixie"
    mirror: str | None = None
    packages: tuple[str, ...] = ()  # beside those that a node needs
    engine: bool = True
    firewall: str = NO_FIREWALL
    user: str = ROOT  # who may log in; another one than root uses sudo

    @property
    def kind(self) -> tuple[t.Any, ...]:
        """What nodes of one lab are told apart by; the rest is the same for all of a lab."""
        return self.suite, self.engine, self.firewall, self.user
