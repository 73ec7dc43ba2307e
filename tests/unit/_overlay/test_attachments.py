# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments of existing containers: what is to be done, and what is taken over from another attachment."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.attachments import (
    AttachmentSpec,
    decide,
    like_endpoint,
    parse_attachment_list,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import SpecError

THERE = {"Aliases": ["www", "0123456789ab"], "IPAddress": "10.1.0.5", "IPAMConfig": {"IPv4Address": "10.1.0.5"}}
AUTOMATIC = {"0123456789ab", "box"}


@pytest.mark.parametrize(
    "declared, settings, action",
    [
        ({}, None, "attach"),
        ({}, THERE, "none"),
        ({"state": "absent"}, None, "none"),
        ({"state": "absent"}, THERE, "detach"),
        ({"aliases": ("www",)}, THERE, "none"),
        ({"aliases": ()}, THERE, "reattach"),
        ({"aliases": ("box", "www")}, THERE, "reattach"),
        ({"ipv4_address": "10.1.0.5"}, THERE, "none"),
        ({"ipv4_address": "10.1.0.6"}, THERE, "reattach"),
    ],
)
def test_decisions(declared: dict[str, t.Any], settings: dict | None, action: str) -> None:
    assert decide(AttachmentSpec("box", "net", **declared), settings, AUTOMATIC).action == action


def test_the_users_choices_are_taken_over_and_the_engines_are_not() -> None:
    settings = dict(THERE, DriverOpts={"a": "b"}, Links=None, MacAddress="02:42:0a:01:00:05", NetworkID="x")
    assert like_endpoint(settings, "0123456789abcdef") == {"Aliases": ["www"], "DriverOpts": {"a": "b"}}


def test_bad_entries_are_named_all_at_once() -> None:
    entries = [{"container": "a", "network": "n", "ipv4_address": "10.0.0"}, {"container": "b", "network": "n"}] * 2
    with pytest.raises(SpecError) as caught:
        parse_attachment_list(entries, "present")
    for words in ("container a: networks: ipv4_address '10.0.0'", "container b: network n is declared 2 times"):
        assert words in caught.value.message
