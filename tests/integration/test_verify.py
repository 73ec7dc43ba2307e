# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role verify against a real swarm of container nodes: it passes what works, and names what does not.

The kernel of a test machine may lack ip_vs or esp4; then exactly what depends on them must fail, with that reason.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import jsonschema
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((CHECKOUT / "docs" / "report-schema.json").read_text(encoding="utf-8"))
RUN = "label=swarmlab.overlay/run"
WITHOUT_VIP = ("PRE-REACH", "CP-TLS", "NET-*", "SD-*")


@pytest.fixture(scope="module")
def networks(swarm, shared: str) -> dict[str, str]:
    """An attachable, an encrypted, and a closed overlay, and a service with tasks on the first two."""
    made = {"plain": f"{shared}-plain", "secret": f"{shared}-secret", "closed": f"{shared}-closed"}
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", made["plain"])
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "-o", "encrypted", made["secret"])
    swarm.docker("vm1", "network", "create", "-d", "overlay", made["closed"])
    swarm.docker("vm1", "service", "create", "-q", "--no-resolve-image", "--name", f"{shared}-web", "--replicas", "3",
                 "--network", made["plain"], "--network", made["secret"], swarm.image, "sleep", "1d")  # fmt: skip
    return made


class Verified:
    """What a run of the role printed and wrote."""

    def __init__(self, swarm, folder: Path, **variables) -> None:
        self.code, self.output = swarm.playbook(
            "swarmlab.overlay.verify", {"verify_directory": str(folder / "report"), **variables}
        )
        path = folder / "report" / "report.json"
        assert path.exists(), self.output
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        self.report = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(self.report, SCHEMA)

    def of(self, ident: str, network: str | None = None) -> list[dict]:
        return [row for row in self.report["checks"] if row["id"] == ident and network in (None, row["network"])]

    def not_passed(self) -> list[tuple]:
        return [(row["id"], row["status"], row["nodes"], row["evidence"]["summary"])
                for row in self.report["checks"] if row["status"] not in ("pass", "skip")]


def leftovers(swarm) -> list[str]:
    found = [swarm.docker("vm1", kind, "ls", "-q", "--filter", RUN) for kind in ("service", "network")]
    for host in swarm.nodes:
        found.append(swarm.docker(host, "ps", "-aq", "--filter", f"{RUN}", "--filter", "label=swarmlab.overlay/part=attached"))
        found.append(swarm.shell(host, "ls /run/swarmlab-overlay 2>/dev/null || true"))
    return [text for text in found if text]


def test_names_networks_and_trust_pass_and_nothing_is_left(swarm, networks: dict, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=sorted(networks.values()), verify_checks=list(WITHOUT_VIP))
    assert done.not_passed() == []
    assert done.code == 0 and "VERIFIED: " in done.output
    assert "refuses" in done.of("NET-ATTACH", networks["closed"])[0]["evidence"]["summary"]
    assert done.of("SD-VIP", networks["plain"])[0]["nodes"] == swarm.nodes
    assert leftovers(swarm) == []


def test_a_kernel_without_a_module_is_told_with_its_consequences(swarm, networks: dict, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=sorted(networks.values()))
    kernel = done.of("PRE-KMOD")[0]
    lacking = " ".join(kernel["evidence"]["missing"])
    direct, balanced = done.of("DP-MATRIX", networks["plain"])
    assert direct["status"] == "pass", direct
    assert balanced["status"] == ("fail" if "ip_vs" in lacking else "pass")
    encrypted = done.of("ENC-WIRE", networks["secret"])[0]
    if "esp4" in lacking:
        assert encrypted["status"] in ("fail", "inconclusive") and "esp4" in encrypted["hint"]
        assert done.of("DP-MATRIX", networks["secret"])[0]["status"] == "fail"
    else:
        assert encrypted["status"] == "pass", encrypted
    for row in done.report["checks"]:
        if row["id"] not in ("PRE-KMOD", "DP-MATRIX", "ENC-WIRE"):
            assert row["status"] == "pass", row
    assert (done.code != 0) == bool(lacking)


def test_a_node_whose_data_port_is_closed_is_named_and_nobody_else(swarm, networks: dict, tmp_path: Path) -> None:
    rule = "INPUT -p udp --dport 4789 -j DROP"
    swarm.shell("vm2", f"iptables -I {rule}")
    try:
        done = Verified(swarm, tmp_path, verify_networks=[networks["plain"]], verify_checks=["DP-MATRIX"],
                        verify_convergence_timeout=4)  # fmt: skip
    finally:
        swarm.shell("vm2", f"iptables -D {rule}")
    direct = done.of("DP-MATRIX")[0]
    assert (direct["status"], direct["nodes"]) == ("fail", ["vm2"])
    assert done.code != 0 and "on vm2: 4 of 6 pairs failed" in done.output


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
    swarm.docker("vm2", "run", "-d", "--label", label, "--label", "swarmlab.overlay/part=attached", swarm.image, "sleep", "1d")
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
