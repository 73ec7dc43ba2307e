# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove secrets from text before it is shown. Pure, and linear in the text's length.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import re

GONE = "[removed]"
RULES = (
    # Join tokens and unlock keys of a swarm. They need no word boundary before them: in JSON, an escaped new line
    # ends in a letter.
    (re.compile(r"(SWMTKN|SWMKEY)-[0-9A-Za-z_+/=-]+"), rf"\1-{GONE}"),
    # Private keys: also with a log's prefix on each line, or as one line of JSON, or with their end cut off.
    (re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(-----END \1-----|\Z)", re.DOTALL), GONE),
    # PEM encoded in base64 once more: "-----BEGIN " at each of the three offsets, and the wrapped lines after it.
    (
        re.compile(
            r"(?:LS0tLS1CRUdJTi|0tLS0tQkVHSU4g|tLS0tLUJFR0lOI)[A-Za-z0-9+/=]*"
            r"(?:\n[A-Za-z0-9+/]{40,}={0,2})*(?:\n[A-Za-z0-9+/]*={1,2})?"
        ),
        GONE,
    ),
    # Credentials that the firmware passes to a machine, and files written from them.
    (re.compile(r"(io\.systemd\.credential(?:\.binary)?:[\w.@-]+=)\S+"), rf"\1{GONE}"),
    (re.compile(r"(opt/io\.systemd\.credentials/[\w.@-]+,string=)\S+"), rf"\1{GONE}"),
    (re.compile(r"(\bf\+?~ \S+ \S+ \S+ \S+ \S+ )[A-Za-z0-9+/=]{32,}"), rf"\1{GONE}"),
    # Key material in hexadecimal: in the kernel's notation, or after a word that announces it. Ids and digests stay.
    (re.compile(r"0x[0-9a-fA-F]{32,}\b"), f"0x{GONE}"),
    (
        re.compile(r"(?i)((?:key|secret|password|token)s?\b\\*[\"']?\s*[:= ]\s*\\*[\"'\[]?)[0-9a-f]{16,}\b"),
        rf"\1{GONE}",
    ),
)
KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")
KEY_REST = re.compile(r"(?:^|\s)[A-Za-z0-9+/]+={0,2}$")  # the last line may be shorter
KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{32,}$")


def redact(text: str) -> str:
    """The text without join tokens, private keys, credentials and key material."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return _without_beheaded_keys(text)


def _without_beheaded_keys(text: str) -> str:
    """Remove keys whose beginning was cut off: the line that ends one, and the base64 lines before it."""
    if not KEY_END.search(text):
        return text
    kept: list[str] = []
    for line in text.split("\n"):
        if KEY_END.search(line):
            if kept and KEY_REST.search(kept[-1].rstrip()):
                kept.pop()
            while kept and KEY_LINE.search(kept[-1].rstrip()):
                kept.pop()
            line = GONE
        kept.append(line)
    return "\n".join(kept)
