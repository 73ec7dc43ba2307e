# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import info, snapshot, state
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.options import label
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.settings import NodeSettings
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse

ENTRY = state.NodeRecord(
    index=1,
    address="10.77.0.11",
    machine_id="a",
    memory=768,
    vcpus=1,
    disk=8,
    image="bookworm-0",
    settings=NodeSettings("bookworm"),
)


def record(**machine_ids: str) -> state.LabRecord:
    nodes = {
        name: dataclasses.replace(ENTRY, index=int(name[2:]), machine_id=machine_id)
        for name, machine_id in machine_ids.items()
    }
    return state.LabRecord("demo", "vm", "10.77.0.0/24", "tcg", nodes)


def manifest(**machine_ids: str) -> snapshot.Manifest:
    return snapshot.Manifest("saved", 5.0, "7.2.1", "tcg", record(**machine_ids).nodes)


@pytest.mark.parametrize(
    ("saved", "now", "version", "words"),
    [
        ({"vm1": "a", "vm2": "b"}, {"vm1": "a", "vm2": "b"}, "7.2.1", []),
        ({"vm1": "a"}, {"vm1": "a"}, "10.0.0", ["QEMU 7.2.1", "10.0.0"]),
        ({"vm1": "a", "vm2": "b"}, {"vm1": "a"}, "7.2.1", ["it has vm2"]),
        ({"vm1": "a"}, {"vm1": "a", "vm2": "b"}, "7.2.1", ["the lab has vm2"]),
        ({"vm1": "a"}, {"vm1": "other"}, "7.2.1", ["vm1 was made anew"]),
    ],
)
def test_what_keeps_a_snapshot_from_being_restored(saved, now, version, words):
    found = " ".join(snapshot.obstacles(manifest(**saved), record(**now), version))
    assert bool(found) == bool(words)
    assert all(word in found for word in words)


def test_manifests_are_listed_in_order_of_time(tmp_path):
    folder = tmp_path / snapshot.FOLDER
    folder.mkdir()
    for name, created in (("young", 9.0), ("old", 3.0)):
        content = dataclasses.replace(manifest(vm1="a"), name=name, created=created)
        (folder / f"{name}.json").write_text(json.dumps(dataclasses.asdict(content)))
    assert [found.name for found in snapshot.manifests(tmp_path)] == ["old", "young"]
    assert snapshot.manifests(tmp_path)[0].nodes == {"vm1": ENTRY}
    (folder / "broken.json").write_text('{"name": 1}')
    with pytest.raises(LabError) as caught:
        snapshot.manifests(tmp_path)
    assert caught.value.id == "LAB-E-BROKEN"


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", "-a", "a" * 65])
def test_names_that_are_none(name):
    with pytest.raises(LabError):
        label("snapshot", name)


def test_containers_have_no_snapshots(tmp_path):
    lab = dataclasses.replace(record(vm1="a"), driver="container")
    (tmp_path / ".lab" / "demo").mkdir(parents=True)
    state.save(tmp_path / ".lab" / "demo", lab)
    kept, driver = info.open_lab(parse({"name": "demo"}, tmp_path))
    with pytest.raises(LabError) as caught:
        snapshot.Snapshots(driver, kept)
    assert caught.value.id == "LAB-E-NOSNAPSHOT"
