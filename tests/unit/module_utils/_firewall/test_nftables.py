# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which input chains drop what nodes send, and what opens them. Expressions as nft 1.0.6 and 1.1.3 print them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall import nftables
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.model import Refusal, wanted

WANTED = wanted(["10.0.0.1", "10.0.0.2", "fd77::1"], True, 2377, 4789)
INPUT = ("inet", "filter", "input")
CONF = "/etc/nftables.conf"
TEXT = "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n"


def match(left: dict, right: object, op: str = "==") -> dict:
    return {"match": {"op": op, "left": left, "right": right}}


def port(protocol: str, right: object, op: str = "==") -> dict:
    return match({"payload": {"protocol": protocol, "field": "dport"}}, right, op)


def source(right: object, protocol: str = "ip") -> dict:
    return match({"payload": {"protocol": protocol, "field": "saddr"}}, right)


def ruleset(
    *rules: list[dict], policy: str = "accept", name: tuple[str, str, str] = INPUT, more: tuple[dict, ...] = ()
) -> nftables.Ruleset:
    family, table, chain = name
    base = {
        "family": family,
        "table": table,
        "name": chain,
        "type": "filter",
        "hook": "input",
        "prio": 0,
        "policy": policy,
    }
    rows = [{"chain": base}, {"chain": {"family": family, "table": table, "name": "other"}}, *more]
    rows += [
        {"rule": {"family": family, "table": table, "chain": chain, "handle": number + 10, "expr": expr}}
        for number, expr in enumerate(rules)
    ]
    rows += [{"rule": {"family": family, "table": table, "chain": "other", "handle": 99, "expr": [{"drop": None}]}}]
    return nftables.ruleset(json.dumps({"nftables": [{"metainfo": {"version": "1.1.3"}}, *rows]}))


DROP, REJECT = {"drop": None}, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}
NEW, STATE = match({"ct": {"key": "state"}}, "new", "in"), {"ct": {"key": "state"}}
IIF = {"meta": {"key": "iifname"}}


@pytest.mark.parametrize(
    "rule",
    [
        [DROP],
        [REJECT],
        [{"counter": {"packets": 0, "bytes": 0}}, DROP],
        [{"log": {"prefix": "x"}}, DROP],
        [NEW, DROP],
        [match(IIF, "eth0"), DROP],
        [match(IIF, "lo", "!="), DROP],
        [match({"meta": {"key": "l4proto"}}, {"set": ["tcp", "udp"]}), REJECT],
        [match({"meta": {"key": "l4proto"}}, "esp"), DROP],
        [port("udp", {"range": [1024, 65535]}), DROP],
        [port("tcp", 22, "!="), DROP],
        [port("th", {"set": [53, {"range": [4000, 5000]}]}), DROP],
        [source({"prefix": {"addr": "10.0.0.0", "len": 8}}), DROP],
        [match({"payload": {"protocol": "ip", "field": "protocol"}}, "udp"), DROP],
        [{"jump": {"target": "other"}}],
        [{"goto": {"target": "other"}}],
        [source({"set": ["fd77::1", "fd77::9"]}, "ip6"), DROP],
    ],
)
def test_rule_that_drops_what_nodes_send(rule):
    assert nftables.closing(ruleset([port("tcp", 22), {"accept": None}], rule), WANTED) == [INPUT]


@pytest.mark.parametrize(
    "rule",
    [
        [{"accept": None}],
        [match(STATE, "invalid", "in"), DROP],
        [match(IIF, "lo"), DROP],
        [port("tcp", 22), DROP],
        [port("tcp", {"set": [80, 443]}), REJECT],
        [source("192.168.1.9"), DROP],
        [source("@blocked"), port("tcp", "@ports"), REJECT],
        [{"limit": {"rate": 5, "burst": 5, "per": "second"}}, DROP],
        [match({"meta": {"key": "l4proto"}}, "icmp"), DROP],
        [{"vmap": {"key": STATE, "data": {"set": [["invalid", DROP], ["established", {"accept": None}]]}}}],
        [{"jump": {"target": "gone"}}],
        [port("udp", 6000, ">"), DROP],
        [source({"set": ["10.0.0.1"]}), match(STATE, "invalid", "in"), DROP],
        [{"xt": {"type": "match", "name": "policy"}}, DROP],
    ],
)
def test_rule_that_lets_nodes_by(rule):
    assert nftables.closing(ruleset(rule), WANTED) == []


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        (("ip", "fw", "in"), True),
        (("ip6", "fw", "in"), True),
        (("inet", "firewalld", "filter_INPUT"), False),
        (("ip", "filter", "INPUT"), False),
        (("bridge", "fw", "in"), False),
        (("netdev", "fw", "in"), False),
    ],
)
def test_tables_of_others_and_of_other_layers(name, closed):
    assert bool(nftables.closing(ruleset(policy="drop", name=name), WANTED)) == closed


def test_a_table_of_ipv6_is_not_closed_for_nodes_without_it():
    assert (
        nftables.closing(ruleset(policy="drop", name=("ip6", "fw", "in")), wanted(["10.0.0.1"], False, 2377, 4789))
        == []
    )


def seen(
    now: nftables.Ruleset, boot: nftables.Ruleset | None = None, config: str = CONF, text: str = TEXT, own: str = ""
) -> nftables.Seen:
    return nftables.Seen(now, boot or now, config, "/etc/nftables.d", text, own)


def opened(now: nftables.Ruleset, goal=WANTED) -> nftables.Ruleset:
    """What nft makes of our statements, for a chain without rules."""
    rows: list[dict] = []
    for version, field in ((4, "ip"), (6, "ip6")):
        nodes = goal.of(version)
        if not nodes:
            continue
        right = {"set": list(nodes)} if len(nodes) > 1 else nodes[0]
        for protocol, ports in goal.ports:
            last = (
                port(protocol, {"set": list(ports)} if len(ports) > 1 else ports[0])
                if ports
                else match({"meta": {"key": "l4proto"}}, protocol)
            )
            rows.append({"expr": [source(right, field), last, {"accept": None}]})
    own = (*INPUT[:2], nftables.CHAIN)
    rules = {
        **now.rules,
        own: rows,
        INPUT: [{"handle": 7, "expr": [{"jump": {"target": nftables.CHAIN}}]}, *now.rules.get(INPUT, [])],
    }
    return nftables.Ruleset({**now.chains, own: {"family": own[0], "table": own[1], "name": own[2]}}, rules)


def test_plan_opens_the_chain_that_drops_now_and_at_boot():
    closed = ruleset(policy="drop")
    plan = nftables.plan(WANTED, seen(closed))
    script = plan.commands[0].text.splitlines()
    assert script[0] == "add chain inet filter swarmlab_overlay"
    assert script[-1] == 'insert rule inet filter input jump swarmlab_overlay comment "swarmlab.overlay"'
    assert (
        'add rule inet filter swarmlab_overlay ip6 saddr { fd77::1 } meta l4proto esp accept comment "swarmlab.overlay"'
        in script
    )
    assert "delete" not in plan.commands[0].text and "flush ruleset" not in plan.commands[0].text
    (path, own), (config, text) = plan.files
    assert path == "/etc/nftables.d/swarmlab-overlay.nft" and own.splitlines()[1:] == script
    assert config == CONF and text == TEXT + 'include "/etc/nftables.d/swarmlab-overlay.nft" # swarmlab.overlay\n'
    again = nftables.plan(WANTED, seen(opened(closed), text=text, own=own))
    assert not again.changes and again.before == again.after


@pytest.mark.parametrize("spoil", ["second jump", "jump behind a drop", "rule more", "other address"])
def test_plan_mends_what_somebody_changed(spoil):
    first = nftables.plan(WANTED, seen(ruleset(policy="drop")))
    now = opened(ruleset([DROP], policy="drop"))
    rules = dict(now.rules)
    if spoil == "second jump":
        rules[INPUT] = [*rules[INPUT], {"handle": 8, "expr": [{"jump": {"target": nftables.CHAIN}}]}]
    elif spoil == "jump behind a drop":
        rules[INPUT] = rules[INPUT][::-1]
    elif spoil == "rule more":
        rules[INPUT[0], INPUT[1], nftables.CHAIN] = [
            *rules[INPUT[0], INPUT[1], nftables.CHAIN],
            {"expr": [{"accept": None}]},
        ]
    else:
        now = opened(ruleset([DROP], policy="drop"), wanted(["10.0.0.9", "fd77::1"], True, 2377, 4789))
        rules = now.rules
    plan = nftables.plan(
        WANTED, seen(nftables.Ruleset(now.chains, rules), text=first.files[1][1], own=first.files[0][1])
    )
    assert "delete rule inet filter input handle 7" in plan.commands[0].text and not plan.files


def test_absent_takes_back_chain_jump_file_and_line():
    first = nftables.plan(WANTED, seen(ruleset(policy="drop")))
    plan = nftables.plan(None, seen(opened(ruleset(policy="drop")), text=first.files[1][1], own=first.files[0][1]))
    assert plan.commands[0].text.splitlines() == [
        "delete rule inet filter input handle 7",
        "flush chain inet filter swarmlab_overlay",
        "delete chain inet filter swarmlab_overlay",
    ]
    assert plan.files == ((CONF, TEXT), ("/etc/nftables.d/swarmlab-overlay.nft", None)) and plan.after == ()
    assert not nftables.plan(None, seen(ruleset(policy="drop"))).changes


def test_a_pattern_that_includes_our_file_is_enough():
    text = TEXT + 'include "/etc/nftables.d/*.nft"\n'
    assert [path for path, _text in nftables.plan(WANTED, seen(ruleset(policy="drop"), text=text)).files] == [
        "/etc/nftables.d/swarmlab-overlay.nft"
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"config": ""}, "no file creates chain input of table inet filter at boot"),
        (
            {"boot": nftables.Ruleset({}, {}), "text": ""},
            "/etc/nftables.conf does not create chain input of table inet filter",
        ),
    ],
)
def test_what_would_not_survive_a_boot_is_refused(given, words):
    with pytest.raises(Refusal, match=words):
        nftables.plan(WANTED, seen(ruleset(policy="drop"), **given))


def test_two_chains_that_drop_are_both_opened():
    more = (
        {
            "chain": {
                "family": "ip",
                "table": "guard",
                "name": "in",
                "type": "filter",
                "hook": "input",
                "prio": 5,
                "policy": "drop",
            }
        },
    )
    plan = nftables.plan(WANTED, seen(ruleset(policy="drop", more=more)))
    assert plan.commands[0].text.count("insert rule") == 2
    assert "ip6" not in "".join(row for row in plan.commands[0].text.splitlines() if " guard " in row)
