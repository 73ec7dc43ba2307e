# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw, by the files that ufw 0.36.2 writes."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall import ufw
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.model import Refusal, wanted

WANTED = wanted(["10.93.0.11", "fd77::11"], True, 2377, 4789)
COMMENT = b"swarmlab.overlay".hex()
THEIRS = """### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
### tuple ### deny any 9999 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow udp 53 0.0.0.0/0 any 10.0.0.0/8 in comment=646e73
### tuple ### allow any any 0.0.0.0/0 any 10.93.0.99 in_eth1
### tuple ### route:allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth0!out_eth1
"""
OURS = f"""### tuple ### allow tcp 2377,7946 0.0.0.0/0 any 10.93.0.11 in comment={COMMENT}
### tuple ### allow udp 4789,7946 0.0.0.0/0 any 10.93.0.11 in comment={COMMENT}
### tuple ### allow esp any 0.0.0.0/0 any 10.93.0.11 in comment={COMMENT}
### tuple ### allow tcp 2377,7946 ::/0 any fd77::11 in comment={COMMENT}
### tuple ### allow udp 4789,7946 ::/0 any fd77::11 in comment={COMMENT}
### tuple ### allow esp any ::/0 any fd77::11 in comment={COMMENT}
"""


def test_plan_calls_ufw_once_a_rule():
    plan = ufw.plan(WANTED, ufw.Seen(THEIRS, True))
    assert [" ".join(command.argv) for command in plan.commands][:3] == [
        "ufw prepend allow proto tcp from 10.93.0.11 to any port 2377,7946 comment swarmlab.overlay",
        "ufw prepend allow proto udp from 10.93.0.11 to any port 4789,7946 comment swarmlab.overlay",
        "ufw prepend allow proto esp from 10.93.0.11 to any comment swarmlab.overlay",
    ]
    assert len(plan.commands) == 6
    assert not ufw.plan(WANTED, ufw.Seen(THEIRS + OURS, True)).changes


def test_nodes_that_went_are_taken_back_and_rules_of_others_stay():
    plan = ufw.plan(wanted(["10.93.0.11"], True, 2377, 4789), ufw.Seen(THEIRS + OURS, True))
    assert {command.argv[:3] for command in plan.commands} == {("ufw", "--force", "delete")}
    assert all("fd77::11" in command.argv for command in plan.commands)
    assert len(ufw.plan(None, ufw.Seen(THEIRS + OURS, True)).commands) == 6
    assert not ufw.plan(None, ufw.Seen(THEIRS, True)).changes
    assert set(ufw.held(ufw.Seen(THEIRS + OURS, True))) == {"10.93.0.11", "fd77::11"}


def test_a_changed_port_replaces_the_rule():
    words = [
        " ".join(command.argv)
        for command in ufw.plan(wanted(["10.93.0.11", "fd77::11"], True, 2377, 7789), ufw.Seen(OURS, True)).commands
    ]
    assert words[0] == "ufw prepend allow proto udp from 10.93.0.11 to any port 7789,7946 comment swarmlab.overlay"
    assert words[2] == "ufw --force delete allow proto udp from 10.93.0.11 to any port 4789,7946" and len(words) == 4


def test_the_same_rule_of_somebody_else_stays_theirs():
    theirs = OURS.replace(f" comment={COMMENT}", "")
    assert not ufw.plan(WANTED, ufw.Seen(theirs, True)).changes
    assert not ufw.plan(None, ufw.Seen(theirs, True)).changes


def test_ipv6_that_ufw_does_not_look_after_is_refused():
    with pytest.raises(Refusal, match="set IPV6=yes in /etc/default/ufw"):
        ufw.plan(WANTED, ufw.Seen(THEIRS, False))
    assert ufw.plan(wanted(["10.93.0.11"], False, 2377, 4789), ufw.Seen(THEIRS, False)).changes
