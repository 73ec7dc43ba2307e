# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Performance is measured on a real swarm, on networks of the run's own, and only where the kernel can do it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_verify import Verified, leftovers, wait_until


def performance(done: Verified) -> list[dict]:
    return done.of("PF-SPEED")[0]["evidence"]["performance"]


def test_every_way_is_measured_or_told_why_not(swarm, unique: str, tmp_path: Path) -> None:
    swarm.docker("vm1", "network", "create", "-d", "overlay", "-o", "encrypted", f"{unique}-secret")
    done = Verified(swarm, tmp_path, verify_networks=[f"{unique}-secret"], verify_checks=["PRE-KMOD", "PF-*"], verify_performance=True,
                    verify_performance_seconds=0.2)  # fmt: skip
    assert [row["status"] for row in done.of("PF-SPEED")] == ["pass"], done.output
    lacking = " ".join(done.of("PRE-KMOD")[0]["evidence"].get("missing", {})).split()
    rows = performance(done)
    assert len(rows) == 3 * 2 * 5 and {row["source"] for row in rows} == set(swarm.nodes)
    for row in rows:
        no_ipvs = row["via"] == "vip" and "ip_vs" in lacking
        no_esp = (
            row["path"] == "encrypted" and "esp4" in lacking and (row["where"] == "other node" or row["via"] == "vip")
        )
        if no_ipvs or no_esp:
            assert row["mbit"] is None and "lacks " + ("ip_vs" if no_ipvs else "esp4") in row["problem"], row
        else:
            assert row["problem"] is None and row["mbit"] > 1 and 0 < row["latency_ms"] < 100 and row["ratio"] > 0, row
        assert (row["ratio"] == 1) == (row["path"] == "host")
    assert "Performance" in done.output and "other node: plain overlay" in done.output
    folder = tmp_path / "report"
    assert "of the hosts&#x27; path" in (folder / "report.html").read_text(encoding="utf-8")
    names = [item.get("name") for item in ElementTree.parse(folder / "junit.xml").iter("property")]
    assert "performance: other node, plain overlay" in names
    wait_until(
        lambda: not leftovers(swarm), 30
    )  # the swarm itself forgets a removed network when its last task has ended


@pytest.mark.rare
@pytest.mark.long
def test_a_path_that_does_not_work_is_no_figure(swarm, tmp_path: Path) -> None:
    """Data port closed on vm2: what crosses to or from it is inconclusive, the hosts' own path and each node alone are measured."""
    rule = "INPUT -p udp --dport 4789 -j DROP"
    swarm.shell("vm2", f"iptables -I {rule}")
    try:
        done = Verified(swarm, tmp_path, verify_checks=["PF-SPEED"], verify_performance=True,
                        verify_performance_seconds=0.1)  # fmt: skip
    finally:
        swarm.shell("vm2", f"iptables -D {rule}")
    found = done.of("PF-SPEED")[0]
    assert found["status"] == "inconclusive" and "vm2" in found["nodes"] and done.code != 0
    broken = [row for row in performance(done) if row["problem"] and "lacks" not in row["problem"]]
    assert broken and all("vm2" in (row["source"], row["target"]) and row["path"] == "overlay" for row in broken)


@pytest.mark.rare
@pytest.mark.long
def test_a_host_path_that_is_closed_is_left_out(swarm, tmp_path: Path) -> None:
    """Nobody has to open the port to measure: it is no fault of the networks."""
    rule = "INPUT -i eth0 -p tcp --dport 19748 -j REJECT"
    for host in swarm.nodes:
        swarm.shell(host, f"iptables -I {rule}")
    try:
        done = Verified(swarm, tmp_path, verify_checks=["PF-SPEED"], verify_performance=True,
                        verify_performance_seconds=0.1)  # fmt: skip
    finally:
        for host in swarm.nodes:
            swarm.shell(host, f"iptables -D {rule}")
    found = done.of("PF-SPEED")[0]
    assert found["status"] == "pass" and "may be closed" in found["evidence"]["remarks"][0]
    crossing = [
        row
        for row in performance(done)
        if row["where"] == "other node" and row["via"] == "direct" and row["path"] == "overlay"
    ]
    assert crossing and all(row["mbit"] and row["ratio"] is None for row in crossing)


def test_without_the_switch_nothing_is_measured(swarm, tmp_path: Path) -> None:
    code, output = swarm.playbook(
        "swarmlab.overlay.verify", {"verify_checks": ["PF-SPEED"], "verify_directory": str(tmp_path)}
    )
    assert code != 0 and "verify_performance: true" in output and "Setting up" not in output
