# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruptions that container nodes cannot have, each upon a machine that does not stand them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from conftest import Lab

pytestmark = pytest.mark.life  # a reboot between two proofs takes an emulated machine eight minutes
# What is in /run is gone after a reboot: the engine can be restarted now, and does not start at boot.
BY_HAND = "/run/engine-started-by-hand"
DROP_IN = "/etc/systemd/system/docker.service.d/by-hand.conf"
READY = "for try in $(seq 90); do docker node ls | grep -q 'vm2.*Ready' && exit 0; sleep 2; done; exit 1"


@pytest.fixture
def frail_vm2(lab: Lab) -> Iterator[None]:
    """Debian's nftables.service is on, whose restart flushes the rules of the engine, and nothing starts the engine at boot."""
    node = lab.node("vm2")
    node.sh(
        f"touch {BY_HAND} && mkdir -p {DROP_IN.rpartition('/')[0]} && printf '[Unit]\\nConditionPathExists={BY_HAND}\\n' > {DROP_IN}"
    )
    node.sh("systemctl daemon-reload && systemctl start nftables && systemctl restart docker")
    lab.node("vm1").sh(READY)
    yield
    node.sh(f"rm {DROP_IN} && systemctl daemon-reload && systemctl stop nftables && systemctl restart docker")
    lab.node("vm1").sh(READY)


@pytest.mark.usefixtures("frail_vm2")
def test_a_flushed_firewall_and_an_engine_that_stays_down_after_a_reboot_are_found(lab: Lab) -> None:
    boot = lab.node("vm2").sh("cat /proc/sys/kernel/random/boot_id")
    # By force: an engine that was just restarted may have lost a name, which is told, and not what this is about.
    asked = {"verify_networks": ["plain"], "verify_checks": ["DIS-FIREWALL", "DIS-REBOOT"], "verify_disruptive": ["firewall-reload", "reboot"],
             "verify_disruptive_node": "vm2", "verify_disruptive_timeout": 60, "verify_disruptive_force": True}  # fmt: skip
    code, output = lab.play("verify.yml", "-e", json.dumps(asked))
    assert code != 0, output
    results = {check["id"]: check for check in lab.report()["checks"]}
    found = {ident: (results[ident]["status"], results[ident]["nodes"]) for ident in ("DIS-FIREWALL", "DIS-REBOOT")}
    assert found == {"DIS-FIREWALL": ("fail", ["vm2"]), "DIS-REBOOT": ("fail", ["vm2"])}, output
    assert "nftables" in results["DIS-FIREWALL"]["evidence"]["summary"], results["DIS-FIREWALL"]
    assert lab.node("vm2").sh("cat /proc/sys/kernel/random/boot_id") != boot
    assert "systemctl enable docker" in results["DIS-REBOOT"]["hint"]
