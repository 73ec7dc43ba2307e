# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPT-LINT: the options of a network mean what they seem to mean."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import opt_lint
from sound import PLAIN, healthy, worst


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"encrypted": ""}, []),
        ({"encrypted": "true", "com.docker.network.driver.overlay.vxlanid_list": "4097"}, []),
        ({"encrypted": "false"}, ["encrypts all the same"]),
        ({"encryptd": ""}, ["encryptd is ignored"]),
        ({"com.docker.network.driver.mtu": "big"}, ["is no number"]),
    ],
)
def test_options(options: dict, words: list) -> None:
    found = opt_lint.strange(options)
    assert len(found) == len(words) and all(word in text for word, text in zip(words, found))
    facts = healthy()
    facts.networks = [dict(PLAIN, options=options)]
    assert worst(facts, "OPT-LINT") == ("fail" if words else "pass")
