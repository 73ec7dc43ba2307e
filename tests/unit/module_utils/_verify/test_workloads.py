# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's containers on a node, where they listen, and their services as a manager describes them."""

from __future__ import annotations

import selectors
import socket

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import interior, overlay, responder, sockets, work
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import people, workloads

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:9E81 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7090067 1 000000006fb28455 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000     0        0 7090068 1 000000006fb28455 100 0 0 10 0
   2: 0302000A:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7090069 1 000000006fb28455 100 0 0 10 0
   3: 0302000A:1F90 0402000A:9000 01 00000000:00000000 00:00000000 00000000     0        0 7090070 1 000000006fb28455 100 0 0 10 0
"""
TCP6 = """  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7091264 1
   1: 0000000000000000FFFF00000302000A:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7091265 1
   2: 00000000000000000000000001000000:0052 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7091266 1
"""


def test_listening_sockets_as_the_kernel_tells_them() -> None:
    rows = interior.listeners(TCP) + interior.listeners(TCP6)
    assert [(row["address"], row["port"], row["waiting"]) for row in rows] == [
        ("127.0.0.11", 40577, 0),
        ("0.0.0.0", 8080, 5),
        ("10.0.2.3", 8081, 0),
        ("::", 80, 0),
        ("10.0.2.3", 81, 0),
        ("::1", 82, 0),
    ]
    assert interior.reachable(rows, ["10.0.2.3"]) == [80, 81, 8080, 8081]
    assert interior.reachable(rows, ["10.0.9.9"]) == [80, 8080]
    assert interior.only_ipv6(rows, ["10.0.2.3"]) == [80]
    both = [*rows, {"address": "0.0.0.0", "port": 80, "waiting": 0}]
    assert interior.only_ipv6(both, []) == []


def test_a_socket_of_this_machine_is_found_and_what_it_does_not_accept_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert interior.waiting([port]) == {}
        assert sockets.connect("127.0.0.1", port, 1.0) is None
        seen = work.perform([{"id": "a", "kind": "connect", "address": "127.0.0.1", "port": port, "count": 3}],
                            work.Setting("r", "n", 1.0))  # fmt: skip
        assert (seen["a"]["ok"], seen["a"]["answered"]) == (True, 3)
        assert interior.waiting([port]) == {str(port): 4}
        assert {"address": "127.0.0.1", "port": port, "waiting": 4} in interior.sockets_here()
    seen = work.perform([{"id": "a", "kind": "connect", "address": "127.0.0.1", "port": port, "count": 2}],
                        work.Setting("r", "n", 1.0))  # fmt: skip
    assert (seen["a"]["ok"], seen["a"]["answered"], seen["a"]["error"]) == (False, 0, "connection refused")


@pytest.mark.parametrize(
    ("text", "foreign", "redirected"),
    [
        ("*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT\nCOMMIT\n", [], True),
        ("*filter\n:OUTPUT DROP [0:0]\n-A INPUT -p tcp --dport 80 -j DROP\n", [":OUTPUT DROP [0:0]", "-A INPUT -p tcp --dport 80 -j DROP"], False),
        ("table ip filter {\n chain output {\n  type filter hook output priority 0;\n  tcp dport 80 drop\n }\n}\n", ["tcp dport 80 drop"], False),
        ("-A OUTPUT -d 127.0.0.11/32 -j DROP\n", ["-A OUTPUT -d 127.0.0.11/32 -j DROP"], False),
        ("", [], False),
    ],
)  # fmt: skip
def test_rules_that_are_not_the_engines(text: str, foreign: list, redirected: bool) -> None:
    assert interior.parse_rules(text) == (foreign, redirected)


def container(ident: str, networks: tuple = ("front",), **labels: str) -> dict:
    settings = {"Networks": {name: {"NetworkID": name, "IPAddress": "10.0.1.9"} for name in networks}}
    return {"Id": ident.ljust(64, "0"), "Labels": labels, "NetworkSettings": settings}


TASK = {"com.docker.swarm.service.id": "s1", "com.docker.swarm.service.name": "web", "com.docker.swarm.task.id": "t1"}


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (container("a"), True),
        (container("a", ("other",)), False),
        (container("a", ("ingress",)), False),
        (container("a", ("ingress",), **TASK), True),
        (container("a", **{"swarmlab.overlay/run": "r"}), False),
        ({"Id": "a"}, False),
    ],
)
def test_which_containers_are_peoples(row: dict, wanted: bool) -> None:
    assert workloads.belongs(row, ["fr*"]) is wanted


def test_of_many_containers_each_service_has_one_first() -> None:
    many = [
        container(f"{number:02}", **{**TASK, "com.docker.swarm.service.id": f"s{number % 3}"}) for number in range(30)
    ]
    few = workloads.chosen([*many, container("x")], "r1", 4)
    owners = [row["Labels"].get("com.docker.swarm.service.id") for row in few]
    assert sorted(str(owner) for owner in owners) == ["None", "s0", "s1", "s2"]
    assert workloads.chosen([*many, container("x")], "r2", 4) != few


def test_a_container_with_a_stack_of_its_own_is_left_out() -> None:
    told = {
        "Name": "/web.1.t1",
        "State": {"Pid": 9},
        "NetworkSettings": {"SandboxKey": "/ns/1", **container("a")["NetworkSettings"]},
    }
    row = workloads.describe(container("a", **TASK), told)
    assert (row["name"], row["service"], row["task"], row["networks"]) == (
        "web.1.t1",
        "web",
        "t1",
        {"front": "10.0.1.9"},
    )
    assert workloads.describe(container("a"), {**told, "HostConfig": {"Runtime": "runsc"}}) is None
    assert workloads.describe(container("a"), {**told, "NetworkSettings": {"SandboxKey": ""}}) is None


def test_services_as_a_manager_describes_them() -> None:
    port = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}
    beside = [{"Protocol": "udp", "TargetPort": 53, "PublishedPort": 53}, {"Protocol": "tcp", "TargetPort": 81}]
    service = {
        "ID": "s1",
        "Spec": {"Name": "web"},
        "Endpoint": {"Ports": [port, *beside], "VirtualIPs": [{"NetworkID": "n1", "Addr": "10.0.1.2/24"}]},
    }
    ours = {"ID": "s2", "Spec": {"Name": "probe", "Labels": {"swarmlab.overlay/run": "r"}}}
    quiet = {"ID": "s3", "Spec": {"Name": "rr", "EndpointSpec": {"Mode": "dnsrr"}}, "Endpoint": {}}
    task = {
        "ID": "t1",
        "ServiceID": "s1",
        "NodeID": "id1",
        "DesiredState": "running",
        "Status": {
            "State": "running",
            "PortStatus": {"Ports": [{**port, "PublishMode": "host", "PublishedPort": 8181}]},
        },
        "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": ["10.0.1.3/24"]}],
    }
    gone = {**task, "ID": "t2", "Status": {"State": "shutdown"}}
    (row,) = people.services(["n1"], [ours, quiet, service], [task, gone])
    assert row == {
        "id": "s1",
        "name": "web",
        "vips": {"n1": "10.0.1.2"},
        "ports": [{"published": 8080, "target": 80, "mode": "ingress"}],
        "tasks": [
            {
                "id": "t1",
                "node": "id1",
                "addresses": {"n1": "10.0.1.3"},
                "ports": [{"published": 8181, "target": 80, "mode": "host"}],
            }
        ],
    }
    assert people.serving([ours, service], [task, gone]) == {"s1": ["t1"]}


def attached(name: str, *aliases: str) -> dict:
    return {"Spec": {"Name": name, "TaskTemplate": {"Networks": [{"Target": "n1", "Aliases": list(aliases)}]}}}


def test_names_that_several_services_share_whatever_their_spelling() -> None:
    services = [attached("web", "Api"), attached("shop", "api", "web"), attached("other"), {"Spec": {"Name": "none"}}]
    assert people.shared("n1", services) == {"api": ["shop", "web"], "web": ["shop", "web"]}
    assert people.shared("n2", services) == {}


def test_what_is_used_of_ingress() -> None:
    virtual = {"NetworkID": "i", "Addr": "10.0.0.5/24"}
    services = [{"Endpoint": {"VirtualIPs": [virtual, {"NetworkID": "n1", "Addr": "10.0.1.5/24"}]}}, {}]
    on = {"DesiredState": "running", "NetworksAttachments": [{"Network": {"ID": "i"}}]}
    tasks = [on, {**on, "DesiredState": "shutdown"}, {"DesiredState": "running"}]
    assert people.used("i", services, tasks, [{}, {}, {}]) == 1 + 1 + 3


MANGLE = """*mangle
:INPUT ACCEPT [0:0]
-A INPUT -d 10.0.1.2/32 -j MARK --set-xmark 0x100/0xffffffff
-A PREROUTING -d 10.0.1.5/32 -p tcp -j MARK --set-mark 0x101
-A PREROUTING -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0x102/0xffffffff
COMMIT
"""


def test_marks_and_the_virtual_services_that_they_lead_to() -> None:
    assert overlay.parse_marks(MANGLE) == {"10.0.1.2": 256, "10.0.1.5": 257}
    text = "FWM  00000100 rr\n  -> 0A00010A:0000      Masq    1      0          0\nTCP  0A000102:0050 rr\n"
    assert overlay.parse_balancer(text) == [
        {"active": ["10.0.1.10"], "quiet": [], "mark": 256},
        {"active": [], "quiet": [], "mark": None},
    ]


def test_a_long_question_gets_an_answer_as_long_in_as_many_packets_as_it_takes() -> None:
    """Over a socket pair, in pieces: a line is whole when its end has come."""
    with selectors.DefaultSelector() as selector:
        here, there = socket.socketpair()
        with here, there:
            key = selector.register(there, selectors.EVENT_READ, bytearray())
            line = sockets.question("r1", "vm1", "ingress", "n0nce").rjust(8192)
            heard: dict = {}
            for part in (line[:5000], line[5000:]):
                here.sendall(part)
                responder._answer_connection(selector, key, "r1", "vm2", heard)
            answer = sockets.read_line(here, 8192)
    assert len(answer) == 8192 and sockets.parse_reply("r1", answer) == ("vm2", "n0nce")
    assert heard == {"tcp/ingress/vm1": 1}
