# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld, by what firewall-cmd 2.3.1 printed on Debian 13 (shortened)."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall import firewalld
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.model import Refusal, wanted

WANTED = wanted(["10.93.0.11", "10.93.0.12"], False, 2377, 4789)
ZONE = """{name}
  target: {target}
  ingress-priority: 0
  egress-priority: 0
  icmp-block-inversion: no
  interfaces: {interfaces}
  sources: {sources}
  services: dhcpv6-client ssh
  ports: 
  protocols: 
  forward: yes
  masquerade: no
  forward-ports: 
  source-ports: 
  icmp-blocks: 
  rich rules: {rules}
"""  # noqa: W291
THEIRS = 'rule family="ipv4" source address="10.0.0.0/8" service name="ssh" log prefix="x" level="info" accept'


def zone(
    name: str, interfaces: str = "", sources: str = "", target: str = "default", rules: tuple[str, ...] = ()
) -> str:
    return ZONE.format(
        name=name, target=target, interfaces=interfaces, sources=sources, rules="".join(f"\n\t{row}" for row in rules)
    )


def seen(
    *runtime: str, permanent: tuple[str, ...] | None = None, routes: dict[str, str] | None = None
) -> firewalld.Seen:
    there = firewalld.zones("\n".join(permanent if permanent is not None else runtime))
    given = routes if routes is not None else {"10.93.0.11": "lo", "10.93.0.12": "eth1"}
    return firewalld.Seen(firewalld.zones("\n".join(runtime)), there, "public", given)


DOCKER = zone("docker (active)", "docker0 docker_gwbridge", target="ACCEPT")
PUBLIC = zone("public (default, active)", "eth0", rules=(THEIRS,))
OURS = tuple(
    firewalld.rule("10.93.0.12", protocol, port)
    for protocol, port in (("tcp", 7946), ("udp", 4789), ("udp", 7946), ("esp", None))
)


def test_zones_are_read():
    known = firewalld.zones(f"{DOCKER}\n{PUBLIC}\n{zone('drop', target='DROP')}")
    assert sorted(known) == ["docker", "drop", "public"]
    assert known["docker"] == firewalld.Zone("ACCEPT", ("docker0", "docker_gwbridge"), (), ())
    assert known["public"].rules == (THEIRS,) and known["drop"].target == "DROP"


def test_plan_opens_runtime_and_permanent_and_never_reloads():
    plan = firewalld.plan(WANTED, seen(DOCKER, PUBLIC))
    assert [command.argv[:3] for command in plan.commands] == [
        ("firewall-cmd", "--zone=public", f"--add-rich-rule={OURS[0]}"),
        ("firewall-cmd", "--permanent", "--zone=public"),
    ]
    assert {word for command in plan.commands for word in command.argv if "rich" in word} == {
        f"--add-rich-rule={row}" for row in OURS
    }
    assert (
        OURS[0]
        == 'rule priority="-7946" family="ipv4" source address="10.93.0.12" port port="7946" protocol="tcp" accept'
    )
    assert OURS[3] == 'rule priority="-7946" family="ipv4" source address="10.93.0.12" protocol value="esp" accept'
    assert not firewalld.plan(
        WANTED, seen(DOCKER, zone("public (default, active)", "eth0", rules=(THEIRS, *OURS)))
    ).changes


def test_what_a_reload_would_lose_is_made_permanent():
    with_ours = zone("public (active)", "eth0", rules=OURS)
    plan = firewalld.plan(WANTED, seen(with_ours, permanent=(zone("public", "eth0"),)))
    assert [command.argv[1] for command in plan.commands] == ["--permanent"]


@pytest.mark.parametrize(
    ("zones", "name"),
    [
        ((PUBLIC, zone("internal (active)", "eth1")), "internal"),
        ((PUBLIC, zone("internal (active)", "eth1"), zone("backup (active)", sources="10.93.0.0/24")), "backup"),
        ((PUBLIC, zone("odd (active)", sources="00:11:22:33:44:55 ipset:known fd77::/64")), "public"),
        ((PUBLIC, zone("trusted (active)", "eth1", target="ACCEPT")), None),
    ],
)
def test_rules_stand_in_the_zone_by_which_nodes_come(zones, name):
    plan = firewalld.plan(WANTED, seen(*zones))
    assert {word for command in plan.commands for word in command.argv if word.startswith("--zone")} == (
        {f"--zone={name}"} if name else set()
    )


def test_nodes_that_went_are_taken_back_and_rules_of_others_stay():
    old = firewalld.rule("10.93.0.99", "udp", 7946)
    plan = firewalld.plan(
        WANTED, seen(zone("public (active)", "eth0", rules=(THEIRS, old, *OURS)), zone("internal", rules=(OURS[0],)))
    )
    assert {word for command in plan.commands for word in command.argv if "rich" in word} == {
        f"--remove-rich-rule={row}" for row in (old, OURS[0])
    }
    assert firewalld.held(seen(zone("public", rules=(THEIRS, old)))) == ["10.93.0.99", "10.93.0.99"]
    gone = firewalld.plan(None, seen(zone("public (active)", "eth0", rules=(THEIRS, *OURS))))
    assert THEIRS not in str(gone.commands) and gone.after == () and len(gone.before) == 8


def test_a_zone_that_is_not_permanent_is_refused():
    with pytest.raises(Refusal, match="zone public is not permanent"):
        firewalld.plan(WANTED, seen(PUBLIC, permanent=()))


def test_rules_are_taken_back_while_firewalld_does_not_run():
    xml = """<?xml version="1.0" encoding="utf-8"?>
<zone>
  <rule priority="-7946" family="ipv4">
    <source address="10.93.0.12"/>
    <port port="7946" protocol="tcp"/>
    <accept/>
  </rule>
  <rule priority="-7946" family="ipv4">
    <source address="10.93.0.12"/>
    <protocol value="esp"/>
    <accept/>
  </rule>
  <rule family="ipv4">
    <source address="10.0.0.0/8"/>
    <service name="ssh"/>
    <accept/>
  </rule>
</zone>
"""
    plan = firewalld.offline({"public": xml})
    assert [command.argv for command in plan.commands] == [
        ("firewall-offline-cmd", "--zone=public", f"--remove-rich-rule={row}") for row in (OURS[0], OURS[3])
    ]
    assert not firewalld.offline({"public": xml.replace("-7946", "0")}).changes
