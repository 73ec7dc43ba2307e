# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module swarm_firewall on real nodes: what it writes lets packets through, survives the tool's reload, and goes again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

CONF = """#!/usr/sbin/nft -f
table inet filter {
  chain input {
    type filter hook input priority filter; policy %s;
    iif lo accept
    ct state established,related accept
    tcp dport 22 accept
    %s
  }
}
"""
CLEAN = "nft delete table inet filter 2>/dev/null; rm -rf /etc/nftables.d; cp /root/nftables.conf /etc/nftables.conf"
HEARD = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', %d)); s.settimeout(2)\n"
    "try: print(s.recv(9).decode())\nexcept socket.timeout: print('nothing')"
)


@pytest.fixture
def closed(swarm, request) -> Iterator[str]:
    """An nftables.conf that lets in ssh alone, loaded on vm2. Returns the file's text."""
    text = CONF % getattr(request, "param", ("drop", ""))
    swarm.shell(
        "vm2",
        f"cp -n /etc/nftables.conf /root/; cat > /etc/nftables.conf <<'EOF'\n{text}EOF\nnft -f /etc/nftables.conf",
    )
    yield text
    swarm.shell("vm2", CLEAN)


def nodes(swarm) -> dict[str, list[str]]:
    return {
        host: [swarm.docker(swarm.managers[0], "node", "inspect", host, "--format", "{{.Status.Addr}}")]
        for host in swarm.nodes
    }


def hears(swarm, port: int) -> bool:
    """Whether vm2 gets what vm1 sends to a port of UDP."""
    address = nodes(swarm)["vm2"][0]
    swarm.shell(
        "vm2", f"cat > /root/heard.py <<'EOF'\n{HEARD % port}\nEOF\n(python3 /root/heard.py > /root/heard 2>&1 &)"
    )
    send = f"import socket, time\nfor t in range(6): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'here', ('{address}', {port})); time.sleep(.3)"
    swarm.shell("vm1", f'python3 -c "{send}"')
    return swarm.shell("vm2", "sleep .5; cat /root/heard") == "here"


def boots(swarm) -> str:
    """What vm2's file makes of an empty host."""
    return swarm.shell("vm2", "unshare --net sh -c 'nft -f /etc/nftables.conf; nft -s list ruleset'")


PORT = 7789  # a data path port that no engine here listens on


@pytest.mark.parametrize(
    "closed",
    [("drop", ""), ("accept", "reject with icmpx admin-prohibited"), ("accept", "udp dport 1024-65535 drop")],
    indirect=True,
)
def test_nftables_is_opened_where_it_drops(swarm, closed):
    """An accept in a table of its own would not help: this asks packets, not rules."""
    arguments = {"nodes": nodes(swarm), "data_path_port": PORT}
    engine = swarm.shell("vm2", "iptables-save | grep -c DOCKER")
    assert not hears(swarm, PORT)
    tried = swarm.run("swarm_firewall", arguments, "vm2", check=True)
    assert tried["changed"] and tried["tool"] == "nftables", tried
    assert not hears(swarm, PORT)
    done = swarm.run("swarm_firewall", arguments, "vm2")
    assert done["changed"] and done["rules"] == tried["rules"], done
    assert hears(swarm, PORT)
    assert not swarm.run("swarm_firewall", arguments, "vm2")["changed"]
    # After a boot, and after a reload by 'nft -f' upon what is loaded.
    assert boots(swarm).count("jump swarmlab_overlay") == 1
    swarm.shell("vm2", "nft delete table inet filter; nft -f /etc/nftables.conf")
    assert hears(swarm, PORT)
    assert not swarm.run("swarm_firewall", arguments, "vm2")["changed"]
    # A node goes, and a member that the inventory forgot stays.
    gone = {"vm2": arguments["nodes"]["vm2"], "old": ["10.78.9.9"]}
    assert swarm.run("swarm_firewall", dict(arguments, nodes=gone), "vm2")["changed"]
    assert "10.78.9.9" in swarm.shell("vm2", "nft list ruleset")
    rest = swarm.run("swarm_firewall", dict(arguments, nodes={"vm2": gone["vm2"]}), "vm2")
    assert rest["changed"] and rest["addresses"] == done["addresses"], rest
    absent = swarm.run("swarm_firewall", {"state": "absent"}, "vm2")
    assert absent["changed"] and absent["rules"] == [], absent
    assert swarm.shell("vm2", "cat /etc/nftables.conf") == closed.strip()
    assert "swarmlab" not in swarm.shell("vm2", "nft list ruleset; ls /etc/nftables.d")
    assert not hears(swarm, PORT)
    assert not swarm.run("swarm_firewall", {"state": "absent"}, "vm2")["changed"]
    assert swarm.shell("vm2", "iptables-save | grep -c DOCKER") == engine


def test_the_role_opens_a_closed_node_and_takes_it_back(swarm, closed):
    """By the addresses of all hosts, also with --limit; nothing else of the role is done again."""
    play = swarm.workspace / "firewall.yml"
    play.write_text(
        "---\n- hosts: swarm\n  gather_facts: false\n  roles: [swarmlab.overlay.engine, swarmlab.overlay.swarm]\n",
        encoding="utf-8",
    )
    code, output = swarm.playbook(str(play), {"engine_firewall": "auto"}, "--limit", "vm2")
    assert code == 0 and "changed=1" in output, output
    rules = swarm.shell("vm2", "nft list chain inet filter swarmlab_overlay")
    for addresses in nodes(swarm).values():
        assert addresses[0] in rules
    assert "2377" not in rules and "4789" in rules
    code, output = swarm.playbook(str(play), {"engine_firewall": "auto"})
    assert code == 0 and "changed=0" in output and "changed=1" not in output, output
    code, output = swarm.playbook(str(play), {"engine_firewall": "none"})
    assert code == 0 and "own firewall, open" not in output, output
    code, output = swarm.playbook(str(play), {"engine_firewall": "absent"})
    assert code == 0 and "changed=1" in output and "swarmlab" not in swarm.shell("vm2", "nft list ruleset"), output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"nodes": {"vm1": ["10.78.0.11"], "vm9": ["nowhere.example"]}},
            "vm9: nowhere.example is neither an address nor a name",
        ),
        ({"nodes": {"all": ["0.0.0.0/0"]}}, "all: 0.0.0.0/0 is a network"),
        ({"nodes": {}}, "nodes is empty"),
        (
            {"nodes": {"vm1": ["10.78.0.11"]}, "data_path_port": 80},
            "data_path_port is 80; it must lie between 1024 and 49151",
        ),
        ({}, "state is present but all of the following are missing: nodes"),
    ],
)
def test_bad_input_changes_nothing(swarm, closed, arguments, words):
    before = swarm.shell("vm2", "nft -s list ruleset; cat /etc/nftables.conf")
    result = swarm.run("swarm_firewall", arguments, "vm2")
    assert result["failed"] and words in result["msg"], result
    assert swarm.shell("vm2", "nft -s list ruleset; cat /etc/nftables.conf") == before


def test_two_filters_are_refused_with_the_rules_to_add(swarm, closed):
    swarm.shell("vm2", "iptables -P INPUT DROP")
    try:
        result = swarm.run("swarm_firewall", {"nodes": nodes(swarm)}, "vm2")
    finally:
        swarm.shell("vm2", "iptables -P INPUT ACCEPT")
    assert (
        result["failed"]
        and "more than one packet filter is active: nftables (chain input of table inet filter drops); iptables"
        in result["msg"]
    )
    assert "udp dport { 4789, 7946 } accept" in result["msg"] and "swarmlab" not in swarm.shell(
        "vm2", "nft -s list ruleset; cat /etc/nftables.conf"
    )


def test_a_chain_that_no_file_makes_is_refused(swarm):
    swarm.shell("vm2", "nft 'table inet mine { chain in { type filter hook input priority 0; policy drop; }; }'")
    try:
        result = swarm.run("swarm_firewall", {"nodes": nodes(swarm)}, "vm2")
        assert (
            result["failed"]
            and "does not create chain in of table inet mine" in result["msg"]
            and "Nothing was changed" in result["msg"]
        ), result
    finally:
        swarm.shell("vm2", "nft delete table inet mine")


def test_plain_iptables_and_its_file(swarm):
    """The engine's own rules stay out of the file that is loaded at boot."""
    rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n"
    rules += "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n"
    swarm.shell(
        "vm2",
        f"mkdir -p /etc/iptables; printf '{rules}' > /etc/iptables/rules.v4; iptables-restore --noflush /etc/iptables/rules.v4",
    )
    try:
        arguments = {"nodes": nodes(swarm), "data_path_port": PORT}
        assert not hears(swarm, PORT)
        done = swarm.run("swarm_firewall", arguments, "vm2")
        assert done["changed"] and done["tool"] == "iptables", done
        assert hears(swarm, PORT)
        assert not swarm.run("swarm_firewall", arguments, "vm2")["changed"]
        boot = swarm.shell(
            "vm2",
            "cat /etc/iptables/rules.v4; unshare --net sh -c 'iptables-restore /etc/iptables/rules.v4; iptables-save'",
        )
        assert boot.count("-A INPUT -j SWARMLAB-OVERLAY") == 2 and "DOCKER" not in boot
        assert swarm.run("swarm_firewall", {"state": "absent"}, "vm2")["changed"]
        assert swarm.shell("vm2", "cat /etc/iptables/rules.v4") == rules.strip() and "SWARMLAB" not in swarm.shell(
            "vm2", "iptables-save"
        )
    finally:
        swarm.shell(
            "vm2",
            "iptables -P INPUT ACCEPT; iptables -D INPUT -i lo -j ACCEPT; "
            "iptables -D INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; rm -r /etc/iptables",
        )


def test_where_nothing_filters_there_is_nothing_to_do(swarm):
    result = swarm.run("swarm_firewall", {"nodes": nodes(swarm)}, "vm3")
    assert not result["changed"] and result["tool"] == "none" and "nothing is to be opened" in result["notes"][-1], (
        result
    )
