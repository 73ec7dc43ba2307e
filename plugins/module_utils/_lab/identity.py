# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a clone of the image a node of its own: systemd credentials, handed over by the firmware.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import base64
import typing as t

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
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


def hosts_file(name: str, nodes: t.Iterable[NodeSpec]) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    lines += [f"{node.address} {node.name}" for node in nodes]
    return "\n".join(lines) + "\n"


def tmpfiles(files: t.Mapping[str, t.Tuple[str, str]]) -> str:
    """tmpfiles.d(5) lines that write these files ({path: (mode, content)}) at every boot."""
    return "".join(
        f"f+~ {path} {mode} root root - {base64.b64encode(content.encode()).decode()}\n"
        for path, (mode, content) in files.items()
    )


def credentials(
    node: NodeSpec, nodes: t.Sequence[NodeSpec], machine_id: str, user_key: str, host_key: t.Tuple[str, str]
) -> t.Dict[str, str]:
    """All credentials of a node. ``host_key`` is the private and the public part; the private one is a secret."""
    private, public = host_key
    return {
        "system.hostname": node.name,
        "system.machine_id": machine_id,
        "ssh.authorized_keys.root": user_key.strip(),
        "network.network.10-management": MANAGEMENT_NETWORK.format(mac=node.management_mac),
        "network.network.20-segment": SEGMENT_NETWORK.format(
            mac=node.segment_mac, address=node.address, prefix=node.prefix
        ),
        "tmpfiles.extra": tmpfiles(
            {
                "/etc/ssh/ssh_host_ed25519_key": ("0600", private),
                "/etc/ssh/ssh_host_ed25519_key.pub": ("0644", public),
                "/etc/hosts": ("0644", hosts_file(node.name, nodes)),
                "/etc/resolv.conf": ("0644", "nameserver 192.168.76.3\n"),
            }
        ),
    }


def smbios_string(name: str, value: str) -> str:
    """One SMBIOS OEM string (type 11), as systemd reads credentials from it."""
    return f"io.systemd.credential.binary:{name}={base64.b64encode(value.encode()).decode()}"
