# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The specification of a node's image: Debian suite and contents. Nodes with equal specifications share one image.

Private to the collection swarmlab.overlay. ``recipe`` defines how such an image is built.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Suite:
    """The differences between Debian suites."""

    engine: tuple[str, ...] = ("docker-cli", "docker.io")
    # From version 256 on, systemd reads its networks from credentials; earlier versions need files.
    network_credentials: bool = True
    # The package lists of a suite that changes daily are signed for a week, and a mirror may be older than that.
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
    """The contents of an image."""

    suite: str = "trixie"
    mirror: str | None = None
    packages: tuple[str, ...] = ()  # besides those that a node needs
    engine: bool = True
    firewall: str = NO_FIREWALL
    user: str = ROOT  # the user who may log in; any other than root uses sudo

    @property
    def kind(self) -> tuple[t.Any, ...]:
        """The settings that can differ between nodes of one lab; the rest is the same for all of them."""
        return self.suite, self.engine, self.firewall, self.user
