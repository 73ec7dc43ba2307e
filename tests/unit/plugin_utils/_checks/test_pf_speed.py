# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PF-SPEED: the speed of a plain and an encrypted overlay, beside that of the path between the hosts themselves."""

from __future__ import annotations

from sound import CHECKS, HOSTS, healthy, missing


def test_speed_is_shown_beside_the_hosts_own_path() -> None:
    facts = healthy()
    rows = CHECKS["PF-SPEED"].judge(facts)[0]["evidence"]["performance"]
    assert len(rows) == 3 * 2 * 5 and {row["source"] for row in rows} == set(HOSTS)
    assert {(row["via"], row["ratio"]) for row in rows} == {("direct", 1.0), ("vip", 0.5)}
    facts.opened = {host: data for host, data in facts.opened.items() if host == "vm1"}
    facts.served = {"vm1": facts.served["vm1"]}
    assert {row["where"] for row in CHECKS["PF-SPEED"].judge(facts)[0]["evidence"]["performance"]} == {"same node"}


def test_what_a_kernel_lacks_is_not_measured_and_no_failure() -> None:
    facts = healthy()
    for host in HOSTS:
        missing(facts, host, "ip_vs")
    missing(facts, "vm2", "esp4")
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert found["status"] == "pass"
    for row in found["evidence"]["performance"]:
        touched = row["where"] == "other node" and "vm2" in (row["source"], row["target"])
        reason = "ip_vs" if row["via"] == "vip" else "esp4" if row["path"] == "encrypted" and touched else None
        assert (row["mbit"] is None) == bool(reason) and (reason or "") in (row["problem"] or ""), row
    planned = [row["id"] for rows in CHECKS["PF-SPEED"].measurements(facts).values() for row in rows]
    assert planned and not any(ident.endswith("/vip") for ident in planned)


def test_a_path_without_a_figure_is_inconclusive_unless_it_is_the_hosts_own() -> None:
    facts = healthy()
    for rows in facts.measured.values():
        for ident in rows:
            if "/host/" in ident:
                rows[ident] = {"error": "no answer"}
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert found["status"] == "pass" and "may be closed" in found["evidence"]["summary"]
    facts = healthy()
    source = next(iter(facts.measured))
    ident = next(ident for ident in facts.measured[source] if "/overlay/direct" in ident and f"/{source}/" not in ident)
    facts.measured[source][ident] = {"error": "no answer"}
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert (found["status"], set(found["nodes"])) == ("inconclusive", {source, ident.split("/")[1]})
    facts.measured[source][ident] = {"mbit": 1.0, "latency_ms": 9.0}
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert found["status"] == "pass" and "less than a fiftieth" in found["evidence"]["remarks"][0]
