# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error texts of other programs that give no code: the only place of a verification that parses prose. Pure.

Private to swarmlab.overlay. The collection's own messages are never parsed: results and problems carry a reason.
"""

from __future__ import annotations

import re
import typing as t


class Words(t.NamedTuple):
    """A known text and its reason. ``versions``: the versions that print it; ``sample``: an example."""

    reason: str
    pattern: re.Pattern[str]
    versions: str
    sample: str


# Errors of the kernel (errno(3)), which every program passes on in the same words.
KERNEL = (
    Words(
        "disk-full",
        re.compile(r"(?i)no space left on device|disk quota exceeded"),
        "Linux; Docker Engine 17.06 to 28.5 pass it on",
        "rejected: mkdir /var/lib/docker/containers/4f5e: no space left on device",
    ),
    Words(
        "disk-read-only",
        re.compile(r"(?i)read-only file system"),
        "Linux; Docker Engine 17.06 to 28.5 pass it on",
        "mkdir /var/lib/docker/overlay2/4f5e: read-only file system",
    ),
    Words(
        "limit-reached",
        re.compile(r"(?i)too many open files|resource temporarily unavailable|failed to create new OS thread"),
        "Linux; Docker Engine 17.06 to 28.5 pass it on",
        "open /var/lib/docker/overlay2/9c1c4d/.tmp-link1347146911: too many open files",
    ),
    Words(
        "memory-short",
        re.compile(r"(?i)cannot allocate memory|out of memory|MemoryError"),
        "Linux; Docker Engine 17.06 to 28.5 and Python 3.8 to 3.13 pass it on",
        "fork/exec /usr/bin/runc: cannot allocate memory",
    ),
)
# For a host that Ansible cannot reach, or whose engine refuses a call.
HOST = (
    *KERNEL,
    Words(
        "node-frozen",
        re.compile(r"is paused"),
        "Docker Engine 17.05 to 26.1",
        'Conflict ("Container swarmlab-detection-vm2 is paused, unpause the container before exec")',
    ),
    Words(
        "node-frozen",
        re.compile(r"banner exchange"),
        "OpenSSH 9.2 to 10.0",
        "ssh: Connection timed out during banner exchange",
    ),
    Words(
        "no-leader",
        re.compile(r"does not have a leader"),
        "Docker Engine 17.06 to 26.1",
        "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. "
        "Make sure more than half of the managers are online.",
    ),
)
# For a task that does not run, or an object of a run that the managers refuse.
TASK = (
    Words(
        "addresses-exhausted",
        re.compile(r"(?i)available (?:IP|address)|no available|address pool|no more (?:IP|addresses)"),
        "Docker Engine 17.06 to 26.1",
        "could not find an available IP while allocating VIP",
    ),
    Words(
        "image-missing",
        re.compile(r"(?i)no such image|pull access denied|manifest unknown|image .* not found"),
        "Docker Engine 20.10 to 26.1",
        "rejected: No such image: localhost/no/such:image",
    ),
    *KERNEL,
    Words(
        "network-left",
        re.compile(r"(?i)pool overlaps with other one"),
        "Docker Engine 17.06 to 28.5",
        "rejected: Pool overlaps with other one on this address space",
    ),
    Words(
        "tunnel-left",
        re.compile(r"(?i)vxlan interface: file exists"),
        "Docker Engine 17.09 to 26.1",
        'network sandbox join failed: subnet sandbox join failed for "10.0.2.0/24": error creating vxlan interface: file exists',
    ),
)
# For a container that must not join a network.
ATTACHMENT = (
    Words(
        "not-attachable",
        re.compile(r"not manually attachable"),
        "Docker Engine 20.10 to 26.1",
        "network front not manually attachable",
    ),
    Words(
        "swarm-late",
        re.compile(r"deadline exceeded"),
        "Docker Engine 20.10 to 28.5, whose own limit is 20 s",
        "attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded",
    ),
)


def reason(text: str, among: t.Iterable[Words], otherwise: str) -> str:
    """The reason in a text; ``otherwise`` for an unknown text."""
    return next((words.reason for words in among if words.pattern.search(text)), otherwise)
