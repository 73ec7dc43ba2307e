# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that are safe to share: they contain no secrets.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import io
import tarfile
import typing as t

from ..module_utils._redact import redact


def archive(files: t.Mapping[str, str], folder: str, moment: int) -> bytes:
    """A gzipped tar archive of these texts, all of them redacted. ``moment`` is the time in seconds since 1970."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in sorted(files.items()):
            data = redact(text).encode("utf-8", "replace")
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mtime, member.mode = len(data), moment, 0o600
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
