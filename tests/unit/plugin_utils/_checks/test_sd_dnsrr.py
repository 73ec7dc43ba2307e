# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-DNSRR: a service's name in endpoint mode dnsrr resolves to the addresses of its running tasks, from every node."""

from __future__ import annotations

from sound import SECRET, healthy, judged


def test_no_dnsrr_service_is_a_skip() -> None:
    facts = healthy()
    facts.owners[SECRET["id"]].pop("rr")
    assert ("skip", "back", []) in judged(facts, "SD-DNSRR")
