# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's identity: systemd credentials from the firmware, or a message to a clone that resumes.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import tarfile
import typing as t

from . import recipe
from .imagespec import ROOT, SUITES
from .settings import NodeSettings
from .spec import NodeSpec

MANAGEMENT_NETWORK = """\
[Match]
MACAddress={mac}

[Network]
Address=192.168.76.15/24
Gateway=192.168.76.2
LinkLocalAddressing=no
IPv6AcceptRA=no
"""

SEGMENT_NETWORK = """\
[Match]
MACAddress={mac}

[Link]
RequiredForOnline=no

[Network]
Address={address}/{prefix}
LinkLocalAddressing={link_local}
IPv6AcceptRA=no
"""


def hosts_file(name: str, nodes: t.Iterable[NodeSpec]) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    lines += [f"{node.address} {node.name}" for node in nodes]
    return "\n".join(lines) + "\n"


def tmpfiles(files: t.Mapping[str, tuple[str, str]]) -> str:
    """tmpfiles.d(5) lines that write these files ({path: (mode, content)}) at every boot."""
    return "".join(
        f"f+~ {path} {mode} root root - {base64.b64encode(content.encode()).decode()}\n"
        for path, (mode, content) in files.items()
    )


@dataclasses.dataclass(frozen=True)
class Identity:
    """A node's identity. ``host_key`` is the private and the public part; the private one is a secret.

    So is ``password``, for a user who is not root.
    """

    node: NodeSpec
    nodes: t.Sequence[NodeSpec]  # all nodes of the lab, including this one
    machine_id: str
    user_key: str
    host_key: tuple[str, str]
    settings: NodeSettings = NodeSettings()
    password: str = ""

    @property
    def kernel_arguments(self) -> str:
        """The part of the identity in the kernel's command line, for every version of systemd."""
        return f"systemd.hostname={self.node.name} systemd.machine_id={self.machine_id}"

    @property
    def networks(self) -> dict[str, str]:
        """systemd.network(5) files, by name."""
        node = self.node
        return {
            "10-management": MANAGEMENT_NETWORK.format(mac=node.management_mac),
            "20-segment": SEGMENT_NETWORK.format(
                mac=node.segment_mac,
                address=node.address,
                prefix=node.prefix,
                link_local="ipv6" if ":" in node.address else "no",
            ),
        }

    @property
    def files(self) -> dict[str, tuple[str, str]]:
        """Files of the node, as {path: (mode, content)}."""
        private, public = self.host_key
        return {
            "/etc/ssh/ssh_host_ed25519_key": ("0600", private),
            "/etc/ssh/ssh_host_ed25519_key.pub": ("0644", public),
            "/etc/hosts": ("0644", hosts_file(self.node.name, self.nodes)),
            "/etc/resolv.conf": ("0644", "nameserver 192.168.76.3\n"),
            **self._user_files,
        }

    @property
    def _user_files(self) -> dict[str, tuple[str, str]]:
        if self.settings.user == ROOT:
            return {}
        key = self.user_key.strip()
        return {recipe.USER_KEY: ("0600", key + "\n"), recipe.PASSWORD: ("0600", self.password + "\n")}

    @property
    def network_files(self) -> dict[str, tuple[str, str]]:
        return {f"/run/systemd/network/{name}.network": ("0644", text) for name, text in self.networks.items()}


def credentials(identity: Identity) -> dict[str, str]:
    """The identity as systemd credentials, for a node that boots."""
    by_credentials = SUITES[identity.settings.suite].network_credentials
    found = {"tmpfiles.extra": tmpfiles({**identity.files, **({} if by_credentials else identity.network_files)})}
    if by_credentials:
        found.update({f"network.network.{name}": content for name, content in identity.networks.items()})
    if identity.settings.user == ROOT:
        found["ssh.authorized_keys.root"] = identity.user_key.strip()
    return found


def message(identity: Identity, now: float, seed: bytes) -> bytes:
    """The identity in the format that a clone of the golden node reads from its serial port (see ``recipe``).

    ``now`` is the time in seconds since 1970; ``seed`` makes the clone's random numbers unique.
    """
    node = identity.node
    settings = {
        "NAME": node.name,
        "EPOCH": f"{now:.3f}",
        "MANAGEMENT_MAC": node.management_mac,
        "SEGMENT_MAC": node.segment_mac,
    }
    files = {
        **identity.files,
        "/etc/machine-id": ("0444", identity.machine_id + "\n"),
        **identity.network_files,
        recipe.IDENTITY: ("0600", "".join(f"{name}='{value}'\n" for name, value in settings.items())),
        recipe.IDENTITY_SEED: ("0600", seed.hex()),
    }
    if identity.settings.user == ROOT:
        files["/root/.ssh/authorized_keys"] = ("0600", identity.user_key.strip() + "\n")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, (mode, content) in files.items():
            data = content.encode()
            member = tarfile.TarInfo(path.lstrip("/"))
            member.mode, member.size, member.mtime = int(mode, 8), len(data), int(now)
            archive.addfile(member, io.BytesIO(data))
    return base64.encodebytes(buffer.getvalue()) + b"end\n"


def smbios_string(name: str, value: str) -> str:
    """One SMBIOS OEM string (type 11), as systemd reads credentials from it."""
    return f"io.systemd.credential.binary:{name}={base64.b64encode(value.encode()).decode()}"
