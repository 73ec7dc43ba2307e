# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import (
    accel,
    golden,
    info,
    lifecycle,
    qemu,
    state,
    vm,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.image import Image, image_key
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.imagespec import ImageSpec
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.settings import NodeSettings
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse


def spec(base: Path = Path("/project"), **options):
    return parse({"name": "demo", "cache": str(base / "cache"), **options}, base)


def record(**options) -> state.LabRecord:
    entry = state.NodeRecord(
        index=1,
        address="10.77.0.11",
        machine_id="0",
        memory=768,
        vcpus=1,
        disk=8,
        ssh_port=4001,
        image=image_key(ImageSpec()),
    )
    content = {"name": "demo", "driver": "vm", "subnet": "10.77.0.0/24"}
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
        ({"node_settings": {"vm1": {"suite": "forky"}}}, ["vm1 was made", "not from forky-", "destroyed"]),
        ({"node_settings": {"vm1": {"user": "student"}}}, ["vm1", "destroyed"]),
        ({"node_settings": {"vm1": {"jump": "vm2"}}}, ["vm1 is reached directly, not through vm2", "destroyed"]),
        ({"node_settings": {"vm2": {"suite": "forky"}}}, []),
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


def test_qemu_gets_secrets_by_file_only():
    cards = qemu.Cards("52:54:00:00:00:0a", "52:54:00:00:00:0b", "../../segment/vm1", "../../segment/switch", 4001)
    image = Image("k", Path("/cache/k"), True)
    command = qemu.command("demo-vm1", qemu.Machine(768, 1, "tcg"), cards, image, ["tmpfiles.extra"])
    assert command[command.index("-smbios") + 1] == "type=11,path=credentials/tmpfiles.extra"
    assert "user,id=management,net=192.168.76.0/24,ipv6=off,restrict=off,hostfwd=tcp:127.0.0.1:4001-:22" in command
    assert "SYSTEMD_SECCOMP=0" in " ".join(command)


def test_memory_is_shared_only_by_machines_that_are_alike():
    keys = {
        qemu.Machine(memory, vcpus, "tcg").key(version)
        for memory, vcpus, version in [(768, 1, "7.2"), (1024, 1, "7.2"), (768, 2, "7.2"), (768, 1, "10.0")]
    }
    assert len(keys) == 4
    assert qemu.Machine(768, 1, "tcg").key("7.2") in keys


@pytest.mark.parametrize(
    ("mode", "accel_name", "expected"),
    [("auto", "tcg", True), ("auto", "kvm", False), ("always", "kvm", True), ("never", "tcg", False)],
)
def test_where_nodes_wake_up_instead_of_booting(mode, accel_name, expected):
    assert golden.wanted(mode, accel_name) is expected


def test_a_lab_that_is_not_there_cannot_be_opened(tmp_path):
    with pytest.raises(LabError) as caught:
        info.open_lab(parse({"name": "demo"}, tmp_path))
    assert caught.value.id == "LAB-E-NOLAB"
    assert not list(tmp_path.iterdir())


def test_an_existing_lab_is_known_by_its_record(tmp_path):
    folder = tmp_path / ".lab" / "demo"
    folder.mkdir(parents=True)
    state.save(folder, record(subnet="10.99.0.0/24"))
    kept, driver = info.open_lab(parse({"name": "demo"}, tmp_path))
    opened = driver.spec
    assert (opened.driver, str(opened.subnet), opened.nodes) == ("vm", "10.99.0.0/24", 1)
    assert kept == record(subnet="10.99.0.0/24")


class Recorder(vm.VmDriver):
    """The real driver on a folder without machines, which notes what it is told to remove."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.discarded: list[str] = []

    def observe(self, names):
        return dict.fromkeys(names, "running")

    def discard(self, names):
        self.discarded += names
        super().discard(names)


@pytest.mark.parametrize(("surplus", "check", "left"), [("keep", False, 2), ("remove", True, 2), ("remove", False, 1)])
def test_nodes_beyond_are_kept_or_removed_as_asked(tmp_path, monkeypatch, surplus, check, left):
    drivers: list[Recorder] = []
    monkeypatch.setitem(lifecycle.DRIVERS, "vm", lambda *given: drivers.append(Recorder(*given)) or drivers[-1])
    made = record()
    made.nodes["vm2"] = state.NodeRecord(2, "10.77.0.12", "0", 768, 1, 8, ssh_port=4002)
    lab = spec(tmp_path, nodes=1, surplus=surplus)
    (lab.directory / "nodes" / "vm2").mkdir(parents=True)
    state.save(lab.directory, made)
    outcome = lifecycle.run(lab, check, lambda text: None)
    assert outcome.changed == (surplus == "remove" or not check)
    assert ("vm2" in outcome.before) == (surplus == "remove") and "vm2" not in outcome.after
    assert len(state.load(lab.directory).nodes) == left
    assert (lab.directory / "nodes" / "vm2").exists() == (left == 2)
    assert drivers[-1].discarded == (["vm2"] if left == 1 else [])
    if not check:
        assert ("Host vm2" in (lab.directory / "ssh_config").read_text()) == (left == 2)
        again = lifecycle.run(lab, False, lambda text: None)
        assert not again.changed


def test_archives_of_logs_do_not_keep_a_lab_without_record_alive(tmp_path):
    lab = spec(tmp_path, state="absent")
    lab.directory.mkdir(parents=True)
    (lab.directory / "logs-20261124T000000Z.tar.gz").write_text("")
    assert lifecycle.run(lab, False, print).changed
    assert not lab.directory.exists()


def cached(folder: Path, *keys: str) -> None:
    for key in keys:
        (folder / "cache" / "images" / key).mkdir(parents=True)
        (folder / "cache" / "images" / key / "recipe.json").write_text("{}")


def test_every_node_gets_the_image_of_its_suite(tmp_path, monkeypatch):
    monkeypatch.setattr(lifecycle, "ensure_image", lambda cache, wanted, report: Image(image_key(wanted), cache, False))
    lab = spec(tmp_path, node_settings={"vm2": {"suite": "bookworm"}, "vm3": {"suite": "forky"}})
    images = lifecycle.images_for(lab, state.LabRecord("demo", "vm", "10.77.0.0/24"), print)
    assert [image.key.rpartition("-")[0] for image in images.values()] == ["trixie", "bookworm", "forky"]


def test_a_node_that_comes_later_is_like_those_that_are_like_it(tmp_path, monkeypatch):
    """The recipe may have changed since: nodes of one lab and suite stay the same."""
    monkeypatch.setattr(lifecycle, "ensure_image", lambda cache, wanted, report: Image(image_key(wanted), cache, False))
    cached(tmp_path, "trixie-old")
    made = record()
    made.nodes["vm1"].image = "trixie-old"
    lab = spec(tmp_path, node_settings={"vm3": {"suite": "forky"}})
    assert [image.key.partition("-")[2] == "old" for image in lifecycle.images_for(lab, made, print).values()] == [
        True,
        True,
        False,
    ]


def test_what_a_node_was_made_with_it_keeps(tmp_path):
    made = record()
    made.nodes["vm1"].settings = NodeSettings("bookworm", user="student")
    lab = made.settled(spec(node_settings={"all": {"user": "admin"}}))
    assert (lab.settings_of("vm1").user, lab.settings_of("vm1").suite, lab.settings_of("vm2").user) == (
        "student",
        "bookworm",
        "admin",
    )


def test_disks_are_lost_without_the_image_they_are_based_on(tmp_path, monkeypatch):
    monkeypatch.setattr(lifecycle, "ensure_image", lambda cache, wanted, report: Image(image_key(wanted), cache, False))
    made = record()
    made.nodes["vm1"].image = "trixie-old"
    with pytest.raises(LabError) as caught:
        lifecycle.images_for(spec(tmp_path), made, print)
    assert caught.value.id == "LAB-E-IMAGEGONE" and "trixie-old" in caught.value.message


@pytest.mark.parametrize(
    ("node", "words", "first"),
    [("vm1", ["systemctl poweroff"], b""), ("vm2", ["sudo -S -p '' sh -c 'systemctl poweroff'"], b"secret\n")],
)
def test_a_user_becomes_root_by_a_password_that_no_command_line_shows(tmp_path, node, words, first):
    lab = spec(tmp_path, node_settings={"vm2": {"user": "student"}})
    lab.directory.mkdir(parents=True)
    (lab.directory / "password").write_text("secret\n")
    argv, told = vm.VmDriver(lab, print).root_shell(node, "systemctl poweroff")
    assert argv[-1:] == words and told == first and "secret" not in " ".join(argv)


def test_no_port_of_this_machine_leads_to_a_node_behind_another(tmp_path):
    made = record()
    made.nodes["vm2"] = state.NodeRecord(2, "10.77.0.12", "0", 768, 1, 8, settings=NodeSettings(jump="vm1"))
    lab = made.settled(spec(tmp_path, nodes=2))
    vm.VmDriver(lab, print).assign_ports(lab.node_list, made)
    assert made.nodes["vm1"].ssh_port and not made.nodes["vm2"].ssh_port


def test_nodes_behind_another_stop_while_there_is_a_way_to_them(tmp_path, monkeypatch):
    told: list[str] = []
    running = ["vm1", "vm2", "vm3"]
    monkeypatch.setattr(vm.processes, "find", lambda folder: dict.fromkeys(running))
    monkeypatch.setattr(vm.processes, "end", lambda folder, names, grace: running.clear())
    monkeypatch.setattr(vm.qmp, "execute_all", lambda folders, command: {})
    monkeypatch.setattr(vm.segment, "end", lambda directory: None)
    monkeypatch.setattr(vm.VmDriver, "_ssh", lambda self, name, command: told.append(name) or True)
    vm.VmDriver(spec(tmp_path, node_settings={"all": {"jump": "vm1"}}), print).stop(["vm1", "vm2", "vm3"])
    assert sorted(told[:2]) == ["vm2", "vm3"] and told[2:] == ["vm1"]


@pytest.mark.parametrize(
    ("failures", "launched", "made", "said", "raised"),
    [
        pytest.param([], 1, 0, [], None, id="sound"),
        pytest.param(["LAB-E-CLONE"], 2, 1, ["vm1 did not"], None, id="a clone without its identity"),
        pytest.param(["LAB-E-CLONE", "LAB-E-CLONE"], 2, 1, ["vm1 did not"], "LAB-E-CLONE", id="twice"),
        pytest.param(["LAB-E-NOQEMU"], 1, 0, [], "LAB-E-NOQEMU", id="what another try does not mend"),
    ],
)
def test_a_node_that_does_not_wake_up_is_begun_anew_once(tmp_path, monkeypatch, failures, launched, made, said, raised):
    left = list(failures)
    calls: list[str] = []
    details = {"node": "vm1", "reason": "no answer", "tool": "qemu", "package": "qemu"}

    def wake(folder, name, message):
        if left:
            raise LabError(left.pop(0), **details)

    lab = spec(tmp_path, nodes=1)
    monkeypatch.setattr(vm.segment, "ensure", lambda folder: False)
    monkeypatch.setattr(vm.golden, "wake", wake)
    monkeypatch.setattr(vm.VmDriver, "launch", lambda self, *given: calls.append("launch"))
    monkeypatch.setattr(vm.VmDriver, "_create", lambda self, *given: calls.append("create"))
    monkeypatch.setattr(vm.VmDriver, "_write_credentials", lambda self, *given: None)
    monkeypatch.setattr(vm.VmDriver, "_identity", lambda self, *given: None)
    reports: list[str] = []
    driver = vm.VmDriver(lab, reports.append)
    driver._clones = {"vm1": golden.Golden(tmp_path)}
    image = Image("trixie-1", tmp_path, True)
    if raised:
        with pytest.raises(LabError) as caught:
            driver.start(lab.node_list, record(), {"vm1": image})
        assert caught.value.id == raised
    else:
        driver.start(lab.node_list, record(), {"vm1": image})
    assert (calls.count("launch"), calls.count("create")) == (launched, made)
    assert [text[: len("vm1 did not")] for text in reports if "once more" in text] == said


@pytest.mark.parametrize(
    ("sent", "console", "told"),
    [
        (b"xadopted\n", "", None),
        (b"x", "swarmlab: node failed\n", "its console says: swarmlab: node failed"),
        (b"x", "", "no answer within 0 s; its console says: nothing"),
        (None, "", "it ended"),
    ],
)
def test_why_a_clone_does_not_take_its_identity(tmp_path, monkeypatch, sent, console, told):
    monkeypatch.setattr(golden.recipe, "FAILED_MARK", "node failed")
    monkeypatch.setattr(golden, "IDENTITY_SECONDS", 0)
    (tmp_path / "console").write_text(console)
    here, there = socket.socketpair()
    with here, there:
        here.settimeout(0.01)
        if sent:
            there.sendall(sent)
        else:
            there.close()
        assert golden._refused(here, tmp_path / "console") == told
