# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role verify against a real swarm of container nodes: it passes what works, and names what does not.

The kernel of a test machine may lack ip_vs or esp4; then exactly what depends on them must fail, with that reason.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import report_schema

CHECKOUT = Path(__file__).resolve().parents[2]
RUN = "label=swarmlab.overlay/run"
WITHOUT_VIP = ("PRE-REACH", "CP-TLS", "NET-*", "SD-*")


@pytest.fixture(scope="module")
def networks(swarm, shared: str) -> dict[str, str]:
    """An attachable, an encrypted, and a closed overlay; services with tasks on the first two, with an alias, and in mode dnsrr."""
    made = {"plain": f"{shared}-plain", "secret": f"{shared}-secret", "closed": f"{shared}-closed"}
    service = ["service", "create", "-q", "-d", "--no-resolve-image", "--name"]
    idle = [swarm.image, "sleep", "1d"]
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", made["plain"])
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "-o", "encrypted", made["secret"])
    swarm.docker("vm1", "network", "create", "-d", "overlay", made["closed"])
    swarm.docker(
        "vm1",
        *service,
        f"{shared}-web",
        "--mode",
        "global",
        "--network",
        made["plain"],
        "--network",
        made["secret"],
        *idle,
    )
    swarm.docker(
        "vm1",
        *service,
        f"{shared}-rr",
        "--mode",
        "global",
        "--endpoint-mode",
        "dnsrr",
        "--network",
        made["plain"],
        *idle,
    )
    swarm.docker("vm1", *service, f"{shared}-one", "--constraint", "node.role==manager", "--network",
                 f"name={made['plain']},alias={shared}-alias", *idle)  # fmt: skip
    wait_until(lambda: swarm.docker("vm1", "service", "ls", "-f", f"name={shared}", "--format", "{{.Replicas}}").split()
               in (["3/3", "3/3", "1/1"], ["3/3", "1/1", "3/3"], ["1/1", "3/3", "3/3"]), 120)  # fmt: skip
    return made


class Verified:
    """What a run of the role printed and wrote."""

    def __init__(self, swarm, folder: Path, *argv: str, **variables) -> None:
        self._run(swarm, folder, *argv, **variables)
        # This machine's engine loses the output of an exec now and then (moby 20.10); no test is about that.
        if any("the module gave no result" in (node["problem"] or "") for node in self.report["nodes"]):
            self._run(swarm, folder, *argv, **variables)

    def _run(self, swarm, folder: Path, *argv: str, **variables) -> None:
        self.code, self.output = swarm.playbook(
            "swarmlab.overlay.verify", {"verify_directory": str(folder / "report"), **variables}, *argv
        )
        path = folder / "report" / "report.json"
        assert path.exists(), self.output
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        self.report = json.loads(path.read_text(encoding="utf-8"))
        report_schema.validate(self.report)

    def of(self, ident: str, network: str | None = None) -> list[dict]:
        return [row for row in self.report["checks"] if row["id"] == ident and network in (None, row["network"])]

    def blamed(self, ident: str, network: str | None = None) -> list[tuple]:
        """(status, nodes) of each result of a check that did not pass."""
        return [
            (row["status"], row["nodes"]) for row in self.of(ident, network) if row["status"] not in ("pass", "skip")
        ]

    def not_passed(self) -> list[tuple]:
        return [
            (row["id"], row["status"], row["nodes"], row["evidence"]["summary"])
            for row in self.report["checks"]
            if row["status"] not in ("pass", "skip")
        ]


def leftovers(swarm) -> list[str]:
    found = [swarm.docker("vm1", kind, "ls", "-q", "--filter", RUN) for kind in ("service", "network")]
    for host in swarm.nodes:
        found.append(
            swarm.docker(host, "ps", "-aq", "--filter", f"{RUN}", "--filter", "label=swarmlab.overlay/part=attached")
        )
        found.append(swarm.shell(host, "ls /run/swarmlab-overlay 2>/dev/null || true"))
    return [text for text in found if text]


def test_names_networks_and_trust_pass_and_nothing_is_left(swarm, networks: dict, tmp_path: Path) -> None:
    """With fewer forks than hosts, so that the hosts cannot wait for each other in the first call."""
    done = Verified(
        swarm, tmp_path, "--forks", "2", verify_networks=sorted(networks.values()), verify_checks=list(WITHOUT_VIP)
    )
    assert done.not_passed() == []
    assert done.code == 0 and "VERIFIED: " in done.output
    assert "refuses" in done.of("NET-ATTACH", networks["closed"])[0]["evidence"]["summary"]
    assert done.of("SD-VIP", networks["plain"])[0]["nodes"] == swarm.nodes
    assert leftovers(swarm) == []


NEEDS_VIP = {"DP-MATRIX", "LB-SPREAD", "LB-IPVS", "MESH-ALL", "FW-RULES"}
NEEDS_ESP = {"PATH-QUALITY", "DP-MATRIX", "LB-SPREAD", "MTU-FIT", "ENC-SA-AGREE", "ENC-WIRE", "XFRM-DELTA"}


def test_a_healthy_swarm_is_green_but_for_what_its_kernel_lacks(swarm, networks: dict, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=sorted(networks.values()))
    kernel = done.of("PRE-KMOD")[0]
    lacking = " ".join(kernel["evidence"].get("missing", {}))
    direct, balanced = done.of("DP-MATRIX", networks["plain"])
    assert direct["status"] == "pass", direct
    assert balanced["status"] == ("fail" if "ip_vs" in lacking else "pass")
    no_esp = NEEDS_ESP - NEEDS_VIP if "ip_vs" in lacking else NEEDS_ESP
    hints = {ident: " ".join(row["hint"] or "" for row in done.of(ident)) for ident in NEEDS_VIP | NEEDS_ESP}
    assert done.of("DP-MATRIX", networks["secret"])[0]["status"] == ("fail" if "esp4" in lacking else "pass")
    for ident in NEEDS_VIP if "ip_vs" in lacking else ():
        assert done.blamed(ident) and "ip_vs" in hints[ident], (ident, hints[ident])
    for ident in no_esp if "esp4" in lacking else ():
        assert done.blamed(ident, networks["secret"]) or done.blamed(ident), ident
        assert "esp4" in hints[ident] or "DP-MATRIX" in hints[ident], (ident, hints[ident])
    expected = {"PRE-KMOD"} | (NEEDS_VIP if "ip_vs" in lacking else set()) | (NEEDS_ESP if "esp4" in lacking else set())
    if not lacking:
        expected = set()
    assert [row for row in done.not_passed() if row[0] not in expected] == []
    assert {row["status"] for row in done.of("SD-DNSRR", networks["plain"])} == {"pass"}
    assert (
        {row["status"] for row in done.of("SD-ALIAS")} == {row["status"] for row in done.of("ENC-REJECT")} == {"pass"}
    )
    assert (done.code != 0) == bool(lacking)


@pytest.fixture
def undo(swarm) -> Iterator[list[tuple[str, str]]]:
    """(node, command) to run after the test, the last first."""
    commands: list[tuple[str, str]] = []
    yield commands
    for host, command in reversed(commands):
        swarm.shell(host, command)


def break_it(swarm, undo: list, host: str, fault: str, remedy: str) -> None:
    undo.append((host, remedy))
    swarm.shell(host, fault)


@pytest.mark.long
def test_faults_of_one_node_each_are_told_with_that_node(swarm, networks: dict, undo: list, tmp_path: Path) -> None:
    """ESP dropped on vm2, clear text let in on vm2, a small MTU and a stale peer on vm3, a wrong address declared for vm3."""
    vni = swarm.docker("vm1", "network", "inspect", "-f",
                       '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}', networks["secret"])  # fmt: skip
    ident, subnet = swarm.docker(
        "vm1", "network", "inspect", "-f", "{{.ID}} {{(index .IPAM.Config 0).Subnet}}", networks["plain"]
    ).split()
    break_it(swarm, undo, "vm2", "iptables -I INPUT -p esp -j DROP", "iptables -D INPUT -p esp -j DROP")
    rule = swarm.shell(
        "vm2", f"iptables -S INPUT | grep -e '--pol none' | grep -e ' {vni},6' -e '=0x{int(vni) << 8:x}'"
    )
    rule = rule.removeprefix("-A ")
    break_it(swarm, undo, "vm2", f"iptables -D {rule}", f"iptables -C {rule} || iptables -A {rule}")
    break_it(swarm, undo, "vm3", "ip link set eth0 mtu 1400", "ip link set eth0 mtu 1500")
    stale = subnet.replace("0/24", "250")
    space = f"nsenter --net=/var/run/docker/netns/1-{ident[:10]} ip neigh"
    break_it(
        swarm,
        undo,
        "vm3",
        f"{space} add {stale} lladdr 02:42:00:00:00:77 dev vxlan0 nud permanent",
        f"{space} del {stale} dev vxlan0",
    )
    addresses = "{{ '192.0.2.99' if inventory_hostname == 'vm3' else none }}"
    checks = ["PRE-PORT", "CP-ADDR", "MTU-FIT", "PEER-FDB", "FW-RULES", "ENC-REJECT"]
    done = Verified(swarm, tmp_path, verify_networks=[networks["plain"], networks["secret"]], verify_checks=checks,
                    verify_convergence_timeout=5, swarm_advertise_addr=addresses)  # fmt: skip
    ports = {row["evidence"]["port"]: (row["status"], row["nodes"]) for row in done.of("PRE-PORT")}
    assert ports.pop("IP protocol 50 (ESP)") == ("fail", ["vm2"])
    assert {status for status, _nodes in ports.values()} == {"pass"} and len(ports) == 4
    assert any("iptables -I INPUT -p esp -j ACCEPT" in (row["hint"] or "") for row in done.of("PRE-PORT"))
    assert done.blamed("ENC-REJECT") == [("fail", ["vm2"])]
    rules = done.of("FW-RULES")[0]
    assert (
        "vm2" in rules["nodes"]
        and f"nothing drops clear text for {networks['secret']}" in rules["evidence"]["nodes"]["vm2"]
    )
    assert [
        text for host in ("vm1", "vm3") for text in rules["evidence"]["nodes"].get(host, []) if "clear text" in text
    ] == []
    assert done.blamed("MTU-FIT", networks["plain"]) == [("fail", ["vm3"])]
    assert done.blamed("CP-ADDR") == [("fail", ["vm3"])], done.of("CP-ADDR")[0]["evidence"]["nodes"]
    assert (
        done.blamed("PEER-FDB", networks["plain"]) == [("fail", ["vm3"])]
        and done.blamed("PEER-FDB", networks["secret"]) == []
    )
    assert f"{stale} is stale" in done.of("PEER-FDB", networks["plain"])[0]["evidence"]["summary"]


@pytest.mark.long
def test_a_node_that_gossip_does_not_reach(swarm, networks: dict, undo: list, tmp_path: Path) -> None:
    for protocol in ("tcp", "udp"):
        for chain, port in (("INPUT", "dport"), ("OUTPUT", "dport")):
            rule = f"{chain} -p {protocol} --{port} 7946 -j DROP"
            break_it(swarm, undo, "vm3", f"iptables -I {rule}", f"iptables -D {rule}")
    records = ["SD-VIP", "SD-ALIAS", "SD-DNSRR", "SD-TASKS", "SD-TASKNAME"]
    # Until vm3 has given up the others it still knows what they told before.
    wait_until(lambda: "-one" not in swarm.shell("vm3", f"docker network inspect -v {networks['plain']}"), 180)
    done = Verified(swarm, tmp_path, verify_networks=[networks["plain"]], verify_checks=["PRE-PORT", "GOSSIP-HASH", "PEER-FDB", *records],
                    verify_convergence_timeout=8)  # fmt: skip
    ports = {row["evidence"]["port"]: (row["status"], row["nodes"]) for row in done.of("PRE-PORT")}
    assert ports["7946/tcp (gossip)"] == ports["7946/udp (gossip)"] == ("fail", ["vm3"])
    assert ports["2377/tcp (managers)"][0] == ports["4789/udp (VXLAN)"][0] == "pass"
    assert "vm3" in done.of("GOSSIP-HASH")[0]["nodes"]
    for ident in [*records, "PEER-FDB"]:
        assert any(status == "fail" and "vm3" in nodes for status, nodes in done.blamed(ident)), (ident, done.of(ident))
    for host, command in reversed(undo):
        swarm.shell(host, command)
    undo.clear()
    wait_for_gossip(swarm, networks["plain"])


def wait_for_gossip(swarm, network: str) -> None:
    """Until vm3 knows the service on vm1 again: the next test starts from a healthy swarm."""
    wait_until(lambda: "-one" in swarm.shell("vm3", f"docker network inspect -v {network}"), 180)


def test_what_was_declared_badly_is_told_without_starting_anything(
    swarm, unique: str, undo: list, tmp_path: Path
) -> None:
    odd, tiny, dup = f"{unique}-odd", f"{unique}-tiny", f"{unique}-dup"
    swarm.docker(
        "vm1",
        "network",
        "create",
        "-d",
        "overlay",
        "--subnet",
        "10.201.0.0/24",
        "-o",
        "encrypted=false",
        "-o",
        "encryptd=1",
        odd,
    )
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--subnet", "10.202.0.0/30", tiny)
    swarm.docker("vm1", "network", "create", "-d", "overlay", dup)
    swarm.docker("vm3", "network", "create", dup)
    undo.append(("vm3", f"docker network rm {dup}"))
    break_it(swarm, undo, "vm2", "ip route add 10.201.0.0/25 dev eth0", "ip route del 10.201.0.0/25 dev eth0")
    break_it(swarm, undo, "vm3", "cp /etc/resolv.conf /tmp/resolv && echo nameserver 10.201.0.53 >> /etc/resolv.conf",
             "cat /tmp/resolv > /etc/resolv.conf")  # fmt: skip
    done = Verified(swarm, tmp_path, verify_networks=[f"{unique}-*"], verify_checks=["lint"], verify_nodes=["vm*"])
    assert done.blamed("SUBNET-OVERLAP", odd) == [("fail", ["vm2"])] and done.blamed("SUBNET-OVERLAP", dup) == []
    assert done.blamed("DNS-SHADOW") == [("fail", ["vm3"])]
    assert "encryptd is ignored" in done.output and "encrypted=false encrypts all the same" in done.output
    assert done.blamed("OPT-LINT", tiny) == done.blamed("OPT-LINT", dup) == []
    assert [row["status"] for row in done.of("IPAM-HEADROOM", tiny)] == ["fail"] and done.blamed(
        "IPAM-HEADROOM", dup
    ) == []
    assert done.blamed("NAME-DUP", dup) == [("fail", ["vm3"])] and done.blamed("NAME-DUP", odd) == []
    assert leftovers(swarm) == []


@pytest.mark.long
def test_a_killed_controller_leaves_nothing_running_after_a_minute(swarm, networks: dict, tmp_path: Path) -> None:
    """Helpers, the run's services with their containers, its networks: all go by themselves."""
    variables = {"verify_directory": str(tmp_path / "report"), "verify_networks": [networks["plain"]]}
    control = subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(swarm.inventory), "swarmlab.overlay.verify", "-e", json.dumps(variables)],
        cwd=CHECKOUT, env=swarm.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: all(running(swarm, host) for host in swarm.nodes), 120)
    finally:
        os.killpg(control.pid, signal.SIGKILL)
        control.wait()
    # A lease is 50 seconds, and more where the tasks themselves took long: patience with a busy machine.
    wait_until(lambda: not any(running(swarm, host) for host in swarm.nodes) and not leftovers(swarm), 240)


def running(swarm, host: str) -> str:
    """Helpers and containers of a verification on the node."""
    return swarm.shell(
        host,
        f"ls /run/swarmlab-overlay 2>/dev/null | grep . && docker ps -q --filter {RUN} || docker ps -q --filter {RUN}",
    )


def wait_until(met, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(1)


@pytest.mark.long
def test_a_node_whose_data_port_is_closed_is_named_and_nobody_else(swarm, networks: dict, tmp_path: Path) -> None:
    rule = "INPUT -p udp --dport 4789 -j DROP"
    swarm.shell("vm2", f"iptables -I {rule}")
    try:
        done = Verified(swarm, tmp_path, verify_networks=[networks["plain"]], verify_checks=["DP-MATRIX", "PRE-PORT"],
                        verify_convergence_timeout=4)  # fmt: skip
    finally:
        swarm.shell("vm2", f"iptables -D {rule}")
    direct = done.of("DP-MATRIX")[0]
    assert (direct["status"], direct["nodes"]) == ("fail", ["vm2"])
    assert direct["evidence"]["summary"].startswith("4 of 6 pairs failed")
    assert done.code != 0 and "CAUSE  vm2 drops VXLAN (udp/4789) that arrives there" in done.output
    assert done.blamed("PRE-PORT") == [("fail", ["vm2"])]
    assert any("-p udp --dport 4789 -j ACCEPT" in (row["hint"] or "") for row in done.of("PRE-PORT"))


def test_a_node_without_its_engine_is_named(swarm, networks: dict, tmp_path: Path) -> None:
    swarm.shell("vm3", "mv /run/docker.sock /run/docker.sock.away")
    try:
        done = Verified(swarm, tmp_path, verify_networks=[networks["plain"]], verify_checks=["PRE-REACH", "SD-VIP"],
                        verify_timeout=30)  # fmt: skip
    finally:
        swarm.shell("vm3", "mv /run/docker.sock.away /run/docker.sock")
    reach = done.of("PRE-REACH")[0]
    assert (reach["status"], reach["nodes"]) == ("fail", ["vm3"])
    assert "Docker Engine" in reach["evidence"]["summary"] and done.code != 0


def test_what_a_crashed_run_left_is_removed(swarm, unique: str, tmp_path: Path) -> None:
    label = "swarmlab.overlay/run=0dead"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "--label", label, f"{unique}-left")
    swarm.docker(
        "vm2", "run", "-d", "--label", label, "--label", "swarmlab.overlay/part=attached", swarm.image, "sleep", "1d"
    )
    swarm.shell("vm2", "mkdir -p /run/swarmlab-overlay/0dead")
    done = Verified(swarm, tmp_path, verify_checks=["PRE-REACH"])
    assert done.not_passed() == []
    assert leftovers(swarm) == []


def test_helpers_on_a_node_end_by_themselves(swarm) -> None:
    assert swarm.shell("vm1", "pgrep -fc '[v]erify_probe' || true") == "0"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"verify_checks": ["SD-VPI"]}, "no check is called SD-VPI"),
        ({"verify_timeout": 0}, "verify_timeout must be at least 1 second"),
    ],
)
def test_bad_settings_get_one_message_before_anything_happens(swarm, variables: dict, words: str) -> None:
    began = time.monotonic()
    code, output = swarm.playbook("swarmlab.overlay.verify", variables)
    assert code != 0 and words in output and "Traceback" not in output
    assert time.monotonic() - began < 60
    assert "Prepare the probes" not in output


def test_a_misspelt_network_is_a_failure(swarm, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=["no-such-net"], verify_checks=["NET-EXISTS"])
    assert done.code != 0 and "no overlay network is called no-such-net" in done.output
