# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module swarm_firewall on real nodes: what it writes lets packets through, survives the tool's reload, and goes again."""

from __future__ import annotations

import json
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
    swarm.shell("vm2", f"cp -n /etc/nftables.conf /root/; cat > /etc/nftables.conf <<'EOF'\n{text}EOF\nnft -f /etc/nftables.conf")
    yield text
    swarm.shell("vm2", CLEAN)


def nodes(swarm) -> dict[str, list[str]]:
    return {host: [swarm.docker(swarm.managers[0], "node", "inspect", host, "--format", "{{.Status.Addr}}")] for host in swarm.nodes}


def hears(swarm, port: int) -> bool:
    """Whether vm2 gets what vm1 sends to a port of UDP."""
    address = nodes(swarm)["vm2"][0]
    swarm.shell("vm2", f"cat > /root/heard.py <<'EOF'\n{HEARD % port}\nEOF\n(python3 /root/heard.py > /root/heard 2>&1 &)")
    send = f"import socket, time\nfor t in range(6): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'here', ('{address}', {port})); time.sleep(.3)"
    swarm.shell("vm1", f"python3 -c \"{send}\"")
    return swarm.shell("vm2", "sleep .5; cat /root/heard") == "here"


def boots(swarm) -> str:
    """What vm2's file makes of an empty host."""
    return swarm.shell("vm2", "unshare --net sh -c 'nft -f /etc/nftables.conf; nft -s list ruleset'")


PORT = 7789  # a data path port that no engine here listens on


@pytest.mark.parametrize("closed", [("drop", ""), ("accept", "reject with icmpx admin-prohibited"), ("accept", "udp dport 1024-65535 drop")], indirect=True)
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
