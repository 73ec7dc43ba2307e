# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the few fields of an X.509 certificate that identify a swarm node.

Private to swarmlab.overlay. Standard library only. It reads public parts only, never a key.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import re
import time
import typing as t

from . import shapes

NAMES = {"2.5.4.3": "CN", "2.5.4.10": "O", "2.5.4.11": "OU"}
UTC_TIME, CONTEXT_0 = 0x17, 0xA0


class Element(t.NamedTuple):
    """One DER element: its tag, its content, and its whole encoding."""

    tag: int
    content: bytes
    raw: bytes


def elements(data: bytes) -> list[Element]:
    """The DER elements that follow each other in ``data``."""
    found = []
    offset = 0
    while offset < len(data):
        element = _element(data, offset)
        found.append(element)
        offset += len(element.raw)
    return found


def _element(data: bytes, offset: int) -> Element:
    if offset + 2 > len(data):
        raise ValueError("the certificate is cut short")
    size, start = data[offset + 1], offset + 2
    if size & 0x80:
        width = size & 0x7F
        size, start = int.from_bytes(data[start : start + width], "big"), start + width
    if start + size > len(data):
        raise ValueError("the certificate is cut short")
    return Element(data[offset], data[start : start + size], data[offset : start + size])


def object_id(content: bytes) -> str:
    """The dotted form of an object identifier."""
    numbers, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in [first, numbers[0] - 40 * first, *numbers[1:]])


def name_fields(name: bytes) -> dict[str, str]:
    """CN, O and OU of a distinguished name."""
    fields = {}
    for part in elements(name):
        for pair in elements(part.content):
            kind, value = elements(pair.content)[:2]
            label = NAMES.get(object_id(kind.content))
            if label:
                fields[label] = value.content.decode("utf-8", "replace")
    return fields


def epoch(moment: Element) -> int:
    """Seconds since 1970 of a UTCTime or GeneralizedTime."""
    text = moment.content.decode("ascii")
    if moment.tag == UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))


def pem_blocks(text: str) -> list[bytes]:
    """The certificates in a PEM file."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", text, re.DOTALL)
    return [base64.b64decode(block) for block in blocks]


def parse(der: bytes) -> shapes.Certificate:
    """Subject, issuer and validity of a certificate, and the issuer name's digest in the format of the swarm's API."""
    body = elements(elements(der)[0].content)[0]
    fields = elements(body.content)
    if fields[0].tag == CONTEXT_0:
        fields = fields[1:]
    issuer, validity, subject = fields[2], elements(fields[3].content), fields[4]
    return {
        "subject": name_fields(subject.content),
        "issuer": name_fields(issuer.content),
        "issuer_digest": digest(issuer.raw),
        "not_before": epoch(validity[0]),
        "not_after": epoch(validity[1]),
    }


def digest(data: bytes) -> str:
    """A short digest of public data, to compare it across nodes."""
    return hashlib.sha256(data).hexdigest()[:16]


def roots_digest(text: str) -> str:
    """The digest of the trusted roots in a PEM text, independent of white space and order."""
    return digest(b"".join(sorted(pem_blocks(text))))


def node(folder: str) -> shapes.Certificate | shapes.Unread:
    """The leaf and trusted roots in a node's certificate folder, or the reason why they cannot be read."""
    try:
        with open(folder + "/swarm-node.crt", encoding="ascii") as handle:
            leaf = parse(pem_blocks(handle.read())[0])
        with open(folder + "/swarm-root-ca.crt", encoding="ascii") as handle:
            leaf["roots_digest"] = roots_digest(handle.read())
    except OSError as error:
        return {"error": f"{error.filename}: {error.strerror}"}
    except (ValueError, IndexError) as error:
        return {"error": f"{folder}: not a certificate ({error})"}
    return leaf
