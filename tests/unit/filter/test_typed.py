# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that came as -e name=value, which are strings whatever the role says of them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.swarmlab.overlay.plugins.filter.typed import typed


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        ("false", "bool", False), ("no", "bool", False), ("0", "bool", False), ("true", "bool", True), (True, "bool", True),
        ('{"mtu": 1400}', "dict", {"mtu": 1400}), ("mtu=1400", "dict", {"mtu": "1400"}), ({"mtu": 1}, "dict", {"mtu": 1}),
        ("name=front", "dicts", [{"name": "front"}]), ([{"name": "a"}], "dicts", [{"name": "a"}]), ([], "dicts", []),
        ("a,b", "list", ["a", "b"]),
    ],
)  # fmt: skip
def test_a_value_is_read_as_the_validation_of_roles_reads_it(value, kind: str, read) -> None:
    assert typed(value, kind) == read


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("perhaps", "bool", "is no bool"),
        (None, "dict", "is no dict"),
        (3, "dicts", "is no dicts"),
        ("x", "set", "not set"),
    ],
)
def test_what_cannot_be_read_is_refused(value, kind: str, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        typed(value, kind)
