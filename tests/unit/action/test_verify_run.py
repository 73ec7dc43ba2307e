# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification leaves in its folder: three forms of one report, and the one before it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.swarmlab.overlay.plugins.action import verify_probe, verify_run
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import victim
from drafts import Draft

FILES = {"report.json", "report.html", "junit.xml"}


def report(run: str, *statuses: str) -> dict:
    about = {
        "run": run,
        "started": "2026-01-01T00:00:00Z",
        "collection": "swarmlab.overlay",
        "lab": None,
        "swarm": "s1",
        "nodes": [],
        "networks": [],
    }
    results = [
        {
            "id": "SD-VIP",
            "status": status,
            "reason": "ok" if status == "pass" else "paths-lost",
            "title": "t",
            "network": "back",
            "service": None,
            "nodes": [],
            "evidence": {"summary": "s"},
            "hint": None,
            "seconds": 0,
        }
        for status in statuses
    ]
    return build.document(results, about, 1)


def run_of(path: Path) -> str:
    return json.loads(path.read_text(encoding="utf-8"))["run"]


def test_three_runs_leave_the_last_and_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "report"
    paths = verify_run.write(report("r1", "pass"), str(folder))
    assert set(paths) == {"report", "page", "junit"} and {entry.name for entry in folder.iterdir()} == FILES
    assert "no earlier report" in (folder / "report.html").read_text(encoding="utf-8")
    verify_run.write(report("r2", "fail"), str(folder))
    verify_run.write(report("r3", "pass"), str(folder))
    assert {entry.name for entry in folder.iterdir()} == FILES | {"report.previous.json"}
    assert (run_of(folder / "report.json"), run_of(folder / "report.previous.json")) == ("r3", "r2")
    assert "1 verdict changed" in (folder / "report.html").read_text(encoding="utf-8")
    assert {entry.stat().st_mode & 0o777 for entry in folder.iterdir()} == {
        0o600
    } and folder.stat().st_mode & 0o777 == 0o700


def test_a_run_cut_off_between_two_files_is_no_loss(tmp_path: Path) -> None:
    verify_run.write(report("r1", "fail"), str(tmp_path))
    (tmp_path / "report.json").rename(tmp_path / "report.previous.json")
    verify_run.write(report("r2", "pass"), str(tmp_path))
    assert "1 verdict changed" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert run_of(tmp_path / "report.previous.json") == "r1"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100000, b'{"checks": [7]}'])
def test_a_spoilt_earlier_report_does_no_harm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.json").write_bytes(content)
    verify_run.write(report("r1", "pass"), str(tmp_path))
    assert run_of(tmp_path / "report.json") == "r1"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleActionFail, match="verify_directory: cannot write .*file"):
        verify_run.write(report("r1", "pass"), str(tmp_path / "file" / "report"))


def test_an_interrupted_run_leaves_no_old_results_for_ci(tmp_path: Path) -> None:
    verify_run.write(report("r1", "pass"), str(tmp_path))
    verify_run.forget_junit(str(tmp_path))
    verify_run.forget_junit(str(tmp_path))
    verify_run.forget_junit(None)
    assert {entry.name for entry in tmp_path.iterdir()} == FILES - {"junit.xml"}


@pytest.mark.parametrize(
    ("convergence", "limit", "patience"), [(20, 120, victim.REJOINING), (20, 60, 60), (20, 8, 20), (300, 120, 300)]
)
def test_gossip_gets_time_to_rejoin_after_a_disruption(convergence: int, limit: int, patience: int) -> None:
    settings = {"convergence": convergence, "disruptive_timeout": limit}
    given_victim = {"node": None, "node_id": None, "leader": "vm1", "skip": "no worker is there", "locks": False}
    arguments = {"settings": settings, "disruption": "drain", "document": {"victim": given_victim, "checks": []}}
    assert victim.settings_of_disruption(arguments, {"hostvars": {}}, check_mode=False)["convergence"] == patience


def test_what_was_registered_is_read_as_it_is_and_only_of_this_run() -> None:
    class HostVars:
        """Ansible's, without what templates."""

        def raw_get(self, host: str) -> dict:
            return {
                "verify_phase_prepare": {"run": "r1", "seen": {"host": host}},
                "verify_phase_probe": {"run": "r0"},
                "verify_phase_again": {"skipped": True},
            }

    found = verify_probe.phases_so_far({"hostvars": HostVars()}, {"hosts": ["vm1", "vm2"], "run": "r1"})
    assert found == {"prepare": {host: {"run": "r1", "seen": {"host": host}} for host in ("vm1", "vm2")}}


class Shown:
    """Ansible's display, which keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, line: str, color: str | None = None) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("results", "fail", "failed"),
    [
        ([("SD-VIP", "pass")], True, False),
        ([("SD-VIP", "fail")], True, True),
        ([("SD-VIP", "fail")], False, False),
        ([("SD-VIP", "pass"), ("SD-DNSRR", "skip")], True, False),
        ([], False, True),
        ([("SD-DNSRR", "skip")], False, True),
        ([("SD-VIP", "inconclusive"), ("SD-DNSRR", "skip")], False, True),
        ([("PRE-REACH", "fail"), ("NET-EXISTS", "fail")], False, True),
        ([("PRE-REACH", "fail"), ("SD-VIP", "fail")], False, False),
    ],
)
def test_nothing_proven_is_never_a_success(
    results: list, fail: bool, failed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verify_run, "DISPLAY", Shown())
    document = report("r1", *[status for _id, status in results])
    for item, (ident, _status) in zip(document["checks"], results):
        item["id"] = ident
    monkeypatch.setattr(verify_run, "write_diagnostics", lambda *_unused: "diagnostics")
    answer = verify_run.publish(document, verify_run.Gathered(Draft(), {}), {"directory": str(tmp_path), "fail": fail})
    assert answer.get("failed", False) == failed
    said = verify_run.DISPLAY.lines[0]
    assert ("NOTHING" in said) == (
        not any(status == "pass" or (status == "fail" and ident == "SD-VIP") for ident, status in results)
    )
    if all(status == "skip" for _id, status in results):
        assert "<error " in (tmp_path / "junit.xml").read_text(encoding="utf-8")


def task_vars(**more) -> dict:
    return {"ansible_play_hosts_all": ["vm1"], "hostvars": {"vm1": {}}, "ansible_forks": 5, **more}


def arguments(**more) -> dict:
    return {
        "timeout": 90,
        "convergence": 20,
        "disruptive_timeout": 120,
        "performance_seconds": 2.0,
        "certificate_days": 0.0,
        "quality": {},
        "shared_names": [],
        "checks": ["*"],
        "disruptive": [],
        "performance": False,
        "networks": ["*"],
        "services": ["*"],
        "nodes": ["*"],
        "disruptive_node": "",
        "image": "",
        "disruptive_force": False,
        **more,
    }


def test_no_network_and_no_host_are_refused_at_once() -> None:
    with pytest.raises(AnsibleActionFail, match="verify_networks is empty"):
        verify_run.begin(arguments(networks=[]), task_vars())
    with pytest.raises(AnsibleActionFail, match="No host is in this play"):
        verify_run.begin(arguments(), task_vars(ansible_play_hosts_all=[]))


def test_who_did_not_answer_is_told_whatever_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {module.ID: module for module in _checks.load()}

    def judge(ident: str, status: str):
        item = {"id": ident, "status": status}
        own = {name: getattr(declared[ident], name) for name in ("GUARD", "guards") if hasattr(declared[ident], name)}
        return SimpleNamespace(ID=ident, ORDER=1, judge=lambda _gathered: [item], **own)

    def told(chosen: list, crowded: list) -> list[str]:
        return [item["id"] for item in verify_run.judged(Draft(settings={"checks": chosen}, made={"crowded": crowded}))]

    checks = [
        judge("PRE-REACH", "fail"),
        judge("NET-EXISTS", "pass"),
        judge("IPAM-HEADROOM", "fail"),
        judge("SD-VIP", "pass"),
        judge("OPT-LINT", "fail"),
    ]
    monkeypatch.setattr(_checks, "load", lambda: checks)
    assert told(["SD-VIP"], []) == ["PRE-REACH", "SD-VIP"]
    assert told(["NET-EXISTS", "SD-VIP"], []) == ["PRE-REACH", "NET-EXISTS", "SD-VIP"]
    assert told(["SD-VIP"], ["n1"]) == ["PRE-REACH", "IPAM-HEADROOM", "SD-VIP"]


@pytest.mark.parametrize(
    ("what", "locks", "refused"),
    [
        ("engine-restart", True, True),
        ("reboot", True, True),
        ("firewall-reload", True, True),
        ("drain", True, False),
        ("partition", True, False),
        ("engine-restart", False, False),
    ],
)
def test_no_manager_is_locked_for_good(what: str, locks: bool, refused: bool) -> None:
    given_victim = {"node": "vm1", "node_id": "id", "leader": "vm1", "skip": None, "locks": locks}
    given = {
        "settings": {"convergence": 20, "disruptive_timeout": 60},
        "disruption": what,
        "document": {"victim": given_victim, "checks": []},
    }
    told = victim.settings_of_disruption(given, {"hostvars": {"vm1": {}}}, check_mode=False)["disruption"]["skip"]
    assert (told is not None and "autolock" in told) == refused


def test_what_the_inventory_declares_is_taken_from_every_host() -> None:
    hostvars = {
        "vm1": {"overlays_networks": [{"name": "front"}, {"name": "old", "state": "absent"}, "odd", {"nameless": 1}]},
        "vm2": {"overlays_networks": [{"name": "front", "state": "present"}, {"name": "back", "encrypted": "yes"}]},
        "vm3": {},
    }
    settings = verify_run.begin(arguments(), task_vars(ansible_play_hosts_all=list(hostvars), hostvars=hostvars))
    assert settings["declared"] == ["front", "back"]
    assert settings["declared_as"]["back"] == {"encrypted": True, "attachable": False, "internal": False}
