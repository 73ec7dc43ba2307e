# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.swarmlab.overlay.plugins.module_utils._lab import accel, lifecycle, state, vm
from ansible_collections.swarmlab.overlay.plugins.module_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.module_utils._lab.image import Image, image_key
from ansible_collections.swarmlab.overlay.plugins.module_utils._lab.spec import parse


def spec(base: Path = Path("/project"), **options):
    return parse({"name": "demo", "cache": str(base / "cache"), **options}, base)


def record(**options) -> state.LabRecord:
    entry = state.NodeRecord(index=1, address="10.77.0.11", machine_id="0", memory=768, vcpus=1, disk=8, ssh_port=4001)
    content = {"name": "demo", "driver": "vm", "subnet": "10.77.0.0/24", "image": image_key("trixie", None, [])}
    return state.LabRecord(**{**content, **options}, nodes={"vm1": entry})


@pytest.mark.parametrize(
    ("states", "create", "start"),
    [
        ({}, ["vm1", "vm2", "vm3"], ["vm1", "vm2", "vm3"]),
        ({"vm1": "running", "vm2": "running", "vm3": "running"}, [], []),
        ({"vm1": "running", "vm2": "stopped", "vm3": "running"}, [], ["vm2"]),
        ({"vm1": "running", "vm2": "paused", "vm3": "starting"}, [], ["vm2"]),
        ({"vm1": "running", "vm2": "absent"}, ["vm2", "vm3"], ["vm2", "vm3"]),
    ],
)
def test_only_what_is_missing_is_planned(states, create, start):
    plan = lifecycle.plan_nodes(spec(), states)
    assert [node.name for node in plan.create] == create
    assert [node.name for node in plan.start] == start


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"memory": 1024}, ["memory", "stopped and started"]),
        ({"vcpus": 2}, ["processor", "stopped and started"]),
        ({"disk": 9}, ["disk", "destroyed"]),
        ({"image": {"packages": ["vim"]}}, ["image", "destroyed"]),
    ],
)
def test_changes_that_take_effect_later_are_said(options, words):
    found = " ".join(lifecycle.notes(spec(**options), record(), {"vm1"}))
    assert bool(found) == bool(words)
    assert all(word in found for word in words)


@pytest.mark.parametrize(
    ("options", "error_id"),
    [
        ({"driver": "container"}, "LAB-E-DRIVERCHANGE"),
        ({"subnet": "10.78.0.0/24"}, "LAB-E-SUBNETCHANGE"),
        ({"nodes": 1}, "LAB-E-SHRINK"),
    ],
)
def test_what_cannot_be_changed_is_refused(tmp_path, options, error_id):
    made = record()
    made.nodes["vm2"] = state.NodeRecord(2, "10.77.0.12", "0", 768, 1, 8)
    lab = spec(tmp_path, **options)
    lab.directory.mkdir(parents=True)
    state.save(lab.directory, made)
    with pytest.raises(LabError) as caught:
        lifecycle.run(lab, True, print)
    assert caught.value.id == error_id


def test_nothing_is_absent_already(tmp_path):
    outcome = lifecycle.run(spec(tmp_path, state="absent"), False, print)
    assert not outcome.changed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ['{"format": 99}', "{broken", None])
def test_destroying_needs_no_valid_record(tmp_path, content):
    lab = spec(tmp_path, state="absent")
    (lab.directory / "nodes" / "vm1").mkdir(parents=True)
    if content:
        (lab.directory / state.FILE).write_text(content)
    outcome = lifecycle.run(lab, False, print)
    assert outcome.changed
    assert not (tmp_path / ".lab").exists()


def test_foreign_folders_are_not_destroyed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("x")
    with pytest.raises(LabError) as caught:
        lifecycle.run(spec(tmp_path, state="absent", directory="precious"), False, print)
    assert caught.value.id == "LAB-E-FOLDER"
    assert (tmp_path / "precious" / "thesis.txt").exists()


def test_stopping_nothing_is_fine(tmp_path):
    assert not lifecycle.run(spec(tmp_path, state="stopped"), False, print).changed


@pytest.mark.parametrize(
    ("wanted", "problem", "expected", "lines"),
    [("auto", None, "kvm", 0), ("auto", "no device", "tcg", 1), ("tcg", None, "tcg", 0), ("kvm", None, "kvm", 0)],
)
def test_the_accelerator_falls_back_with_one_line(wanted, problem, expected, lines):
    said: list[str] = []
    assert accel.choose(wanted, problem, said.append) == expected
    assert len(said) == lines


def test_kvm_that_is_demanded_and_not_there_is_an_error():
    with pytest.raises(LabError) as caught:
        accel.choose("kvm", "no device", print)
    assert caught.value.id == "LAB-E-NOKVM"


def test_two_labs_have_segments_of_their_own():
    lines = [" ".join(vm.segment_arguments(spec(name=name).directory, spec(name=name).node(1))) for name in ("a", "b")]
    assert lines[0] != lines[1]
    assert all("localaddr=127.0.0.1" in line for line in lines)


def test_qemu_gets_secrets_by_file_only():
    lab = spec()
    command = vm.qemu_command(
        lab, lab.node(1), record().nodes["vm1"], "tcg", Image("k", Path("/cache/k"), True), ["tmpfiles.extra"]
    )
    assert command[command.index("-smbios") + 1] == "type=11,path=credentials/tmpfiles.extra"
    assert "user,id=management,net=192.168.76.0/24,ipv6=off,restrict=off,hostfwd=tcp:127.0.0.1:4001-:22" in command
    assert "SYSTEMD_SECCOMP=0" in " ".join(command)
