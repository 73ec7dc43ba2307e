# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node tells of itself: files of the kernel and listings of rules, read as they are."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import testimony
from hypothesis import given
from hypothesis import strategies as st

SNMP = """\
Ip: Forwarding DefaultTTL InHdrErrors InDiscards
Ip: 1 64 3 0
Udp: InDatagrams NoPorts InErrors RcvbufErrors
Udp: 1000 2 9 7
"""
STAT = """\
entries  searched drop early_drop
00000055 00000000 0000000a 00000001
00000055 00000000 00000010 00000000
"""
SAVED = """\
*filter
:INPUT DROP [12:840]
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
[7:420] -A INPUT -p udp -m udp --dport 4789 -j DROP
[0:0] -A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m u32 --u32 "0x0" -j DROP
[5:300] -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
[3:180] -A DOCKER-USER -i eth0 -j REJECT --reject-with icmp-port-unreachable
[900:9] -A INPUT -j ACCEPT
COMMIT
*raw
:PREROUTING ACCEPT [1:2]
[4:400] -A PREROUTING -s 10.0.0.9/32 -j DROP
COMMIT
"""
NFT = """\
table inet guard {
    chain input {
        type filter hook input priority filter; policy drop;
        udp dport 4789 counter packets 42 bytes 100 drop
        tcp dport 22 accept
        ip protocol esp reject
    }
}
table ip filter {
    chain INPUT {
        udp dport 4789 counter packets 7 bytes 420 drop
    }
}
"""


def test_pairs_of_lines_are_counters() -> None:
    assert testimony.parse_pairs(SNMP) == {
        "Ip": {"Forwarding": 1, "DefaultTTL": 64, "InHdrErrors": 3, "InDiscards": 0},
        "Udp": {"InDatagrams": 1000, "NoPorts": 2, "InErrors": 9, "RcvbufErrors": 7},
    }


def test_columns_are_summed_over_processors() -> None:
    assert testimony.parse_hex_table(STAT) == {"entries": 170, "searched": 0, "drop": 26, "early_drop": 1}
    assert testimony.parse_hex_table("") == {}


def test_softnet() -> None:
    assert testimony.parse_softnet("0046428f 00000002 00000001\n00000001 00000003 00000000\n") == {
        "dropped": 5, "squeezed": 1,
    }  # fmt: skip


def test_pressure() -> None:
    text = (
        "some avg10=24.64 avg60=17.71 avg300=13.31 total=13965829444\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )
    assert testimony.parse_pressure(text) == {"avg10": 24.64, "total": 13965829444.0}
    assert testimony.parse_pressure("") == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("usage_usec 9\nnr_periods 40\nnr_throttled 30\nthrottled_usec 2500000\n", 2.5),  # cgroup v2
        ("nr_periods 40\nnr_throttled 30\nthrottled_time 2500000000\n", 2.5),  # v1: nanoseconds
        ("usage_usec 9\n", None),  # the root's, which has no limit
        ("", None),
    ],
)
def test_how_long_a_limit_of_the_control_group_held_the_node_back(text: str, seconds: float | None) -> None:
    assert testimony.parse_held_back(text) == seconds


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("143060727 3460918381 229\n", (0.143060727, 3.460918381)),
        ("0 0 0\n", (0.0, 0.0)),  # a kernel that does not count
        ("", None),
    ],
)
def test_how_long_a_process_waited_for_its_turns(text: str, turns: tuple[float, float] | None) -> None:
    assert testimony.parse_turns(text) == turns


@pytest.mark.parametrize(
    ("ran", "waited", "processors", "hosts", "starved"),
    [
        (0.8, 20.0, 2, 3, True),  # 4 % of one
        (0.8, 10.0, 2, 3, False),  # 7 %: slow, and it gets there
        (0.1, 4.0, 2, 3, False),  # for a moment
        (0.8, 25.0, 2, 50, False),  # fifty containers of one machine, each with its share
        (0.8, 80.0, 2, 50, True),
        (0.0, 0.0, 1, 1, False),
    ],
)
def test_a_node_with_hardly_any_processor(
    ran: float, waited: float, processors: int, hosts: int, starved: bool
) -> None:
    assert testimony.is_starved(ran, waited, processors, hosts) == starved


def test_this_process_is_not_starved() -> None:
    assert testimony.starved(3) == ""


@pytest.mark.parametrize(
    ("text", "processors"),
    [
        ("7000 100000\n", 0.07),  # cgroup v2
        ("max 100000\n", None),
        ("7000\n100000\n", 0.07),  # v1: two files
        ("-1\n100000\n", None),
        ("400000\n100000\n", 4.0),
        ("", None),
    ],
)
def test_how_many_processors_a_limit_of_the_control_group_leaves(text: str, processors: float | None) -> None:
    assert testimony.parse_allowed(text) == processors


def test_rules_of_people_that_drop_are_told_and_those_of_the_engine_are_not() -> None:
    assert testimony.parse_dropping(SAVED) == {
        "filter: policy of INPUT: DROP": 12,
        "filter: policy of FORWARD: DROP": 0,
        "filter: -A INPUT -p udp -m udp --dport 4789 -j DROP": 7,
        "filter: -A DOCKER-USER -i eth0 -j REJECT --reject-with icmp-port-unreachable": 3,
        "raw: -A PREROUTING -s 10.0.0.9/32 -j DROP": 4,
    }


def test_rules_of_nftables_tell_how_often_if_they_count() -> None:
    assert testimony.parse_nft_dropping(NFT) == {
        "inet guard input: policy drop": -1,
        "inet guard input: udp dport 4789 drop": 42,
        "inet guard input: ip protocol esp reject": -1,
        "ip filter INPUT: udp dport 4789 drop": 7,
    }


def test_a_rule_that_both_tools_list_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    listings = {"iptables-save": SAVED, "nft": NFT}
    monkeypatch.setattr(testimony.system, "output", lambda command: listings.get(command[0]))
    told = testimony.dropping()
    assert "inet guard input: udp dport 4789 drop" in told and not any(rule.startswith("ip filter") for rule in told)


def test_places_of_the_engine_that_cannot_be_written() -> None:
    mounts = (
        "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
        "30 22 8:2 / /var/lib/docker ro,relatime shared:1 - ext4 /dev/sdb1 rw\n"
        "31 30 8:2 / /var/lib/docker/swarm ro - ext4 /dev/sdb1 rw\n"
        "32 22 8:3 / /var/lib/docker-old ro - ext4 /dev/sdc1 ro\n33 22 x\n"
    )
    assert testimony.read_only(mounts, "/var/lib/docker") == ["/var/lib/docker", "/var/lib/docker/swarm"]
    assert testimony.read_only(mounts, "/srv/docker") == []


def test_processes_that_end_meanwhile_and_names_in_other_alphabets_are_no_trouble(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "stat").write_bytes(b"12 (\xff\xfe) T 1 1")
    real = open

    def opened(path: str, *given: object, **named: object) -> object:
        if str(path) == "/proc/7/stat":
            raise ProcessLookupError
        return real(tmp_path / "stat" if str(path).startswith("/proc/") else path, *given, **named)

    monkeypatch.setattr("builtins.open", opened)
    monkeypatch.setattr(testimony.os, "listdir", lambda _path: ["7", "12", "self"])
    assert testimony.stopped() == []
    (tmp_path / "stat").write_text("12 (containerd) T 1 1", encoding="ascii")
    assert testimony.stopped() == ["containerd (pid 12)"]


def test_devices_with_a_queue_that_shapes() -> None:
    rows = [{"name": "eth0", "queue": "netem"}, {"name": "eth1", "queue": "fq_codel"}, {"name": "lo"}]
    assert testimony.shaped(rows) == ["eth0: netem"]


@given(st.text(max_size=200))
def test_no_text_breaks_a_parser(text: str) -> None:
    testimony.parse_dropping(text)
    testimony.parse_nft_dropping(text)
    testimony.parse_pressure(text)
    testimony.parse_held_back(text)
    testimony.parse_allowed(text)


def test_this_machine_tells_of_itself() -> None:
    told = json.loads(json.dumps(testimony.look("/")))
    assert told["limits"]["memory"][0] < told["limits"]["memory"][1] and told["limits"]["disk"][1] > 0
    assert told["devices"]["lo"]["up"] and "net.ipv4.ip_forward" in told["settings"]
    assert "Udp.RcvbufErrors" in told["counters"]


@pytest.mark.parametrize(("isolated", "told"), [(0, []), (1, []), (2, ["isolated on"])])
def test_a_single_isolated_port_keeps_nothing_from_anybody(isolated: int, told: list[str]) -> None:
    links = [
        {
            "name": f"veth{number}",
            "up": True,
            "mtu": 1450,
            "kind": "veth",
            "blocked": ["isolated on"] * (number < isolated),
        }
        for number in range(3)
    ]
    assert testimony.devices(links, every=True)["veth0"]["blocked"] == told


@pytest.mark.parametrize("look", [lambda: testimony.look("/"), lambda: testimony.look_inside(False)])
def test_one_look_asks_the_kernel_for_its_links_once(look: t.Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = testimony.netlink.links, []
    monkeypatch.setattr(testimony.netlink, "links", lambda: asked.append(1) or real())
    assert look()["devices"]["lo"]["up"]
    assert asked == [1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1\n", 1),
        ("32768\t60999\n", 28232),
        ("61000 61001", 2),
        ("93138 124185 186276\n", 186276),
        ("cubic\n", None),
        ("", None),
    ],
)
def test_a_setting_is_one_number(text: str, value: int | None) -> None:
    assert testimony.setting(text) == value


def test_file_systems_below_the_engines_folder_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("containers", "network", "swarm", "volumes"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    devices = {"/run": 2, "/var/lib/containerd": 1, **{str(tmp_path / name): 1 for name in ("network", "swarm")},
               str(tmp_path): 1, str(tmp_path / "containers"): 3, str(tmp_path / "volumes"): 3}  # fmt: skip
    monkeypatch.setattr(testimony, "_device", devices.get)
    assert testimony.apart(str(tmp_path)) == ["/run", str(tmp_path / "containers")]
    assert set(testimony.limits(str(tmp_path))) >= {"disk", "inodes", "disk of /run", f"disk of {tmp_path}/containers"}
    assert testimony.apart(str(tmp_path / "gone")) == ["/run", "/var/lib/containerd"]
