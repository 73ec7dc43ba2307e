# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of attached containers: comparison and the reasons of refusals."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.container_spec import (
    compare,
    create_arguments,
    explain_refusal,
    parse_containers,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import SpecError

FULL = {
    "name": "cli", "image": "img:1", "command": "sleep 10", "env": {"A": "b"}, "labels": {"l": "1"}, "hostname": "h",
    "networks": [{"name": "front", "aliases": ["al"], "ipv4_address": "10.1.0.5"}],
}
OTHER = {
    "image": "img:2", "command": "sleep 11", "env": {"A": "c"}, "labels": {}, "hostname": "i",
    "networks": [{"name": "front", "aliases": ["al"]}],
}
IMAGE = {"Config": {"Env": ["PATH=/bin"], "Labels": {"maker": "x"}}}


def parse(**entry: t.Any) -> t.Any:
    return parse_containers({"containers": [entry]})[0]


def engine_makes(spec: t.Any) -> dict[str, t.Any]:
    """What the engine reports of the container: short id among the aliases, environment of the image."""
    body = create_arguments(spec)
    endpoints = {
        name: dict(settings, Aliases=settings["Aliases"] + ["0123456789ab"], IPAMConfig={"IPv4Address": "10.1.0.5"})
        for name, settings in body["NetworkingConfig"]["EndpointsConfig"].items()
    }
    config = {
        "Image": body["Image"], "Cmd": body["Cmd"], "Hostname": body["Hostname"], "Env": body["Env"] + ["PATH=/bin"],
        "Labels": dict(body["Labels"], maker="x"),
    }
    return {"Id": "0123456789abcdef", "Name": "/cli", "Config": config, "NetworkSettings": {"Networks": endpoints}}


def test_what_was_created_is_as_declared() -> None:
    spec = parse(**FULL)
    assert compare(spec, engine_makes(spec), IMAGE) == {}


@pytest.mark.parametrize("field", sorted(OTHER))
def test_every_field_is_compared(field: str) -> None:
    created = engine_makes(parse(**FULL))
    assert list(compare(parse(**dict(FULL, **{field: OTHER[field]})), created, IMAGE)) == [field]


def test_an_address_that_the_swarm_chose_is_no_difference() -> None:
    spec = parse(**{**FULL, "networks": ["front"]})
    assert compare(spec, engine_makes(spec), IMAGE) == {}


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"name": "x"}, "two or more"),
        ({"image": None}, "image is needed"),
        ({"networks": []}, "networks is needed"),
        ({"networks": [{"name": "a", "ipv4_address": "10.0.0"}]}, "not an IPv4 address"),
        ({"hostname": "-a"}, "not a host name"),
    ],
)
def test_bad_entries(entry: dict, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(**dict(FULL, **entry))
    assert words in caught.value.message


@pytest.mark.parametrize(
    "reason, words",
    [
        ("network a not manually attachable", "attachable: true on network a"),
        ("network a not found", "overlay_network on a manager"),
        ("no configured subnet or ip-range contain the IP address 10.9.9.9", "inside a subnet of network a"),
        ("attaching to network failed: context deadline exceeded", "is taken"),
        ("OCI runtime create failed: executable file not found", "Correct the declaration"),
    ],
)
def test_refusals_say_what_to_do(reason: str, words: str) -> None:
    text = explain_refusal("cli", "a", reason)
    assert words in text
    assert reason in text
