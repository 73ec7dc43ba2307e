# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container image of one file: a static program of a few bytes that waits for ever.

Private to swarmlab.overlay. Standard library only. It needs no registry and no tool, so that probing does not depend
on the images that a swarm can pull.
"""

from __future__ import annotations

import io
import struct
import tarfile

# Swarm asks the image's registry before it uses the local image. "localhost" answers at once, and no one else can
# publish an image of this name there.
REPOSITORY = "localhost/swarmlab/pause"
VERSION = "1"
IMAGE = REPOSITORY + ":" + VERSION
CHANGES = (
    'ENTRYPOINT ["/pause"]',
    'LABEL swarmlab.overlay/managed="true"',
)  # settings of the image, applied at the import of the archive
BASE = 0x400000
HEADERS = 64 + 56
EXECUTABLE, READ_EXECUTE, LOAD = 2, 5, 1

X86_64 = bytes.fromhex(
    "b822000000"  # mov eax, 34 (pause)
    "0f05"  # syscall
    "ebf7"  # jmp to the start
)
AARCH64 = b"".join(
    struct.pack("<I", word)
    for word in (
        0xD2800000,  # mov x0, #0
        0xD2800001,  # mov x1, #0
        0xD2800002,  # mov x2, #0
        0xD2800003,  # mov x3, #0
        0xD2800004,  # mov x4, #0
        0xD2800928,  # mov x8, #73 (ppoll: this architecture has no pause)
        0xD4000001,  # svc #0
        0x17FFFFF9,  # b to the start
    )
)
MACHINES = {"x86_64": (62, X86_64), "amd64": (62, X86_64), "aarch64": (183, AARCH64), "arm64": (183, AARCH64)}


def program(machine: str) -> bytes:
    """The ELF executable for this machine (the name from uname). Raises ValueError for an unknown machine."""
    if machine not in MACHINES:
        raise ValueError(f"no pause program for {machine}; name an image that keeps running with verify_image")
    number, code = MACHINES[machine]
    size = HEADERS + len(code)
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", EXECUTABLE, number, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", LOAD, READ_EXECUTE, 0, BASE, BASE, size, size, 0x1000)
    return header + code


def archive(machine: str) -> bytes:
    """The image's root file system as a tar archive, with the same bytes every time."""
    content = program(machine)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("pause")
        entry.size = len(content)
        entry.mode = 0o755
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
